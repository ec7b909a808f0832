// The weights and biases of layers in a file become integers with scales; layers that share a weight share its scales.
import { sizeOf } from "isoloss";
import { groupBy, int, type OnnxDType, type OnnxNode } from "isoloss/internal";
import type { Floats, GraphEditor } from "../model-file/edit/graph-editor.js";
import { finiteFloats, type QuantizedWeight, quantizedWeight, type WeightType } from "./quantized-weight.js";
import { type WeightSettings, weightType } from "./settings.js";
import { type WeightGrid, weightGrid } from "./weight-grid.js";
import { biasOf, type WeightedLayer } from "./weighted-layer.js";

/** The scale of a layer's operand; undefined where it stays float. */
export type OperandScale = (layer: WeightedLayer) => number | undefined;

/**
 * The largest bias as an integer. Half of what 32 bits hold: the other half is for the sum of products, which the
 * kernel adds to it.
 */
const largestBias = 2 ** 30;

/** A weight that a file stores as integers. */
export interface WrittenWeight {
  /** The same wherever the model is written with these settings. */
  readonly key: string;
  /** The value that stands for it. */
  readonly dequantized: string;
  /** A layer that reads it. */
  readonly layer: WeightedLayer;
  readonly floats: Floats;
  readonly grid: WeightGrid;
  readonly type: WeightType;
  /** The least scale of each group. */
  readonly floor: Float64Array;
  readonly stored: QuantizedWeight;
}

/** Stores the weights and biases of layers as integers. */
export function writeWeights(
  editor: GraphEditor,
  layers: readonly WeightedLayer[],
  settings: WeightSettings,
  operandScale: OperandScale,
): readonly WrittenWeight[] {
  // Layers with the same weight and the same axis of channels.
  const sharing = groupBy(layers, ({ outAxis, weight }) => `${outAxis} ${weight}`);
  return [...sharing].flatMap(([key, group]) => {
    const written = writeShared(editor, key, group, settings, operandScale);
    return written === undefined ? [] : [written];
  });
}

function writeShared(
  editor: GraphEditor,
  key: string,
  layers: readonly WeightedLayer[],
  settings: WeightSettings,
  operandScale: OperandScale,
): WrittenWeight | undefined {
  const [layer] = layers;
  const floats = finiteFloats(editor, layer.weight);
  if (floats === undefined) return undefined;
  const { grid, type } = formatOf(layer, settings);
  const floor = new Float64Array(sizeOf(grid.scaleShape));
  for (const one of layers) raiseFloor(editor, one, grid, operandScale(one), floor);
  const stored = quantizedWeight(floats, type, grid, floor, settings.rounded?.get(key));
  const { per, axis, blockSize, scaleShape } = grid;
  const rounded = storeIntegers(
    editor,
    layer.weight,
    { ...type, ...stored, shape: layer.shape, scaleShape },
    {
      ...(per !== "tensor" && { axis: int(axis) }),
      ...(per === "block" && { block_size: int(blockSize) }),
    },
  );
  const biases = layers.flatMap((layer) => {
    const bias = writeBias(editor, layer, stored, operandScale(layer));
    const { node, sum } = layer;
    const [x, , ...rest] = node.inputs;
    const others = bias === undefined || sum !== undefined ? rest : [bias.name];
    editor.rewire(node, { inputs: [x, rounded.name, ...others] });
    if (bias === undefined) return [];
    if (sum !== undefined) editor.reread(sum, layer.bias, bias.name);
    return [bias];
  });
  for (const { name, node } of [...biases, rounded]) editor.putBeforeReaders(name, node);
  return { key, dequantized: rounded.name, layer, floats, grid, type, floor, stored };
}

/** Which elements of a layer's weight share a scale, and what they become. */
export function formatOf(
  { shape, outAxis, inAxis }: WeightedLayer,
  settings: WeightSettings,
): { readonly grid: WeightGrid; readonly type: WeightType } {
  const type = weightType(settings);
  const { per, blockSize = 32 } = settings;
  if (per !== "block") return { grid: weightGrid(per, shape, outAxis), type };
  // A block would be shorter than it says: a scale for each channel then takes less, and 8 bits lose less.
  if (shape[inAxis] < blockSize) {
    return { grid: weightGrid("channel", shape, outAxis), type: weightType({ ...settings, bits: 8 }) };
  }
  return { grid: weightGrid(per, shape, inAxis, blockSize), type };
}

/** Raises the scales of channels whose bias would be beyond its integers. */
function raiseFloor(
  editor: GraphEditor,
  layer: WeightedLayer,
  { per }: WeightGrid,
  operandScale: number | undefined,
  floor: Float64Array,
): void {
  if (operandScale === undefined) return;
  biasOf(editor, layer)?.forEach((b, channel) => {
    const group = per === "tensor" ? 0 : channel;
    floor[group] = Math.max(floor[group], Math.abs(b) / (operandScale * largestBias));
  });
}

interface Stored {
  readonly name: string;
  readonly node: OnnxNode;
}

interface Integers {
  readonly dtype: OnnxDType;
  readonly shape: readonly number[];
  readonly integers: Int8Array | Uint8Array | Int32Array;
  readonly scales: Float32Array;
  readonly scaleShape: readonly number[];
  readonly zero: number;
}

/** Stores integers and their scales; the node makes the floats for which they stand. */
function storeIntegers(
  editor: GraphEditor,
  base: string,
  { dtype, shape, integers, scales, scaleShape, zero }: Integers,
  attributes: OnnxNode["attributes"],
): Stored {
  const zeros = integers.slice(0, scales.length).fill(zero);
  const name = editor.freshName(`${base}_dequantized`);
  const inputs = [
    editor.addTensor(`${base}_quantized`, { dtype, shape, data: integers }),
    editor.addTensor(`${base}_scale`, { dtype: "float32", shape: scaleShape, data: scales }),
    editor.addTensor(`${base}_zero_point`, { dtype, shape: scaleShape, data: zeros }),
  ];
  return { name, node: { opType: "DequantizeLinear", inputs, outputs: [name], attributes } };
}

/** Stores a bias with the scale of the sums that it is added to: that of the operand times that of the weight. */
function writeBias(
  editor: GraphEditor,
  layer: WeightedLayer,
  weight: QuantizedWeight,
  operandScale: number | undefined,
): Stored | undefined {
  const bias = operandScale === undefined ? undefined : biasOf(editor, layer);
  if (operandScale === undefined || bias === undefined) return undefined;
  const scales = weight.scales.map((scale) => operandScale * scale);
  const perChannel = scales.length > 1;
  const integers = Int32Array.from(bias, (b, channel) => Math.round(b / scales[perChannel ? channel : 0]));
  const scaleShape = perChannel ? [scales.length] : [];
  const own = { dtype: "int32", shape: [bias.length], integers, scales, scaleShape, zero: 0 } as const;
  return storeIntegers(editor, layer.bias, own, perChannel ? { axis: int(0) } : {});
}
