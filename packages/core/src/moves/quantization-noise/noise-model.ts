// The predicted noise of a quantized graph, J(T), and its gradient: a sum over layers of noise divided by signal.
import { dotOf } from "../../math/dense.js";
import { type ClipDamage, damageAt } from "./clip-damage.js";
import { type Granularity, hardWeightNoise, smoothMaximum, weightNoise } from "./layer-noise.js";
import { addPullback, type LinearForms, valuesOf } from "./linear-forms.js";
import type { WeightMagnitudes } from "./weight-magnitudes.js";

/** A layer y = W x of which W and x are rounded. */
export interface NoisyLayer {
  readonly weight: WeightMagnitudes;
  /** Of each channel of x: E[x^2], and the ranges above and below 0 that are quantized. */
  readonly moments: Float64Array;
  readonly highs: Float64Array;
  readonly lows: Float64Array;
  /** No channel of x gets above it. */
  readonly cap: number;
  /** E[y^2]. */
  readonly signal: number;
  /** Logarithms of the factors of x and of y. */
  readonly inputs: LinearForms;
  readonly outputs: LinearForms;
}

/** The squared errors of a clip's channels that is early or late by their factors, with what they weigh. */
export interface NoisyClip {
  readonly damage: ClipDamage;
  readonly forms: LinearForms;
  readonly weights: Float64Array;
}

export interface Rounding {
  /** Largest integer of a weight: 127 for 8 bits. */
  readonly weightLevels: number;
  readonly granularity: Granularity;
  /** Number of steps of an activation's range: 255 for 8 bits; undefined where they are not rounded. */
  readonly activationLevels: number | undefined;
}

export interface NoiseModel {
  readonly layers: readonly NoisyLayer[];
  readonly clips: readonly NoisyClip[];
  readonly rounding: Rounding;
  /** Number of elements of T. */
  readonly size: number;
}

export interface ValueAndGradient {
  readonly value: number;
  readonly gradient: Float64Array;
}

/** Weight of |T|^2, which holds the units that nothing depends on. */
const ridge = 1e-6;

/** log J(T) + 1e-6 |T|^2, with smooth maxima: convex in T but for the damage of clips. */
export function logNoise(model: NoiseModel, T: Float64Array): ValueAndGradient {
  const { layers, clips, rounding } = model;
  const gradient = new Float64Array(T.length);
  let total = 0;
  for (const layer of layers) {
    const { weight, moments, signal, inputs, outputs } = layer;
    const [a, o] = [valuesOf(inputs, T), valuesOf(outputs, T)];
    const { weightLevels: levels, granularity, activationLevels } = rounding;
    const own = weightNoise(weight, moments, a, o, { levels, granularity });
    total += own.value / signal;
    if (activationLevels !== undefined)
      total += addActivationNoise(layer, a, activationLevels, own.a) / signal;
    addPullback(
      inputs,
      own.a.map((v) => v / signal),
      gradient,
    );
    addPullback(
      outputs,
      own.o.map((v) => v / signal),
      gradient,
    );
  }
  for (const clip of clips) total += addDamage(clip, T, gradient);
  const value = Math.log(total) + ridge * dotOf(T, T);
  return { value, gradient: gradient.map((v, i) => v / total + 2 * ridge * T[i]) };
}

/**
 * J(T) itself, with the true maxima: the ratio of noise to signal at the graph's outputs to first order, as relative noise that is small
 * passes through the layers behind.
 */
