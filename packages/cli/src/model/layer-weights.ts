// The weights of a model's layers, of floats or of integers with scales, and the ranges of their channels.
import { sizeOf } from "isoloss";
import { int } from "isoloss/internal";
import { decodeModel, type OnnxModel } from "isoloss/onnx";
import { fromOnnx } from "isoloss-onnx";

type Graph = OnnxModel["graph"];
type OnnxNode = Graph["nodes"][number];
type Tensor = Graph["initializers"][number];

/** A layer's weight, by its name in the file. */
export interface LayerWeight {
  readonly name: string;
  /** The largest magnitude of the weights of each output channel. */
  readonly ranges: readonly number[];
}

interface Numbers {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number | bigint>;
}

/** The layers with stored weights, in the order of the graph. */
export function layerWeights(bytes: Uint8Array): readonly LayerWeight[] {
  const { graph } = decodeModel(bytes);
  const { params } = fromOnnx(bytes);
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const stored = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const weightOf = (name: string): Numbers | undefined => {
    const maker = makers.get(name);
    if (maker?.opType === "DequantizeLinear") return dequantized(maker, stored);
    return params[name.replaceAll(":", "_")];
  };
  const readerOf = (name: string) => graph.nodes.find(({ inputs }) => inputs.includes(name));
  /** The weight of a product of integers, (x w) s_x s_w: its scale is with that of the operand behind the product. */
  const integersOf = ({ inputs: [, integers, , zeros], outputs: [sums] }: OnnxNode): Numbers | undefined => {
    const [floats = ""] = readerOf(sums)?.outputs ?? [];
    const factors = readerOf(floats)?.inputs.flatMap((name) => makers.get(name)?.inputs ?? []);
    const scale = factors?.find((name) => stored.has(name));
    if (scale === undefined) return undefined;
    return dequantized({ inputs: [integers, scale, zeros], attributes: { axis: int(-1) } }, stored);
  };
  return graph.nodes.flatMap((node) => {
    const axis = channelAxis(node);
    const isInteger = node.opType === "MatMulInteger";
    const weight = axis === undefined ? undefined : isInteger ? integersOf(node) : weightOf(node.inputs[1]);
    if (axis === undefined || weight === undefined || weight.shape.length < 2) return [];
    const at = axis < 0 ? weight.shape.length + axis : axis;
    return [{ name: node.inputs[1], ranges: rangesAlong(weight, at, groupsOf(node)) }];
  });
}

/** The axis of a layer's weight along which its output channels are; undefined for what is no layer. */
function channelAxis(node: OnnxNode): number | undefined {
  const { opType } = node;
  if (opType === "Conv") return 0;
  if (opType === "ConvTranspose") return 1;
  if (opType === "MatMul" || opType === "MatMulInteger") return -1;
  if (opType !== "Gemm") return undefined;
  return integer(node, "transB", 0) === 1 ? 0 : 1;
}

/** Groups that each have channels of their own along that axis. */
const groupsOf = (node: OnnxNode): number =>
  node.opType === "ConvTranspose" ? integer(node, "group", 1) : 1;

function integer({ attributes }: Pick<OnnxNode, "attributes">, name: string, otherwise: number): number {
  const own = attributes[name];
  return own?.kind === "int" ? Number(own.value) : otherwise;
}

/** Ranges of channels along an axis, of groups one after the other on the first axis. */
function rangesAlong({ shape, data }: Numbers, axis: number, groups: number): number[] {
  const behind = sizeOf(shape.slice(axis + 1));
  const ranges = new Array<number>(groups * shape[axis]).fill(0);
  for (let i = 0; i < data.length; i++) {
    const group = Math.floor((i * groups) / data.length);
    const channel = group * shape[axis] + (Math.floor(i / behind) % shape[axis]);
    ranges[channel] = Math.max(ranges[channel], Math.abs(Number(data[i])));
  }
  return ranges;
}

/** The numbers of a DequantizeLinear of stored integers: scale (q - zero), by tensor, along an axis or by blocks of it. */
export function dequantized(
  node: Pick<OnnxNode, "inputs" | "attributes">,
  stored: ReadonlyMap<string, Tensor>,
): { readonly shape: readonly number[]; readonly data: Float64Array } | undefined {
  const [q, scale, zero] = node.inputs.map((name) => stored.get(name));
  if (q === undefined || scale === undefined || !(scale.data instanceof Float32Array)) return undefined;
  const { shape } = q;
  const given = integer(node, "axis", 1);
  const axis = given < 0 ? shape.length + given : given;
  const behind = sizeOf(shape.slice(axis + 1));
  const block = integer(node, "block_size", 0);
  const groupOf = (i: number): number => {
    if (scale.data.length === 1) return 0;
    const along = Math.floor(i / behind) % shape[axis];
    if (block === 0) return along;
    const before = Math.floor(i / (behind * shape[axis]));
    return (before * Math.ceil(shape[axis] / block) + Math.floor(along / block)) * behind + (i % behind);
  };
  const data = Float64Array.from({ length: q.data.length }, (_, i) => {
    const group = groupOf(i);
    return Number(scale.data[group]) * (Number(q.data[i]) - Number(zero?.data[group] ?? 0));
  });
  return { shape, data };
}
