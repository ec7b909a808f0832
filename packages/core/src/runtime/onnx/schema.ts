// The subset of the ONNX schema (onnx.in.proto, proto3) that holds computations on dense tensors.
import type { OnnxValue } from "../../graph/onnx-rule.js";

export { float, int, ints, text as string } from "../../graph/onnx-rule.js";

export type OnnxDType =
  | "float32"
  | "float64"
  | "float16"
  | "bfloat16"
  | "float8e4m3fn"
  | "float8e4m3fnuz"
  | "float8e5m2"
  | "float8e5m2fnuz"
  | "int64"
  | "int32"
  | "int16"
  | "int8"
  | "int4"
  | "uint64"
  | "uint32"
  | "uint16"
  | "uint8"
  | "uint4"
  | "bool";

export type OnnxData =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/**
 * A constant. `bool` is a Uint8Array of 0 and 1; `float16` and `bfloat16` a Uint16Array of the raw bits, floats of 8
 * bits a Uint8Array of them; `int4` an Int8Array and `uint4` a Uint8Array with one element a number, which files keep in
 * half a byte.
 */
export interface OnnxTensor {
  readonly name: string;
  readonly dtype: OnnxDType;
  readonly shape: readonly number[];
  readonly data: OnnxData;
}

/** Without `dtype` the type is inferred, which the schema allows inside subgraphs only. */
export interface OnnxValueInfo {
  readonly name: string;
  readonly dtype?: OnnxDType | undefined;
  /** A string names a dimension of unknown size, the empty string one without a name; no shape: unknown rank. */
  readonly shape?: readonly (number | string)[] | undefined;
}

export type AttributeValue =
  | OnnxValue
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "tensor"; readonly value: OnnxTensor }
  | { readonly kind: "graph"; readonly value: OnnxGraph };

export interface OnnxNode {
  readonly opType: string;
  /** The operator set; default: the standard one. */
  readonly domain?: string | undefined;
  readonly name?: string | undefined;
  /** Names of values; the empty string stands for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** Nodes are in an order in which they can run. */
export interface OnnxGraph {
  readonly name: string;
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly initializers: readonly OnnxTensor[];
  readonly nodes: readonly OnnxNode[];
}

/** The graphs that a node runs: branches, or the body of a loop. */
export function graphsIn({ attributes }: OnnxNode): OnnxGraph[] {
  return Object.values(attributes).flatMap((value) => (value.kind === "graph" ? [value.value] : []));
}

/** The nodes of a graph, and of the graphs inside them. */
export function allNodesOf({ nodes }: OnnxGraph): OnnxNode[] {
  return nodes.flatMap((node) => [node, ...graphsIn(node).flatMap(allNodesOf)]);
}

/** Names of all values that a node reads, those that graphs inside it take from around it among them. */
export const operandsOf = (node: OnnxNode): readonly string[] => [
  ...node.inputs,
  ...graphsIn(node).flatMap(({ nodes, outputs, inputs, initializers }) => {
    const own = new Set([...inputs, ...initializers].map(({ name }) => name));
    for (const { outputs: made } of nodes) for (const name of made) own.add(name);
    const read = [...nodes.flatMap(operandsOf), ...outputs.map(({ name }) => name)];
    return read.filter((name) => !own.has(name));
  }),
];

export interface OnnxModel {
  readonly irVersion: number;
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  readonly producer: string;
  readonly graph: OnnxGraph;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Stored as float32. */
export function floats(value: readonly number[]): AttributeValue {
  return { kind: "floats", value };
}

export function strings(value: readonly string[]): AttributeValue {
  return { kind: "strings", value };
}

export function tensor(value: OnnxTensor): AttributeValue {
  return { kind: "tensor", value };
}

export function graph(value: OnnxGraph): AttributeValue {
  return { kind: "graph", value };
}
