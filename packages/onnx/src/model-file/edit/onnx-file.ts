import { DataError, type ImportedModel } from "isoloss";
import {
  contentOf,
  type OnnxTensor,
  type RawField,
  type ReadExternal,
  rawField,
  rawFields,
  rawMessage,
  readTensor,
  requireBytes,
} from "isoloss/internal";
import { decodeModel, type OnnxModel } from "isoloss/onnx";
import { type ImportSettings, importedModel } from "../../import/from-onnx.js";
import { type GraphItem, INITIALIZER, INPUT, itemOf, OUTPUT, readerOf } from "./graph-items.js";

/** Fields of ModelProto and GraphProto: onnx.in.proto. */
const [GRAPH, NAME, SPARSE_INITIALIZER] = [7, 2, 15];

/** What can be run: as bytes by ONNX Runtime, as a model in JavaScript. */
export interface Runnable {
  readonly bytes: Uint8Array;
  readonly model: OnnxModel;
}

/** Bytes that are decoded when the model is first asked for. @param op names the function in errors */
export function runnable(op: string, bytes: Uint8Array): Runnable {
  requireBytes(op, bytes);
  let model: OnnxModel | undefined;
  return {
    bytes,
    get model() {
      model ??= decodeModel(bytes);
      return model;
    },
  };
}

/** The model as `fromOnnx` reads it. */
export const imported = <const Out extends string = string>(
  file: Runnable,
  options: ImportSettings<Out> = {},
): ImportedModel<Out> => importedModel(() => file.model, options);

/**
 * An ONNX file that was decoded once: the fields of the model and of its graph, also those that the codec does not know,
 * with the nodes read. It does not change: a `GraphEditor` makes another one, which is encoded when its bytes are needed.
 */
export class OnnxFile implements Runnable {
  #bytes: Uint8Array | undefined;
  #model: OnnxModel | undefined;

  /** @param bytes those that it was read from @param external reads external data for `model` */
  constructor(
    /** Of the model; what that of the graph holds is in `items`. */
    readonly fields: readonly RawField[],
    readonly items: readonly GraphItem[],
    bytes?: Uint8Array,
    readonly external?: ReadExternal,
  ) {
    this.#bytes = bytes;
  }

  /** @param op names the function in errors */
  static decode(op: string, bytes: Uint8Array, external?: ReadExternal): OnnxFile {
    requireBytes(op, bytes);
    try {
      return OnnxFile.#decoded(bytes, external);
    } catch (cause) {
      if (!(cause instanceof DataError)) throw cause;
      throw new DataError(`${op}: the bytes are not a readable ONNX model: ${cause.message}`, { cause });
    }
  }

  static #decoded(bytes: Uint8Array, external?: ReadExternal): OnnxFile {
    const fields = rawFields(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    const graph = fields.filter(({ number }) => number === GRAPH).at(-1);
    if (graph === undefined) {
      throw new DataError("No graph found: this is not an ONNX model, or the file is truncated.");
    }
    return new OnnxFile(fields, rawFields(contentOf(graph)).map(itemOf), bytes, external);
  }

  /** Encoded when it is first asked for; fields that no change concerns have the bytes that they had. */
  get bytes(): Uint8Array {
    this.#bytes ??= withGraph(this.fields, this.items);
    return this.#bytes;
  }

  /** The file as the codec reads it. */
  get model(): OnnxModel {
    this.#model ??= this.#read();
    return this.#model;
  }

  #read(): OnnxModel {
    const small = [NAME, INPUT, OUTPUT, SPARSE_INITIALIZER];
    const rest = this.items.filter(({ field }) => small.includes(field.number));
    const model = decodeModel(withGraph(this.fields, rest));
    const nodes = this.items.flatMap(({ node }) => (node === undefined ? [] : [node]));
    const initializers = this.items.flatMap(({ field }): OnnxTensor[] =>
      field.number === INITIALIZER ? [readTensor(readerOf(field, this.external))] : [],
    );
    return { ...model, graph: { ...model.graph, nodes, initializers } };
  }
}

/** A model with these fields in its graph. */
function withGraph(fields: readonly RawField[], items: readonly GraphItem[]): Uint8Array {
  const graph = rawMessage(items.map(({ field }) => field));
  return rawMessage(
    fields.map((field) => (field.number === GRAPH ? rawField(GRAPH, (w, n) => w.bytes(n, graph)) : field)),
  );
}
