import { readValueInfo } from "../../runtime/onnx/decode.js";
import { writeTensor, writeValueInfo } from "../../runtime/onnx/encode.js";
import { ProtoReader } from "../../runtime/onnx/protobuf.js";
import {
  contentOf,
  mapFields,
  type RawField,
  rawField,
  rawFields,
  rawMessage,
} from "../../runtime/onnx/raw-fields.js";
import { tensorHeader } from "../../runtime/onnx/raw-tensor.js";
import type { OnnxTensor, OnnxValueInfo } from "../../runtime/onnx/schema.js";
import { INITIALIZER, INPUT, itemOf, OUTPUT, VALUE_INFO } from "./graph-items.js";

export interface TensorChanges {
  /** Initializers of other types or shapes, by name. */
  readonly tensors: ReadonlyMap<string, OnnxTensor>;
  /** The new type and shape of an input or output that is no initializer; default as it is. */
  readonly valueInfo?: ((info: OnnxValueInfo) => OnnxValueInfo) | undefined;
}

/**
 * A model with other tensors in the place of initializers. What the file says of the types and shapes of values inside the
 * graph is left out, as it may be wrong then; other fields keep their bytes.
 */
export function replaceTensors(model: Uint8Array, { tensors, valueInfo }: TensorChanges): Uint8Array {
  const changed = (field: RawField): RawField[] => {
    const { number } = field;
    if (number === VALUE_INFO) return [];
    if (number === INITIALIZER) {
      const tensor = tensors.get(tensorHeader(contentOf(field)).name);
      if (tensor === undefined) return [field];
      return [rawField(number, (w, n) => w.message(n, (t) => writeTensor(t, tensor)))];
    }
    if (number !== INPUT && number !== OUTPUT) return [field];
    // Before IR version 4 every initializer is an input of the graph, too.
    const tensor = tensors.get(itemOf(field).name ?? "");
    if (tensor === undefined && valueInfo === undefined) return [field];
    const info = readValueInfo(new ProtoReader(contentOf(field)));
    const own = tensor ?? valueInfo?.(info) ?? info;
    return own === info ? [field] : [rawField(number, (w, n) => w.message(n, (v) => writeValueInfo(v, own)))];
  };
  return mapFields(model, { 7: (graph) => rawMessage(rawFields(graph).flatMap(changed)) });
}
