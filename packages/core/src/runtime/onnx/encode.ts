// Field numbers: the ONNX schema (onnx.in.proto).
import { sizeOf } from "../../array.js";
import { DTypeError, ShapeError } from "../../errors.js";
import { arrayClasses, dtypeCode } from "./dtypes.js";
import type { ProtoWriter } from "./protobuf.js";
import type { AttributeValue, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from "./schema.js";

/** AttributeProto.AttributeType */
const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7, strings: 8 };

export function writeModel(w: ProtoWriter, model: OnnxModel): void {
  w.int(1, model.irVersion);
  w.string(2, model.producer);
  w.message(7, (g) => writeGraph(g, model.graph));
  for (const { domain, version } of model.opsets) {
    w.message(8, (o) => {
      o.string(1, domain);
      o.int(2, version);
    });
  }
  for (const [key, value] of Object.entries(model.metadata)) {
    w.message(14, (entry) => {
      entry.string(1, key);
      entry.string(2, value);
    });
  }
}

function writeGraph(w: ProtoWriter, graph: OnnxGraph): void {
  for (const node of graph.nodes) w.message(1, (n) => writeNode(n, node));
  w.string(2, graph.name);
  for (const tensor of graph.initializers) w.message(5, (t) => writeTensor(t, tensor));
  for (const input of graph.inputs) w.message(11, (v) => writeValueInfo(v, input));
  for (const output of graph.outputs) w.message(12, (v) => writeValueInfo(v, output));
}

export function writeNode(w: ProtoWriter, node: OnnxNode): void {
  for (const input of node.inputs) w.string(1, input);
  for (const output of node.outputs) w.string(2, output);
  if (node.name) w.string(3, node.name);
  w.string(4, node.opType);
  for (const [name, value] of Object.entries(node.attributes)) {
    w.message(5, (a) => writeAttribute(a, name, value, node.opType));
  }
  if (node.domain) w.string(7, node.domain);
}

function writeAttribute(w: ProtoWriter, name: string, attribute: AttributeValue, opType: string): void {
  const integer = (value: number): number => {
    if (!Number.isSafeInteger(value)) {
      throw new DTypeError(`The attribute "${name}" of ${opType} must be an exact integer; got ${value}.`);
    }
    return value;
  };
  w.string(1, name);
  switch (attribute.kind) {
    case "float":
      w.float(2, attribute.value);
      break;
    case "int":
      w.int(3, integer(attribute.value));
      break;
    case "string":
      w.string(4, attribute.value);
      break;
    case "tensor":
      w.message(5, (t) => writeTensor(t, attribute.value));
      break;
    case "graph":
      w.message(6, (g) => writeGraph(g, attribute.value));
      break;
    case "floats":
      w.packedFloats(7, attribute.value);
      break;
    case "ints":
      w.packedInts(8, attribute.value.map(integer));
      break;
    case "strings":
      for (const value of attribute.value) w.string(9, value);
      break;
  }
  w.int(20, attributeTypes[attribute.kind]);
}

export function writeTensor(w: ProtoWriter, { name, dtype, shape, data }: OnnxTensor): void {
  if (!(data instanceof arrayClasses[dtype])) {
    throw new DTypeError(
      `The ${dtype} tensor "${name}" needs a ${arrayClasses[dtype].name}; got a ${data.constructor.name}.`,
    );
  }
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(
      `The tensor "${name}" of shape [${shape.join(", ")}] needs ${sizeOf(shape)} elements; got ${data.length}.`,
    );
  }
  w.packedInts(1, shape);
  w.int(2, dtypeCode(dtype));
  if (name) w.string(8, name);
  // Raw data is little-endian, as are the typed arrays of every machine with an ONNX Runtime.
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  w.bytes(9, dtype === "int4" || dtype === "uint4" ? nibblesOf(name, dtype, data) : bytes);
}

/** Two numbers a byte, the first in the low half. */
function nibblesOf(name: string, dtype: "int4" | "uint4", data: OnnxTensor["data"]): Uint8Array {
  const low = dtype === "int4" ? -8 : 0;
  const bytes = new Uint8Array(Math.ceil(data.length / 2));
  for (let i = 0; i < data.length; i++) {
    const x = Number(data[i]);
    if (x < low || x > low + 15) {
      throw new DTypeError(
        `The ${dtype} tensor "${name}" holds ${low} to ${low + 15}; got ${x} at position ${i}.`,
      );
    }
    bytes[i >> 1] |= (x & 15) << (4 * (i % 2));
  }
  return bytes;
}

export function writeValueInfo(w: ProtoWriter, { name, dtype, shape }: OnnxValueInfo): void {
  w.string(1, name);
  if (dtype === undefined) return;
  w.message(2, (type) => {
    type.message(1, (t) => {
      t.int(1, dtypeCode(dtype));
      if (shape !== undefined) t.message(2, (s) => writeShape(s, shape));
    });
  });
}

export function writeShape(w: ProtoWriter, shape: readonly (number | string)[]): void {
  for (const dim of shape) {
    w.message(1, (d) => {
      if (typeof dim === "number") d.int(1, dim);
      else if (dim !== "") d.string(2, dim);
    });
  }
}
