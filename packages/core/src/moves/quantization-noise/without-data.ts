// Ranges of weights alone, for which no data are needed: the data-free case of the noise.
import { dotOf } from "../../math/dense.js";
import { noiseRatio } from "../../metrics/output-difference.js";
import { smoothMaximum, smoothRows } from "./layer-noise.js";
import { addPullback, valuesOf } from "./linear-forms.js";
import type { NoisyLayer, ValueAndGradient } from "./noise-model.js";
import type { QuantizedGraph } from "./quantized-graph.js";
import type { Values } from "./statistics.js";
import { weightMagnitudes } from "./weight-magnitudes.js";
import { readWeight } from "./weighted-layers.js";

/** A weight whose range counts. */
export type RangedWeight = Pick<NoisyLayer, "weight" | "inputs" | "outputs">;

export const rangedWeights = ({ layers }: QuantizedGraph, params: Values): RangedWeight[] =>
  layers.map((layer) => ({
    weight: weightMagnitudes(
      layer,
      params[layer.weight.path],
      new Float64Array(layer.shape.groups * layer.shape.outputs),
    ),
    inputs: layer.inputForms,
    outputs: layer.outputForms,
  }));

/** Weight of |T|^2, which holds the factor that all units of a layer may have. */
const ridge = 1e-6;

/**
 * sum over weights of log R,  R = max |W_ij| e^(o_i - a_j), with smooth maxima: convex in T. Between two weights and no
 * others, its least point is where the range of what goes into each unit is that of what comes out of it.
 */
export function logRanges(weights: readonly RangedWeight[], T: Float64Array): ValueAndGradient {
  const gradient = T.map((t) => 2 * ridge * t);
  let value = ridge * dotOf(T, T);
  for (const { weight, inputs, outputs } of weights) {
    const { rows, addBack } = smoothRows(weight, valuesOf(inputs, T));
    const o = valuesOf(outputs, T);
    const shares = rows.map((v, i) => v + o[i]);
    const range = smoothMaximum(shares);
    if (range === -Infinity) continue;
    value += range;
    const a = new Float64Array(inputs.count);
    addBack(shares, a);
    addPullback(inputs, a, gradient);
    addPullback(outputs, shares, gradient);
  }
  return { value, gradient };
}

/** The predicted ratio of rounding noise to signal of the weights, (R / levels)^2 / 12 / mean W^2, mean over layers. */
export const predictedOfWeights = ({ layers }: QuantizedGraph, params: Values, levels: number): number =>
  mean(
    layers.map(({ weight }) => {
      const values = readWeight(params[weight.path], weight);
      const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      return most === 0 ? 0 : (most / levels) ** 2 / 12 / (dotOf(values, values) / values.length);
    }),
  );

/** The ratio that weights and what they were rounded to have, mean over layers. */
export const measuredOfWeights = ({ layers }: QuantizedGraph, params: Values, rounded: Values): number =>
  mean(layers.map(({ weight: { path } }) => noiseRatio([params[path]], [rounded[path]])));

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
