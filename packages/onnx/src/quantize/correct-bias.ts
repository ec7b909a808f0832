// Bias correction: M. Nagel et al., "Data-free quantization through weight equalization and bias correction", ICCV 2019,
// section 4.2, with measured means.
import type { NdArray } from "isoloss";
import type { OnnxDType } from "isoloss/internal";
import type { NamedValues } from "../model-file/compare/random-inputs.js";
import { openFile } from "../model-file/compare/run-model.js";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import { changeLayer } from "../model-file/prepare/change-layer.js";
import { isReason, type LinearLayer, layerEnds, layerOf } from "../model-file/prepare/linear-layer.js";
import { addToChannels, ChannelMeans } from "./channel-means.js";
import { smallBatches } from "./examples.js";
import { type RunSettings, type Visitor, visitValues } from "./inner-values.js";
import { type Piece, Pieces } from "./piece.js";

export interface CorrectedBiases {
  /** The model in float with the new biases, to be quantized in the same way. */
  readonly file: OnnxFile;
  /** Names of the corrected layers' results. */
  readonly layers: readonly string[];
}

/** Means of the channels of layers' results, by the names of these. */
export type LayerMeans = ReadonlyMap<string, Float64Array>;

/** Finds the means of all layers of a model in float, by visits of their results batch by batch. */
export function layerMeans(file: OnnxFile): Visitor & { readonly means: () => LayerMeans } {
  const sums = new Map(
    layersOf(new GraphEditor("quantizeModel", file)).map((layer) => [resultOf(layer), meansFor(layer)]),
  );
  return {
    values: [...sums.keys()],
    visit(results) {
      for (const [name, own] of sums) own.add(results[name]);
    },
    means: () => new Map([...sums].map(([name, own]) => [name, own.means()])),
  };
}

/** The same, in a pass of its own. */
export async function floatMeans(
  file: OnnxFile,
  batches: readonly NamedValues[],
  settings: RunSettings,
): Promise<LayerMeans> {
  const { values, visit, means } = layerMeans(file);
  await visitValues(file, values, smallBatches(file, batches), visit, settings);
  return means();
}

/**
 * Corrects the shift of means that rounding causes: in each layer
 *
 *     b_c <- b_c - mean(q_c - y_c)
 *
 * with y the layer's value in float and q that of the quantized model, whose earlier layers are corrected already; means
 * over the examples and places. The quantized values are carried from layer to layer, so that all of it costs about one
 * run of the model.
 *
 * @param file the model in float
 * @param quantize the quantization of it
 * @param targets the means of y
 */
export async function correctBias(
  file: OnnxFile,
  quantize: (file: OnnxFile) => OnnxFile,
  targets: LayerMeans,
  batches: readonly NamedValues[],
  settings: RunSettings,
): Promise<CorrectedBiases> {
  const editor = new GraphEditor("quantizeModel", file);
  const pieces = new Pieces(quantize(file).model);
  const layers = layersOf(editor).filter((layer) => pieces.has(resultOf(layer)));
  const small = smallBatches(file, batches);
  const shifts = await sequentialShifts(editor, pieces, { layers, targets, batches: small, settings });
  return withShifts(editor, layers, shifts);
}

/** The model with numbers added to the biases of layers. */
export function withShifts(
  editor: GraphEditor,
  layers: readonly LinearLayer[],
  shifts: readonly Float64Array[],
): CorrectedBiases {
  const corrected = layers.filter((layer, k) => {
    const bias = layer.bias.map((b, c) => b + shifts[k][c]);
    return !isReason(changeLayer(editor, layer, { factors: undefined, bias, output: resultOf(layer) }));
  });
  return { file: editor.finish(), layers: corrected.map(resultOf) };
}

export const layersOf = (editor: GraphEditor): readonly LinearLayer[] =>
  layerEnds(editor)
    .map((end) => layerOf(editor, end))
    .filter((layer): layer is LinearLayer => !isReason(layer));

export const resultOf = ({ end }: LinearLayer): string => end.outputs[0];

export const meansFor = ({ node, channels }: LinearLayer): ChannelMeans =>
  new ChannelMeans(channels, node.opType === "MatMul" ? -1 : 1);

interface Correction {
  readonly layers: readonly LinearLayer[];
  readonly targets: LayerMeans;
  readonly batches: readonly NamedValues[];
  readonly settings: RunSettings;
}

/** What is to be added to the biases, layer by layer. */
async function sequentialShifts(
  editor: GraphEditor,
  pieces: Pieces,
  { layers, targets, batches, settings }: Correction,
): Promise<readonly Float64Array[]> {
  const values = layers.map((layer) => pieces.beforeRounding(resultOf(layer)));
  const dtypes = new Map<string, OnnxDType>(
    layers.map(({ weight }, k) => [values[k], editor.floatType(weight)?.dtype ?? "float32"]),
  );
  const parts = values.map((value, k) => pieces.to([value], new Set(values.slice(0, k))));
  const lastUse = lastUses(parts);
  const carried = batches.map(() => new Map<string, NdArray>());
  const shifts: Float64Array[] = [];
  for (const [k, layer] of layers.entries()) {
    settings.signal?.throwIfAborted();
    const value = values[k];
    const session = await openFile(pieces.file(parts[k], [value], dtypes), settings);
    const means = meansFor(layer);
    const results: NdArray[] = [];
    for (const [i, batch] of batches.entries()) {
      const { [value]: result } = await session.run({ ...batch, ...Object.fromEntries(carried[i]) });
      means.add(result);
      results.push(result);
    }
    await session.dispose();
    const target = targets.get(resultOf(layer));
    const own = means.means().map((mean, c) => (target?.[c] ?? mean) - mean);
    shifts.push(own);
    for (const [i, kept] of carried.entries()) {
      if (lastUse.has(value)) {
        addToChannels(results[i], own, means.axis);
        kept.set(value, results[i]);
      }
      for (const name of kept.keys()) if ((lastUse.get(name) ?? 0) <= k) kept.delete(name);
    }
  }
  return shifts;
}

/** The last piece that takes each value. */
export function lastUses(parts: readonly Piece[]): ReadonlyMap<string, number> {
  return new Map(parts.flatMap(({ inputs }, k) => inputs.map((name) => [name, k] as const)));
}
