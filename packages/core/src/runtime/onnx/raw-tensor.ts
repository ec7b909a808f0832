// TensorProto of the ONNX schema (onnx.in.proto), edited in place.
import { DataError } from "../../errors.js";
import { writeTensor } from "./encode.js";
import { MAX_DEPTH, ProtoReader, ProtoWriter, readEntry } from "./protobuf.js";
import { mapFields, type RawField, rawField, rawFields, rawMessage } from "./raw-fields.js";
import type { OnnxTensor } from "./schema.js";

const NAME = 8;
const RAW_DATA = 9;
const DOC_STRING = 12;
const EXTERNAL_DATA = 13;
const DATA_LOCATION = 14;
const METADATA_PROPS = 16;
/** Fields that hold a tensor's numbers: float, int32, string, int64, raw, double and uint64 data. */
const dataFields = [4, 5, 6, 7, RAW_DATA, 10, 11];

/** What a tensor is, without its numbers. */
export interface TensorHeader {
  readonly name: string;
  readonly shape: readonly number[];
  /** TensorProto.DataType. */
  readonly code: number;
  readonly isExternal: boolean;
}

export function tensorHeader(tensor: Uint8Array): TensorHeader {
  const r = new ProtoReader(tensor);
  const shape: number[] = [];
  let [name, code, isExternal] = ["", 0, false];
  for (let field = r.next(); field !== 0; field = r.next()) {
    if (field === 1) r.ints(shape);
    else if (field === 2) code = r.int();
    else if (field === NAME) name = r.string();
    else if (field === DATA_LOCATION) isExternal = r.int() === 1;
    else r.skip();
  }
  return { name, shape, code, isExternal };
}

/** The entries that say where a tensor's external data is. */
export function externalEntries(tensor: Uint8Array): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  const r = new ProtoReader(tensor);
  for (let field = r.next(); field !== 0; field = r.next()) {
    if (field !== EXTERNAL_DATA) {
      r.skip();
      continue;
    }
    entries.set(...readEntry(r.message()));
  }
  return entries;
}

/** Whether a tensor keeps its numbers as raw bytes, which external data becomes, too. */
export const isRaw = (tensor: Uint8Array): boolean =>
  rawFields(tensor).some(({ number }) => number === RAW_DATA || number === EXTERNAL_DATA);

/** A tensor with its numbers replaced by a field that `write` writes; all that says what it is stays. */
export function withData(
  tensor: Uint8Array,
  number: number,
  write: (w: ProtoWriter, number: number) => void,
): Uint8Array {
  const replaced = [...dataFields, EXTERNAL_DATA, DATA_LOCATION];
  const fields = rawFields(tensor);
  const first = fields.findIndex((field) => replaced.includes(field.number));
  const at = first < 0 ? fields.length : first;
  const isKept = (field: RawField) => !replaced.includes(field.number);
  return rawMessage([
    ...fields.slice(0, at).filter(isKept),
    rawField(number, write),
    ...fields.slice(at).filter(isKept),
  ]);
}

/** Another tensor with what a file says of one: its text and entries. */
export function withRemarks(tensor: OnnxTensor, before: Uint8Array): Uint8Array {
  const w = new ProtoWriter();
  writeTensor(w, tensor);
  const remarks = rawFields(before).filter(({ number }) => [DOC_STRING, METADATA_PROPS].includes(number));
  return rawMessage([...rawFields(w.finish()), ...remarks]);
}

export const withRawData = (tensor: Uint8Array, data: Uint8Array): Uint8Array =>
  withData(tensor, RAW_DATA, (w, number) => w.bytes(number, data));

/** A graph inside a graph: it is in an attribute, which is in a node. */
const DEPTH_OF_GRAPH = 3;

/** Changes of the messages of a model, by their kind; default none. */
export interface MessageChanges {
  /** TensorProto: initializers and attributes. */
  readonly tensor?: (message: Uint8Array) => Uint8Array;
  /** NodeProto, after its attributes. */
  readonly node?: (message: Uint8Array) => Uint8Array;
  /** GraphProto, after its nodes, tensors and values. */
  readonly graph?: (message: Uint8Array) => Uint8Array;
  /** ValueInfoProto: inputs, outputs and values of a graph. */
  readonly value?: (message: Uint8Array) => Uint8Array;
}

const same = (message: Uint8Array): Uint8Array => message;

/** Changes every message of some kinds in a model, those of subgraphs and functions included. */
export function mapMessages(
  model: Uint8Array,
  { tensor = same, node: changeNode = same, graph: changeGraph = same, value = same }: MessageChanges,
): Uint8Array {
  const node =
    (depth: number) =>
    (message: Uint8Array): Uint8Array => {
      if (depth > MAX_DEPTH) throw new DataError(`Messages nested deeper than ${MAX_DEPTH}.`);
      const inner = (content: Uint8Array) => graph(content, depth + DEPTH_OF_GRAPH);
      return changeNode(
        mapFields(message, {
          5: (attribute) => mapFields(attribute, { 5: tensor, 6: inner, 10: tensor, 11: inner }),
        }),
      );
    };
  const graph = (message: Uint8Array, depth: number): Uint8Array =>
    changeGraph(mapFields(message, { 1: node(depth), 5: tensor, 11: value, 12: value, 13: value }));
  return mapFields(model, {
    7: (message) => graph(message, 1),
    25: (message) => mapFields(message, { 7: node(1) }),
  });
}
