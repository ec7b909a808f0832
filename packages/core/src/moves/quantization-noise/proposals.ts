// The points of an orbit of scalings that are compared.
import type { NdArray } from "../../array.js";
import { inPowersOfTwo } from "../balance/powers-of-two.js";
import { balancedScales } from "../balance/scales.js";
import { doublesOf } from "../balance/sweeps.js";
import { descend } from "./descend.js";
import { logNoise, type NoiseModel, type ValueAndGradient } from "./noise-model.js";
import type { QuantizedGraph } from "./quantized-graph.js";
import { logRanges, rangedWeights } from "./without-data.js";

export type CandidateName = "as it is" | "ranges equalized" | "weights alone" | "noise minimized";

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

export interface ProposalSettings {
  readonly steps: number;
  readonly powersOfTwo: boolean;
}

/** The points to compare; without a model of the noise, with the weights' ranges alone. */
export function proposals(
  quantized: QuantizedGraph,
  params: Readonly<Record<string, NdArray>>,
  model: NoiseModel | undefined,
  { steps, powersOfTwo }: ProposalSettings,
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
  const least = (
    f: (T: Float64Array) => ValueAndGradient,
    ...starts: readonly { readonly T: Float64Array }[]
  ) => {
    // Without the damage of clips there is one minimum, which the start does not decide.
    const from = starts.map(({ T }) => ({ T, value: f(T).value }));
    const { T } = from.reduce((a, b) => (b.value < a.value ? b : a));
    return descend(f, T, { limit, steps, tolerance });
  };
  const known = [still, proposal("ranges equalized", ranges.T)];
  if (model === undefined) {
    const weights = rangedWeights(quantized, params);
    return [...known, proposal("weights alone", least((T) => logRanges(weights, T), still, ranges).T)];
  }
  const { rounding } = model;
  const weightsOnly = { ...model, rounding: { ...rounding, activationLevels: undefined } };
  const isBoth = rounding.activationLevels !== undefined;
  const alone = isBoth ? [least((T) => logNoise(weightsOnly, T), still, ranges)] : [];
  const both = least((T) => logNoise(model, T), still, ranges, ...alone);
  return [
    ...known,
    ...alone.map(({ T }) => proposal("weights alone", T)),
    proposal("noise minimized", both.T),
  ];
}

const joined = (blocks: readonly NdArray[]): Float64Array =>
  Float64Array.from(blocks.flatMap(({ data }) => Array.from(data as Float64Array)));

/** T by generators. */
export const blocksOf = ({ generators, offsets }: QuantizedGraph, T: Float64Array): NdArray<Float64Array>[] =>
  generators.map(({ size }, k) => ({ shape: [size], data: T.slice(offsets[k], offsets[k] + size) }));
