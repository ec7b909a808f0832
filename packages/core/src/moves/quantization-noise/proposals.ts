// The points of an orbit of scalings that are compared.
import type { NdArray } from "../../array.js";
import { dotOf } from "../../math/dense.js";
import { inverseHessian } from "../../math/lbfgs.js";
import { inPowersOfTwo } from "../balance/element.js";
import { balancedScales } from "../balance/scales.js";
import { doublesOf } from "../balance/sweeps.js";
import { logNoise, type NoiseModel, type ValueAndGradient } from "./noise-model.js";
import type { QuantizedGraph } from "./quantized-graph.js";
import { logRanges, rangedWeights } from "./without-data.js";

export type CandidateName = "as it is" | "equal weight ranges" | "least weight noise" | "least noise";

export interface Proposal {
  readonly name: CandidateName;
  /** All generators' T, one after the other. */
  readonly T: Float64Array;
}

/** Largest |T_i|. */
const limit = Math.log(1e4);

/** A hundredth of a range is 0.1 dB; in deep networks sweeps may go on for long, and 2 to 20 are usual. */
const equalizing = { tolerance: 1e-2, most: 20 };

/** Descents end when log J falls by less, 0.004 dB. */
const tolerance = 1e-3;

/**
 * Damage of clips makes several minima. In those that are much too high it is most of the noise, elsewhere a few percent:
 * above this share, a second descent looks for a better one.
 */
const muchDamage = 0.1;

type Objective = (T: Float64Array) => ValueAndGradient;

/** The points to compare; without a model of the noise, with the weights' ranges alone. */
export function proposals(
  quantized: QuantizedGraph,
  params: Readonly<Record<string, NdArray>>,
  model: NoiseModel | undefined,
  { steps, powersOfTwo }: { readonly steps: number; readonly powersOfTwo: boolean },
): Proposal[] {
  const { generators, size, layers } = quantized;
  const still: Proposal = { name: "as it is", T: new Float64Array(size) };
  if (size === 0 || layers.length === 0) return [still];
  const proposal = (name: CandidateName, T: Float64Array): Proposal => ({
    name,
    T: powersOfTwo ? joined(inPowersOfTwo(blocksOf(quantized, T), generators)) : T,
  });
  const equalized = joined(balancedScales(doublesOf(params, generators), generators, "range", equalizing).T);
  const ranges = { T: equalized.map((t) => Math.max(-limit, Math.min(limit, t))) };
  const least = (f: Objective, ...starts: readonly Pick<Proposal, "T">[]) => {
    // Without the damage of clips there is one minimum, which the start does not decide.
    const { T } = leastOf(starts.map((start) => ({ T: start.T, value: f(start.T).value })));
    return descend(f, T, { limit, steps, tolerance });
  };
  const leastNoise = (own: NoiseModel, ...starts: readonly Pick<Proposal, "T">[]) => {
    const f: Objective = (T) => logNoise(own, T);
    const found = least(f, ...starts);
    if (damageShare(own, found.T) < muchDamage) return found;
    const careful = least((T) => logNoise(withHeavierClips(own), T), still);
    return leastOf([found, least(f, careful)]);
  };
  const known = [still, proposal("equal weight ranges", ranges.T)];
  if (model === undefined) {
    const weights = rangedWeights(quantized, params);
    return [...known, proposal("least weight noise", least((T) => logRanges(weights, T), still, ranges).T)];
  }
  const { rounding } = model;
  const weightsOnly = { ...model, rounding: { ...rounding, activationLevels: undefined } };
  const isBoth = rounding.activationLevels !== undefined;
  const alone = isBoth ? [leastNoise(weightsOnly, still, ranges)] : [];
  const both = leastNoise(model, still, ranges, ...alone);
  return [
    ...known,
    ...alone.map(({ T }) => proposal("least weight noise", T)),
    proposal("least noise", both.T),
  ];
}

