// Field numbers: the ONNX schema (onnx.in.proto).
import { DataError } from "../../errors.js";
import { readTensor } from "./decode-tensor.js";
import { dtypeOfCode } from "./dtypes.js";
import { type ProtoReader, readEntry } from "./protobuf.js";
import type { AttributeValue, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from "./schema.js";

/** AttributeProto.AttributeType; the index of a name is its code. */
const attributeTypes = [
  "undefined",
  "float",
  "int",
  "string",
  "tensor",
  "graph",
  "floats",
  "ints",
  "strings",
  "tensors",
  "graphs",
  "sparse tensor",
  "sparse tensors",
  "type",
  "types",
];

export function readModel(r: ProtoReader): OnnxModel {
  let irVersion = 0;
  let producer = "";
  let graph: OnnxGraph | undefined;
  const opsets: { domain: string; version: number }[] = [];
  const metadata: [string, string][] = [];
  for (let field = r.next(); field !== 0; field = r.next()) {
    if (field === 1) irVersion = r.int();
    else if (field === 2) producer = r.string();
    else if (field === 7) graph = readGraph(r.message());
    else if (field === 8) opsets.push(readOpset(r.message()));
    else if (field === 14) metadata.push(readEntry(r.message()));
    else if (field === 25) {
      throw new DataError(
        "The model defines functions of its own. Inline them first: onnx.inliner.inline_local_functions(model).",
      );
    } else r.skip();
  }
  if (graph === undefined) {
    throw new DataError("No graph found: this is not an ONNX model, or the file is truncated.");
  }
  return { irVersion, opsets, producer, graph, metadata: Object.fromEntries(metadata) };
}

function readOpset(r: ProtoReader): { domain: string; version: number } {
  let domain = "";
  let version = 0;
  for (let field = r.next(); field !== 0; field = r.next()) {
    if (field === 1) domain = r.string();
    else if (field === 2) version = r.int();
    else r.skip();
  }
  return { domain, version };
}

/** A graph; inside another one, values may be sequences, whose types are left out like those that are inferred. */
function readGraph(r: ProtoReader, isInner = false): OnnxGraph {
  let name = "";
  const inputs: OnnxValueInfo[] = [];
  const outputs: OnnxValueInfo[] = [];
  const initializers: OnnxTensor[] = [];
  const nodes: OnnxNode[] = [];
  for (let field = r.next(); field !== 0; field = r.next()) {
    if (field === 1) nodes.push(readNode(r.message()));
    else if (field === 2) name = r.string();
    else if (field === 5) initializers.push(readTensor(r.message()));
    else if (field === 11) inputs.push(readValueInfo(r.message(), isInner));
    else if (field === 12) outputs.push(readValueInfo(r.message(), isInner));
    else if (field === 15) {
      throw new DataError("The graph has a sparse initializer. Make it dense before saving the model.");
    } else r.skip();
  }
  return { name, inputs, outputs, initializers, nodes };
}

export function readNode(r: ProtoReader): OnnxNode {
  let opType = "";
  let domain = "";
  let name = "";
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: ProtoReader[] = [];
  for (let field = r.next(); field !== 0; field = r.next()) {
    if (field === 1) inputs.push(r.string());
    else if (field === 2) outputs.push(r.string());
    else if (field === 3) name = r.string();
    else if (field === 4) opType = r.string();
    else if (field === 5) attributes.push(r.message());
    else if (field === 7) domain = r.string();
    else r.skip();
  }
  // Decoded only now, when messages can name the attribute's owner.
  const owner = name === "" ? opType : `${opType} "${name}"`;
  return {
    opType,
    ...(domain !== "" && { domain }),
    ...(name !== "" && { name }),
    inputs,
    outputs,
    attributes: Object.fromEntries(attributes.map((a) => readAttribute(a, owner))),
  };
}

function readAttribute(r: ProtoReader, owner: string): [string, AttributeValue] {
  let name = "";
  let type = 0;
  let reference = "";
  let float: number | undefined;
  let int: number | undefined;
  let string: string | undefined;
  let tensor: OnnxTensor | undefined;
  let graph: OnnxGraph | undefined;
  const floats: number[] = [];
  const ints: number[] = [];
  const strings: string[] = [];
  for (let field = r.next(); field !== 0; field = r.next()) {
    if (field === 1) name = r.string();
    else if (field === 2) float = r.float();
    else if (field === 3) int = r.int();
    else if (field === 4) string = r.string();
    else if (field === 5) tensor = readTensor(r.message());
    else if (field === 6) graph = readGraph(r.message(), true);
    else if (field === 7) r.floats(floats);
    else if (field === 8) r.ints(ints);
    else if (field === 9) strings.push(r.string());
    else if (field === 20) type = r.int();
    else if (field === 21) reference = r.string();
    else r.skip();
  }
  const what = `The attribute "${name}" of ${owner}`;
  if (reference !== "") {
    throw new DataError(`${what} refers to "${reference}" of a function; a graph needs a value.`);
  }

  const present: AttributeValue[] = [];
  if (float !== undefined) present.push({ kind: "float", value: float });
  if (int !== undefined) present.push({ kind: "int", value: int });
  if (string !== undefined) present.push({ kind: "string", value: string });
  if (tensor !== undefined) present.push({ kind: "tensor", value: tensor });
  if (graph !== undefined) present.push({ kind: "graph", value: graph });
  if (floats.length > 0) present.push({ kind: "floats", value: floats });
  if (ints.length > 0) present.push({ kind: "ints", value: ints });
  if (strings.length > 0) present.push({ kind: "strings", value: strings });
  // Files of the first IR version have no type field: the only value present determines the type.
  if (type === 0) {
    if (present.length !== 1) throw new DataError(`${what} has no type and ${present.length} values.`);
    return [name, present[0]];
  }
  const kind = attributeTypes[type] ?? `number ${type}`;
  const value = present.find((v) => v.kind === kind) ?? defaultValue(kind);
  if (value === undefined)
    throw new DataError(`${what} is of type ${kind}, which is not supported or is empty.`);
  return [name, value];
}

/** Writers may leave out a value that equals its type's default. */
function defaultValue(kind: string): AttributeValue | undefined {
  switch (kind) {
    case "float":
    case "int":
      return { kind, value: 0 };
    case "string":
      return { kind, value: "" };
    case "floats":
    case "ints":
    case "strings":
      return { kind, value: [] };
    default:
      return undefined;
  }
}

export function readValueInfo(r: ProtoReader, allowsSequence = false): OnnxValueInfo {
  let name = "";
  let type: ProtoReader | undefined;
  for (let field = r.next(); field !== 0; field = r.next()) {
    if (field === 1) name = r.string();
    else if (field === 2) type = r.message();
    else r.skip();
  }
  return type === undefined
    ? { name }
    : { name, ...readTensorType(type, `The value "${name}"`, allowsSequence) };
}

function readTensorType(r: ProtoReader, what: string, allowsSequence: boolean): Omit<OnnxValueInfo, "name"> {
  let tensor: ProtoReader | undefined;
  for (let field = r.next(); field !== 0; field = r.next()) {
    if (field === 1) tensor = r.message();
    else if (field === 6 || (field === 4 && allowsSequence)) r.skip();
    else
      throw new DataError(`${what} is not a dense tensor. Sequences, maps and the like are not supported.`);
  }
  if (tensor === undefined) return {};
  let code = 0;
  let shape: (number | string)[] | undefined;
  for (let field = tensor.next(); field !== 0; field = tensor.next()) {
    if (field === 1) code = tensor.int();
    else if (field === 2) shape = readShape(tensor.message());
    else tensor.skip();
  }
  return { dtype: dtypeOfCode(code, what), ...(shape !== undefined && { shape }) };
}

function readShape(r: ProtoReader): (number | string)[] {
  const shape: (number | string)[] = [];
  for (let field = r.next(); field !== 0; field = r.next()) {
    if (field === 1) shape.push(readDimension(r.message()));
    else r.skip();
  }
  return shape;
}

function readDimension(r: ProtoReader): number | string {
  let dim: number | string = "";
  for (let field = r.next(); field !== 0; field = r.next()) {
    if (field === 1) dim = r.int();
    else if (field === 2) dim = r.string();
    else r.skip();
  }
  // Some exporters write -1 for a size that is open.
  return typeof dim === "number" && dim < 0 ? "" : dim;
}
