// Bias correction without data: M. Nagel et al., "Data-free quantization through weight equalization and bias correction", ICCV
// 2019, section 4.2.1.
import { sizeOf } from "isoloss";
import type { OnnxNode } from "isoloss/internal";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import { float, int } from "../model-file/prepare/attributes.js";
import { type LinearLayer, layerTypes, outAxisOf } from "../model-file/prepare/linear-layer.js";
import { type CorrectedBiases, layersOf, resultOf, withShifts } from "./correct-bias.js";
import type { RunSettings } from "./inner-values.js";
import { Pieces } from "./piece.js";
import { type MomentsByValue, propagatedMoments } from "./value-moments.js";

/**
 * Corrects the shift of means that the rounding of weights causes: in each layer
 *
 *     b <- b - (W~ - W) E[x]
 *
 * with W~ the rounded weights, summed over a convolution's window, and E[x] the means of its operand's channels: those of normal
 * numbers with the given moments, clipped by the activation between. What the rounding of activations, and zeros around a
 * convolution's operand, do to means is left out. Layers whose operand's moments are not known stay.
 *
 * @param file the model in float
 * @param quantize the quantization of it
 * @param moments of layers' results before activations, and of inputs
 */
export async function correctBiasAnalytically(
  file: OnnxFile,
  quantize: (file: OnnxFile) => OnnxFile,
  moments: MomentsByValue,
  settings: RunSettings,
): Promise<CorrectedBiases> {
  const editor = new GraphEditor("quantizeModel", file);
  const known = propagatedMoments(editor, moments);
  const pieces = new Pieces(quantize(file).model);
  const layers: LinearLayer[] = [];
  const shifts: Float64Array[] = [];
  for (const layer of layersOf(editor)) {
    settings.signal?.throwIfAborted();
    const mean = known.get(layer.node.inputs[0])?.mean;
    const stored = editor.floats(layer.weight);
    const operand = stored && operandOf(layer, stored.shape);
    const rounded = roundedWeight(pieces, resultOf(layer));
    if (!mean || !stored || operand?.channels !== mean.length || rounded === undefined) continue;
    const session = await pieces.open([rounded], new Set(), settings);
    const { [rounded]: weight } = await session.run({});
    await session.dispose();
    if (weight.data.length !== stored.data.length) continue;
    const shift = new Float64Array(layer.channels);
    stored.data.forEach((w, e) => {
      shift[layer.channelOf(e)] -= (Number(weight.data[e]) - w) * mean[operand.channelOf(e)];
    });
    layers.push(layer);
    shifts.push(shift);
  }
  return withShifts(editor, layers, shifts);
}

/** How a layer reads its operand: how many channels that has, and by which of them an element of the weight is multiplied. */
interface Operand {
  readonly channels: number;
  readonly channelOf: (element: number) => number;
}

/** Undefined where the weight is scaled, or meets other elements at other places. */
function operandOf(
  { node, channels, channelOf }: LinearLayer,
  shape: readonly number[],
): Operand | undefined {
  if (node.opType === "ConvTranspose") return undefined;
  if (float(node, "alpha", 1) !== 1 || int(node, "transA", 0) === 1) return undefined;
  const inAxis = 1 - outAxisOf(node);
  const [groups, count, inner] = [int(node, "group", 1), shape[inAxis], sizeOf(shape.slice(inAxis + 1))];
  const groupOf = (e: number) => Math.floor(channelOf(e) / (channels / groups));
  return {
    channels: count * groups,
    channelOf: (e) => groupOf(e) * count + (Math.floor(e / inner) % count),
  };
}

/** The value in a quantized model that is the rounded weight of the layer with a result; undefined where it stays. */
function roundedWeight(pieces: Pieces, result: string): string | undefined {
  const end = pieces.maker(pieces.beforeRounding(result));
  const isLayer = (node: OnnxNode | undefined) => node !== undefined && layerTypes.includes(node.opType);
  const node = isLayer(end) ? end : end?.inputs.map((name) => pieces.maker(name)).find(isLayer);
  const weight = node?.inputs[1];
  return weight && pieces.maker(weight)?.opType === "DequantizeLinear" ? weight : undefined;
}