/** The part of the noise that is damage of clips. */
function damageShare(model: NoiseModel, T: Float64Array): number {
  if (model.clips.length === 0) return 0;
  return 1 - Math.exp(logNoise({ ...model, clips: [] }, T).value - logNoise(model, T).value);
}

/** Noise in which damage counts so much that a descent from where there is none stays where there is little. */
const withHeavierClips = (model: NoiseModel): NoiseModel => ({
  ...model,
  clips: model.clips.map((clip) => ({ ...clip, weights: clip.weights.map((weight) => 100 * weight) })),
});

const leastOf = <A extends { readonly value: number }>(all: readonly A[]): A =>
  all.reduce((a, b) => (b.value < a.value ? b : a));

const joined = (blocks: readonly NdArray[]): Float64Array =>
  Float64Array.from(blocks.flatMap(({ data }) => Array.from(data as Float64Array)));

/** T by generators. */
export const blocksOf = ({ generators, offsets }: QuantizedGraph, T: Float64Array): NdArray<Float64Array>[] =>
  generators.map(({ size }, k) => ({ shape: [size], data: T.slice(offsets[k], offsets[k] + size) }));

// L-BFGS within bounds |T_i| <= limit, by steps that are cut at the bounds.
export interface DescendOptions {
  readonly limit: number;
  readonly steps: number;
  /** Ends when three steps in a row lower the value by no more. */
  readonly tolerance: number;
}

/** Share of the promised decrease that a step must bring. */
const sufficient = 1e-4;

/** The point where a function is least, as far as it was found. */
export function descend(
  f: (T: Float64Array) => ValueAndGradient,
  start: Float64Array,
  { limit, steps, tolerance }: DescendOptions,
): { readonly T: Float64Array; readonly value: number } {
  const hessian = inverseHessian(10);
  const within = (v: number) => Math.max(-limit, Math.min(limit, v));
  let T = start.map(within);
  let at = f(T);
  let smallSteps = 0;
  for (let step = 0; step < steps && smallSteps < 3; step++) {
    // At a bound that the gradient pushes against, an element stays.
    const isHeld = T.map(
      (v, i) => +((v >= limit && at.gradient[i] < 0) || (v <= -limit && at.gradient[i] > 0)),
    );
    const free = at.gradient.map((v, i) => (isHeld[i] ? 0 : v));
    let direction = hessian.times(free).map((v, i) => (isHeld[i] ? 0 : -v));
    if (!(dotOf(direction, free) < 0)) {
      hessian.clear();
      direction = free.map((v) => -v);
    }
    const largest = direction.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    if (largest === 0) break;
    // The longest step moves no element by more than 1.
    const next = search(f, T, at, direction, Math.min(1, 1 / largest), within);
    if (next === undefined) {
      if (hessian.pairs === 0) break;
      hessian.clear();
      continue;
    }
    hessian.add(
      next.T.map((v, i) => v - T[i]),
      next.at.gradient.map((v, i) => (isHeld[i] ? 0 : v - at.gradient[i])),
    );
    smallSteps = at.value - next.at.value > tolerance ? 0 : smallSteps + 1;
    [T, at] = [next.T, next.at];
  }
  return { T, value: at.value };
}

/** The first of shorter and shorter steps that brings enough, or undefined. */
function search(
  f: (T: Float64Array) => ValueAndGradient,
  T: Float64Array,
  { value, gradient }: ValueAndGradient,
  direction: Float64Array,
  longest: number,
  within: (v: number) => number,
) {
  for (let size = longest, k = 0; k < 30; k++, size /= 3) {
    const moved = T.map((v, i) => within(v + size * direction[i]));
    const at = f(moved);
    const promised = gradient.reduce((sum, v, i) => sum + v * (moved[i] - T[i]), 0);
    if (at.value <= value + sufficient * promised) return { T: moved, at };
  }
  return undefined;
}
