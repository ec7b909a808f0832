// Bias correction: M. Nagel et al., "Data-free quantization through weight equalization and bias correction", ICCV 2019,
// section 4.2, with measured means.
import type { NdArray } from "../../array.js";
import { openFile } from "../../model-file/compare/open-file.js";
import type { NamedValues } from "../../model-file/compare/random-inputs.js";
import { GraphEditor } from "../../model-file/edit/graph-editor.js";
import { changeLayer } from "../../model-file/prepare/change-layer.js";
import { isReason, type LinearLayer, layerEnds, layerOf } from "../../model-file/prepare/linear-layer.js";
import { decodeModel } from "../../runtime/onnx/codec.js";
import type { OnnxDType } from "../../runtime/onnx/schema.js";
import { ChannelMeans, shifted } from "./channel-means.js";
import { type RunSettings, smallBatches, visitValues } from "./inner-values.js";
import { type Piece, Pieces } from "./piece.js";

export interface CorrectedBiases {
  /** The model in float with the new biases, to be quantized in the same way. */
  readonly bytes: Uint8Array;
  /** Names of the corrected layers' results. */
  readonly layers: readonly string[];
}

/**
 * Corrects the shift of means that rounding causes: in each layer
 *
 *     b_c <- b_c - mean(q_c - y_c)
 *
 * with y the layer's value in float and q that of the quantized model, whose earlier layers are corrected already; means
 * over the examples and places. The quantized values are carried from layer to layer, so that all of it costs about two
 * runs of the model.
 *
 * @param bytes the model in float
 * @param quantize the quantization of it
 */
export async function correctBias(
  bytes: Uint8Array,
  quantize: (bytes: Uint8Array) => Uint8Array,
  batches: readonly NamedValues[],
  settings: RunSettings,
): Promise<CorrectedBiases> {
  const editor = new GraphEditor("quantizeModel", bytes);
  const pieces = new Pieces(decodeModel(quantize(bytes)));
  const layers = layerEnds(editor)
    .map((end) => layerOf(editor, end))
    .filter((layer): layer is LinearLayer => !isReason(layer) && pieces.has(resultOf(layer)));
  const small = smallBatches(bytes, batches);
  const targets = await meansOf(bytes, layers, small, settings);
  const shifts = await sequentialShifts(editor, pieces, { layers, targets, batches: small, settings });
  const corrected = layers.filter((layer, k) => {
    const bias = layer.bias.map((b, c) => b + shifts[k][c]);
    const factors = new Float64Array(layer.channels).fill(1);
    return !isReason(changeLayer(editor, layer, { factors, bias, output: resultOf(layer) }));
  });
  return { bytes: editor.finish(), layers: corrected.map(resultOf) };
}

const resultOf = ({ end }: LinearLayer): string => end.outputs[0];

const meansFor = ({ node, channels }: LinearLayer): ChannelMeans =>
  new ChannelMeans(channels, node.opType === "MatMul" ? -1 : 1);

/** Means of the channels of layers in float. */
async function meansOf(
  bytes: Uint8Array,
  layers: readonly LinearLayer[],
  batches: readonly NamedValues[],
  settings: RunSettings,
): Promise<readonly Float64Array[]> {
  const means = layers.map(meansFor);
  const add = (results: NamedValues) => {
    for (const [k, layer] of layers.entries()) means[k].add(results[resultOf(layer)]);
  };
  await visitValues(bytes, layers.map(resultOf), batches, add, settings);
  return means.map((own) => own.means());
}

interface Correction {
  readonly layers: readonly LinearLayer[];
  /** Means in float by layer. */
  readonly targets: readonly Float64Array[];
  readonly batches: readonly NamedValues[];
  readonly settings: RunSettings;
}

/** What is to be added to the biases, layer by layer. */
async function sequentialShifts(
  editor: GraphEditor,
  pieces: Pieces,
  { layers, targets, batches, settings }: Correction,
): Promise<readonly Float64Array[]> {
  const dtypes = new Map<string, OnnxDType>(
    layers.map((layer) => [resultOf(layer), editor.floatType(layer.weight)?.dtype ?? "float32"]),
  );
  const given = new Set<string>();
  const parts = layers.map((layer) => {
    const piece = pieces.to(resultOf(layer), given);
    given.add(resultOf(layer));
    return piece;
  });
  const lastUse = lastUses(parts);
  const carried = batches.map(() => new Map<string, NdArray>());
  const shifts: Float64Array[] = [];
  for (const [k, layer] of layers.entries()) {
    settings.signal?.throwIfAborted();
    const value = resultOf(layer);
    const session = await openFile(pieces.file(parts[k], value, dtypes), settings);
    const means = meansFor(layer);
    const results: NdArray[] = [];
    for (const [i, batch] of batches.entries()) {
      const { [value]: result } = await session.run({ ...batch, ...Object.fromEntries(carried[i]) });
      means.add(result);
      results.push(result);
    }
    await session.dispose();
    const own = means.means().map((mean, c) => targets[k][c] - mean);
    shifts.push(own);
    for (const [i, values] of carried.entries()) {
      if (lastUse.has(value)) values.set(value, shifted(results[i], own, means.axis));
      for (const name of values.keys()) if ((lastUse.get(name) ?? 0) <= k) values.delete(name);
    }
  }
  return shifts;
}

/** The last piece that takes each value. */
function lastUses(parts: readonly Piece[]): ReadonlyMap<string, number> {
  return new Map(parts.flatMap(({ inputs }, k) => inputs.map((name) => [name, k] as const)));
}
