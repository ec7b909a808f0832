// The predicted noise of a quantized graph, J(T), and its gradient: a sum over layers of noise divided by signal.
import { dotOf } from "../../math/dense.js";
import type { ChannelRanges, Reach } from "./channel-ranges.js";
import { type ClipDamage, damageAt } from "./clip-damage.js";
import { type Granularity, hardWeightNoise, smoothMaximum, weightNoise } from "./layer-noise.js";
import { addPullback, type LinearForms, valuesOf } from "./linear-forms.js";
import type { WeightMagnitudes } from "./weight-magnitudes.js";

/** A layer y = W x of which W is rounded, and x, too, which is number `values` of the model's rounded tensors. */
export interface NoisyLayer {
  readonly weight: WeightMagnitudes;
  /** What noise in each channel of y weighs: 1 / E[y^2], which makes it relative to the signal, or what a loss tells. */
  readonly importance: Float64Array;
  /** Of each channel of x: E[x^2]. */
  readonly moments: Float64Array;
  readonly values: number;
  /** Logarithms of the factors of x and of y. */
  readonly inputs: LinearForms;
  readonly outputs: LinearForms;
}

/** A tensor that is rounded to steps of its range. */
export interface NoisyValues extends Pick<ChannelRanges, "seen" | "expected"> {
  /** No channel gets above it. */
  readonly cap: number;
  /** Logarithms of the factors of its channels. */
  readonly forms: LinearForms;
  /** What noise in each channel weighs; undefined where layers read it and have the noise. */
  readonly importance: Float64Array | undefined;
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
  readonly values: readonly NoisyValues[];
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
  const { layers, values, clips, rounding } = model;
  const { weightLevels: levels, granularity, activationLevels } = rounding;
  const gradient = new Float64Array(T.length);
  let total = 0;
  /** What noise of variance 1 in the channels of each rounded tensor comes to. */
  const passed = new Float64Array(values.length);
  const ranges = activationLevels === undefined ? [] : values.map((own) => smoothRange(own, T));
  const unit = activationLevels === undefined ? 0 : 1 / (12 * activationLevels ** 2);
  for (const layer of layers) {
    const { weight, importance, moments, inputs, outputs } = layer;
    const [a, o] = [valuesOf(inputs, T), valuesOf(outputs, T)];
    const own = weightNoise(weight, { moments, importance }, a, o, { levels, granularity });
    total += own.value;
    if (activationLevels !== undefined) {
      const power = unit * ranges[layer.values].range ** 2;
      for (let j = 0; j < a.length; j++) {
        const noise = weight.columns[j] * Math.exp(-2 * a[j]);
        passed[layer.values] += noise;
        own.a[j] -= 2 * power * noise;
      }
    }
    addPullback(inputs, own.a, gradient);
    addPullback(outputs, own.o, gradient);
  }
  ranges.forEach(({ range, rates }, k) => {
    const { forms, importance } = values[k];
    const noises = importance && relativeNoises(importance, valuesOf(forms, T));
    passed[k] += noises?.reduce((a, b) => a + b, 0) ?? 0;
    total += unit * range ** 2 * passed[k];
    const bars = rates.map((rate, i) => 2 * unit * range * (rate * passed[k] - range * (noises?.[i] ?? 0)));
    addPullback(forms, bars, gradient);
  });
  for (const clip of clips) total += addDamage(clip, T, gradient);
  const value = Math.log(total) + ridge * dotOf(T, T);
  return { value, gradient: gradient.map((v, i) => v / total + 2 * ridge * T[i]) };
}

/** What noise of variance 1 in each channel of a tensor weighs, with factors e^a taken back: importance_i e^-2 a_i / n. */
const relativeNoises = (importance: Float64Array, a: Float64Array): Float64Array =>
  importance.map((v, i) => (v * Math.exp(-2 * a[i])) / importance.length);

/**
 * J(T) itself, with the true maxima: the ratio of noise to signal at the graph's outputs to first order, as relative noise that is small
 * passes through the layers behind.
 */
export function predictedNoise({ layers, values, clips, rounding }: NoiseModel, T: Float64Array): number {
  const { weightLevels: levels, granularity, activationLevels } = rounding;
  const powers = values.map(({ expected, forms, cap }) => {
    if (activationLevels === undefined) return 0;
    const { low, high } = rangeOf(expected, cap, valuesOf(forms, T));
    return ((high - low) / activationLevels) ** 2 / 12;
  });
  const ofLayers = layers.map((layer) => {
    const { weight, importance, moments, inputs, outputs } = layer;
    const [a, o] = [valuesOf(inputs, T), valuesOf(outputs, T)];
    const ofWeight = hardWeightNoise(weight, { moments, importance }, a, o, { levels, granularity });
    const passed = weight.columns.reduce((sum, v, j) => sum + v * Math.exp(-2 * a[j]), 0);
    return ofWeight + powers[layer.values] * passed;
  });
  const ofValues = values.map(({ importance, forms }, k) => {
    const noises = importance && relativeNoises(importance, valuesOf(forms, T));
    return powers[k] * (noises?.reduce((a, b) => a + b, 0) ?? 0);
  });
  const ofClips = clips.map(({ damage, forms, weights }) => {
    const t = valuesOf(forms, T);
    return weights.reduce((sum, weight, i) => sum + weight * damageAt(damage, i, t[i]).value, 0);
  });
  return [...ofLayers, ...ofValues, ...ofClips].reduce((a, b) => a + b, 0);
}

/** A range of numbers, 0 included. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** The range of a rounded tensor at T, as calibration data would show it there. */
export const seenRange = ({ seen, forms, cap }: NoisyValues, T: Float64Array): Range =>
  rangeOf(seen, cap, valuesOf(forms, T));

function rangeOf({ highs, lows }: Reach, cap: number, a: Float64Array): Range {
  const most = (ranges: Float64Array) =>
    ranges.reduce((range, v, j) => Math.max(range, v * Math.exp(a[j])), 0);
  return { low: -most(lows), high: Math.min(most(highs), cap) };
}

/** The smooth range of a rounded tensor at T, and its derivatives in the logarithms of the channels' factors. */
function smoothRange({ expected: { highs, lows }, cap, forms }: NoisyValues, T: Float64Array) {
  const a = valuesOf(forms, T);
  const [upper, lower] = [smoothReach(highs, a, cap), smoothReach(lows, a, Infinity)];
  return { range: upper.range + lower.range, rates: upper.rates.map((v, j) => v + lower.rates[j]) };
}

const capSharpness = 24;

/** The smooth largest of min(range_j e^a_j, cap), where the minimum is smooth, too, and its derivatives in a. */
function smoothReach(ranges: Float64Array, a: Float64Array, cap: number) {
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
