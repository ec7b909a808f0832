// Bias correction: M. Nagel et al., "Data-free quantization through weight equalization and bias correction", ICCV 2019,
// section 4.2, with measured means.
import { type NdArray, sizeOf } from "isoloss";
import { stridesOf } from "isoloss/internal";
import type { NamedValues } from "../model-file/compare/random-inputs.js";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import { changeLayer } from "../model-file/prepare/change-layer.js";
import { isReason, type LinearLayer, layerEnds, layerOf } from "../model-file/prepare/linear-layer.js";
import { smallBatches } from "./examples.js";
import { type RunSettings, type Visitor, visitValues } from "./inner-values.js";
import { LayerWalk, Pieces } from "./piece.js";

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
  const layers = layersOf(editor).filter((layer) => pieces.maker(resultOf(layer)) !== undefined);
  const small = smallBatches(file, batches);
  const values = layers.map((layer) => pieces.beforeRounding(resultOf(layer)));
  const walk = new LayerWalk(pieces, values, values, small, settings);
  const shifts: Float64Array[] = [];
  for (const [k, layer] of layers.entries()) {
    const results = await walk.at(k);
    const means = meansFor(layer);
    for (const result of results) means.add(result);
    const target = targets.get(resultOf(layer));
    const own = means.means().map((mean, c) => (target?.[c] ?? mean) - mean);
    for (const result of results) addToChannels(result, own, means.axis);
    shifts.push(own);
  }
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

/** Means of the channels of a value of floats, batch by batch. */
export class ChannelMeans {
  readonly #sums: Float64Array;
  #count = 0;

  /** @param axis of the channels; negative ones count from the last */
  constructor(
    channels: number,
    readonly axis: number,
  ) {
    this.#sums = new Float64Array(channels);
  }

  add(value: NdArray): void {
    const inner = strideOf(value, this.axis);
    const sums = this.#sums;
    const data = value.data as Float32Array;
    for (let start = 0, c = 0; start < data.length; start += inner, c = c + 1 === sums.length ? 0 : c + 1) {
      let sum = 0;
      for (let i = start; i < start + inner; i++) sum += data[i];
      sums[c] += sum;
    }
    this.#count += sizeOf(value.shape) / sums.length;
  }

  means(): Float64Array {
    return this.#sums.map((sum) => sum / this.#count);
  }
}

/** Adds a number to each channel of a value of float32, in its place. */
function addToChannels(value: NdArray, shift: Float64Array, axis: number): void {
  const inner = strideOf(value, axis);
  const data = value.data as Float32Array;
  for (let start = 0, c = 0; start < data.length; start += inner, c = c + 1 === shift.length ? 0 : c + 1) {
    const own = shift[c];
    for (let i = start; i < start + inner; i++) data[i] += own;
  }
}

/** How many numbers of one channel follow each other. */
function strideOf({ shape }: NdArray, axis: number): number {
  return stridesOf(shape)[axis < 0 ? axis + shape.length : axis];
}