export function predictedNoise({ layers, clips, rounding }: NoiseModel, T: Float64Array): number {
  const { weightLevels: levels, granularity, activationLevels } = rounding;
  const ofLayers = layers.map((layer) => {
    const { weight, moments, signal, inputs, outputs } = layer;
    const [a, o] = [valuesOf(inputs, T), valuesOf(outputs, T)];
    const ofWeight = hardWeightNoise(weight, moments, a, o, { levels, granularity });
    if (activationLevels === undefined) return ofWeight / signal;
    const { low, high } = rangeOf(layer, a);
    const step = (high - low) / activationLevels;
    return (ofWeight + (step ** 2 / 12) * passed(weight, a)) / signal;
  });
  const ofClips = clips.map(({ damage, forms, weights }) => {
    const t = valuesOf(forms, T);
    return weights.reduce((sum, weight, i) => sum + weight * damageAt(damage, i, t[i]).value, 0);
  });
  return [...ofLayers, ...ofClips].reduce((a, b) => a + b, 0);
}

/** The range of x at T, 0 included. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export const inputRange = (layer: NoisyLayer, T: Float64Array): Range =>
  rangeOf(layer, valuesOf(layer.inputs, T));

function rangeOf({ highs, lows, cap }: NoisyLayer, a: Float64Array): Range {
  const most = (ranges: Float64Array) =>
    ranges.reduce((range, v, j) => Math.max(range, v * Math.exp(a[j])), 0);
  return { low: -most(lows), high: Math.min(most(highs), cap) };
}

/** What a unit of noise in every channel of x makes in y: mean_i sum_jk W_ijk^2 e^-2 a_j. */
const passed = ({ columns }: WeightMagnitudes, a: Float64Array): number =>
  columns.reduce((sum, v, j) => sum + v * Math.exp(-2 * a[j]), 0);

/** (r / levels)^2 / 12 mean_i sum_jk W_ijk^2 e^-2 a_j with r the range of all channels; adds its derivatives in a. */
function addActivationNoise(
  { weight, highs, lows, cap }: NoisyLayer,
  a: Float64Array,
  levels: number,
  bars: Float64Array,
): number {
  const upper = smoothRange(highs, a, cap);
  const lower = smoothRange(lows, a, Infinity);
  const range = upper.range + lower.range;
  const noise = passed(weight, a);
  const scale = 1 / (12 * levels ** 2);
  for (let j = 0; j < a.length; j++) {
    const rate = upper.rates[j] + lower.rates[j];
    bars[j] += scale * (2 * range * rate * noise - 2 * range ** 2 * weight.columns[j] * Math.exp(-2 * a[j]));
  }
  return scale * range ** 2 * noise;
}

const capSharpness = 24;

/** The smooth largest of min(range_j e^a_j, cap), where the minimum is smooth, too, and its derivatives in a. */
function smoothRange(ranges: Float64Array, a: Float64Array, cap: number) {
  const rates = new Float64Array(a.length);
  if (ranges.every((v) => v === 0)) return { range: 0, rates };
  const free = new Float64Array(a.length).fill(1);
  const limit = Math.log(cap);
  for (let j = 0; j < a.length; j++) {
    rates[j] = Math.log(ranges[j]) + a[j];
    if (cap === Infinity) continue;
    // With p the sharpness: log min(v, c) = -log(v^-p + c^-p) / p.
    const over = rates[j] - limit;
    const small = Math.exp(-capSharpness * Math.abs(over));
    free[j] = over > 0 ? small / (1 + small) : 1 / (1 + small);
    rates[j] = Math.min(rates[j], limit) - Math.log1p(small) / capSharpness;
  }
  const range = Math.exp(smoothMaximum(rates));
  for (let j = 0; j < a.length; j++) rates[j] *= range * free[j];
  return { range, rates };
}

/** The weighted damage of a clip's channels; adds its derivatives in T. */
function addDamage({ damage, forms, weights }: NoisyClip, T: Float64Array, gradient: Float64Array): number {
  const t = valuesOf(forms, T);
  const bars = new Float64Array(t.length);
  let total = 0;
  for (let i = 0; i < t.length; i++) {
    const { value, rate } = damageAt(damage, i, t[i]);
    total += weights[i] * value;
    bars[i] = weights[i] * rate;
  }
  addPullback(forms, bars, gradient);
  return total;
}
