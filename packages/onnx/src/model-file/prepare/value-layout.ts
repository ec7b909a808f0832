import type { OnnxDType, OnnxNode } from "isoloss/internal";
import type { GraphEditor } from "../edit/graph-editor.js";
import { int } from "./attributes.js";

/** Where a value has its channels. */
interface ValueLayout {
  readonly rank: number;
  /** The axis of the channels. */
  readonly axis: number;
  readonly channels: number;
  readonly dtype: OnnxDType;
}

/** Operators whose result has the layout of their first operand. */
const keepsLayout = new Set([
  ..."Abs AveragePool BatchNormalization Celu Clip Dropout Elu Erf Exp Gelu GlobalAveragePool".split(" "),
  ..."GlobalMaxPool HardSigmoid HardSwish Identity InstanceNormalization LeakyRelu LRN MaxPool Mish Neg".split(
    " ",
  ),
  ..."PRelu Relu Resize Selu Sigmoid Softplus Softsign Sqrt Tanh ThresholdedRelu Upsample".split(" "),
]);
const elementwise = new Set(["Add", "Div", "Max", "Mean", "Min", "Mul", "Sub", "Sum"]);

/** A file can say any size of an input, of which no array can be made. */
const mostChannels = 2 ** 24;

/** The layout of a value by its name, if it can be known. */
export type LayoutOf = (value: string) => ValueLayout | undefined;

/**
 * Finds the layouts of values by following them up to the layers that make them. They are kept while the graph is
 * edited: no edit gives a name to a value of another layout.
 */
export function layouts(editor: GraphEditor): LayoutOf {
  const known = new Map<string, ValueLayout | undefined>();
  const layoutOf = (value: string): ValueLayout | undefined => {
    if (!known.has(value)) {
      // A value that depends on itself, in a damaged file, has no layout.
      known.set(value, undefined);
      known.set(value, found(value));
    }
    return known.get(value);
  };
  const found = (value: string): ValueLayout | undefined => {
    const node = editor.uses.maker(value);
    if (node === undefined) return inputLayout(editor, value);
    const [first] = node.inputs;
    if (keepsLayout.has(node.opType)) return node.outputs[0] === value ? layoutOf(first) : undefined;
    if (elementwise.has(node.opType)) return common(editor, node.inputs, layoutOf);
    return weightedLayout(editor, node, layoutOf) ?? concatLayout(node, layoutOf);
  };
  return layoutOf;
}

/** An input of the model has its channels on axis 1, as images do. */
function inputLayout(editor: GraphEditor, value: string): ValueLayout | undefined {
  const input = editor.input(value);
  const channels = input?.shape?.[1];
  if (input?.shape === undefined || typeof channels !== "number" || channels > mostChannels) return undefined;
  return { rank: input.shape.length, axis: 1, channels, dtype: input.dtype ?? "float32" };
}

function weightedLayout(editor: GraphEditor, node: OnnxNode, layoutOf: LayoutOf): ValueLayout | undefined {
  const weight = editor.floatType(node.inputs[1] ?? "");
  if (weight === undefined) return undefined;
  const { shape, dtype } = weight;
  const rank = shape.length;
  switch (node.opType) {
    case "Conv":
      return { rank, axis: 1, channels: shape[0], dtype };
    case "ConvTranspose": {
      const group = int(node, "group", 1);
      if (group < 1 || shape[0] % group !== 0) return undefined;
      return { rank, axis: 1, channels: shape[1] * group, dtype };
    }
    case "Gemm":
      return { rank: 2, axis: 1, channels: shape[int(node, "transB", 0) === 1 ? 0 : 1], dtype };
    case "MatMul": {
      const axes = rankOf(editor, node.inputs[0], layoutOf);
      if (rank !== 2 || axes === undefined) return undefined;
      return { rank: axes, axis: axes - 1, channels: shape[1], dtype };
    }
    default:
      return undefined;
  }
}

/** The number of axes of a value, which is known of some values whose channels are not. */
function rankOf(editor: GraphEditor, value: string, layoutOf: LayoutOf): number | undefined {
  const layout = layoutOf(value);
  if (layout !== undefined) return layout.rank;
  const maker = editor.uses.maker(value);
  switch (maker?.opType) {
    case undefined:
      return editor.input(value)?.shape?.length;
    case "Flatten":
      return 2;
    case "Reshape":
      return editor.tensor(maker.inputs[1] ?? "")?.data.length;
    case "Dropout":
    case "Identity":
    case "Relu":
      return rankOf(editor, maker.inputs[0], layoutOf);
    default:
      return undefined;
  }
}

/** The layout that all operands share but constants, which broadcast to it. */
function common(
  editor: GraphEditor,
  operands: readonly string[],
  layoutOf: LayoutOf,
): ValueLayout | undefined {
  const own = operands.filter((name) => editor.floatType(name) === undefined).map(layoutOf);
  const [first] = own;
  const isSame = (other: ValueLayout | undefined) =>
    other?.rank === first?.rank && other?.axis === first?.axis && other?.channels === first?.channels;
  if (first === undefined || !own.every(isSame)) return undefined;
  const constants = operands.flatMap((name) => editor.floatType(name) ?? []);
  return constants.every(({ shape }) => isBroadcastTo(shape, first)) ? first : undefined;
}

function isBroadcastTo(shape: readonly number[], { rank, axis, channels }: ValueLayout): boolean {
  const size = shape[axis - rank + shape.length] ?? 1;
  return shape.length <= rank && (size === 1 || size === channels);
}

function concatLayout(node: OnnxNode, layoutOf: LayoutOf): ValueLayout | undefined {
  if (node.opType !== "Concat") return undefined;
  const parts = node.inputs.map(layoutOf);
  const [first] = parts;
  if (first === undefined) return undefined;
  const axis = int(node, "axis", 1);
  const isOnChannels = (axis < 0 ? axis + first.rank : axis) === first.axis;
  let channels = 0;
  for (const part of parts) {
    if (part?.axis !== first.axis || part.rank !== first.rank) return undefined;
    channels += part.channels;
  }
  return isOnChannels ? { ...first, channels } : undefined;
}

/** The shape of an array with one number for each channel that broadcasts to a value. */
export const channelShape = ({ rank, axis, channels }: ValueLayout): readonly number[] =>
  axis === rank - 1 ? [channels] : Array.from({ length: rank }, (_, d) => (d === axis ? channels : 1));
