import { sizeOf } from "isoloss";
import type { OnnxNode } from "isoloss/internal";
import type { Floats, GraphEditor } from "../edit/graph-editor.js";
import { float, int, isStandard } from "./attributes.js";
import type { LayoutOf } from "./value-layout.js";

/** A Conv, ConvTranspose, Gemm or MatMul whose weight is stored for it alone: y = W x + b with channels on axis 1. */
export interface LinearLayer {
  readonly node: OnnxNode;
  /** The node that makes y: `node`, or the Add of its bias. */
  readonly end: OnnxNode;
  readonly weight: string;
  readonly channels: number;
  /** The channel of y that an element of the weight belongs to. */
  readonly channelOf: (element: number) => number;
  /** b by channel; zeros without a bias. */
  readonly bias: Float64Array;
  /** What b is to be divided by where it is stored: Gemm's beta. */
  readonly biasFactor: number;
  /** The place of the bias among the operands of `end`. */
  readonly biasIndex: number;
  /** Shape in which `end` takes a bias. */
  readonly biasShape: readonly number[];
}

/** Why something cannot be done. */
export interface Reason {
  readonly reason: string;
}

export const isReason = (value: object): value is Reason => "reason" in value;

/** The layer whose value a node makes, with channels on axis 1, or why it is none whose channels can be scaled. */
export function linearLayer(editor: GraphEditor, layoutOf: LayoutOf, end: OnnxNode): LinearLayer | Reason {
  const layer = layerOf(editor, end);
  if (isReason(layer) || layer.node.opType !== "MatMul" || layoutOf(end.outputs[0])?.rank === 2) return layer;
  return { reason: "its result is not known to have two axes" };
}

/** The same with channels on the last axis of a MatMul's value, which may have any number of axes. */
export function layerOf(editor: GraphEditor, end: OnnxNode): LinearLayer | Reason {
  const sum = biasedSum(editor, end);
  const node = sum?.node ?? end;
  const [, weight = ""] = node.inputs;
  const values = editor.floats(weight);
  const channels = isStandard(node)
    ? channelsOf(node, values)
    : { reason: `it is of the operator set ${node.domain}` };
  if (isReason(channels)) return channels;
  if (!editor.isUsedOnce(weight)) return { reason: `its weight ${weight} is used elsewhere, too` };
  const biasFactor = node.opType === "Gemm" ? float(node, "beta", 1) : 1;
  if (biasFactor === 0) return { reason: "its beta is 0" };
  const { count, channelOf } = channels;
  const biasIndex = sum?.biasIndex ?? 2;
  // A sum broadcasts from the last axis, and a convolution's channels have the places behind them.
  const places = sum !== undefined && node.opType !== "MatMul" ? (values?.shape.length ?? 2) - 2 : 0;
  const biasShape = [count, ...Array<number>(places).fill(1)];
  const bias = biasOf(editor, end.inputs[biasIndex] ?? "", biasShape, biasFactor);
  if (isReason(bias)) return bias;
  return { node, end, weight, channels: count, channelOf, bias, biasFactor, biasIndex, biasShape };
}

/** The node that makes the value of a layer: the Add of its bias where one is after it. */
export function layerEnd(editor: GraphEditor, node: OnnxNode): OnnxNode {
  const [reader] = editor.uses.readers(node.outputs[0]);
  return reader !== undefined && biasedSum(editor, reader)?.node === node ? reader : node;
}

export const layerTypes = ["Conv", "ConvTranspose", "Gemm", "MatMul"];

/** The nodes that make the values of layers. */
export const layerEnds = (editor: GraphEditor): readonly OnnxNode[] =>
  editor.nodes
    .filter((node) => isStandard(node) && layerTypes.includes(node.opType))
    .map((node) => layerEnd(editor, node));

/** The layer without a bias of its own that a node adds a constant to, and where that is. */
export function biasedSum(
  editor: GraphEditor,
  end: OnnxNode,
): { readonly node: OnnxNode; readonly biasIndex: number } | undefined {
  if (end.opType !== "Add" || !isStandard(end)) return undefined;
  const biasIndex = end.inputs.findIndex((name) => editor.floatType(name) !== undefined);
  const product = end.inputs[1 - biasIndex] ?? "";
  const node = editor.uses.maker(product);
  if (biasIndex < 0 || node === undefined || !editor.isUsedOnce(product)) return undefined;
  const mayAdd = ["Conv", "ConvTranspose", "MatMul"].includes(node.opType);
  return mayAdd && !node.inputs[2] ? { node, biasIndex } : undefined;
}

interface Channels {
  readonly count: number;
  readonly channelOf: (element: number) => number;
}

function channelsOf(node: OnnxNode, weight: Floats | undefined): Channels | Reason {
  const { opType } = node;
  if (!layerTypes.includes(opType)) return { reason: "it is no Conv, ConvTranspose, Gemm or MatMul" };
  if (weight === undefined) return { reason: `its weight ${node.inputs[1]} is computed` };
  const { shape } = weight;
  // Known before millions of elements ask for their channel.
  const [along, within] = [sizeOf(shape.slice(1)), sizeOf(shape.slice(2))];
  if (opType === "ConvTranspose") {
    // [inputs, channels of a group, ...window]: the group follows from the input.
    const group = int(node, "group", 1);
    const perGroup = shape[0] / group;
    const channelOf = (e: number) =>
      Math.floor(Math.floor(e / along) / perGroup) * shape[1] + (Math.floor(e / within) % shape[1]);
    return { count: shape[1] * group, channelOf };
  }
  if (opType !== "Conv" && shape.length !== 2) return { reason: `its weight has ${shape.length} axes` };
  return outAxisOf(node) === 0
    ? { count: shape[0], channelOf: (e) => Math.floor(e / along) }
    : { count: shape[1], channelOf: (e) => e % shape[1] };
}

/** The axis of a layer's weight that has the results; that of the operands is the other one of the first two. */
export const outAxisOf = (node: OnnxNode): 0 | 1 =>
  node.opType === "Conv" || (node.opType === "Gemm" && int(node, "transB", 0) === 1) ? 0 : 1;

function biasOf(
  editor: GraphEditor,
  name: string,
  expected: readonly number[],
  factor: number,
): Float64Array | Reason {
  const [channels] = expected;
  if (name === "") return new Float64Array(channels);
  const stored = editor.floats(name);
  if (stored === undefined) return { reason: `its bias ${name} is computed` };
  const numbers = channelNumbers(stored, expected);
  if (numbers !== undefined) return numbers.map((b) => factor * b);
  return { reason: `its bias has the shape [${stored.shape.join(", ")}], not one number a channel` };
}

/** A bias as one number a channel, the first axis of the expected shape; undefined for one of another shape. */
export function channelNumbers(
  { shape, data }: Floats,
  expected: readonly number[],
): Float64Array | undefined {
  const [channels] = expected;
  // Longer than with the batch axis, it would give the result more axes.
  if (shape.length > expected.length + 1) return undefined;
  if (data.length === 1) return new Float64Array(channels).fill(data[0]);
  return data.length === channels && shape.at(-expected.length) === channels ? data : undefined;
}
