// The points of an orbit of scalings that are compared.
import type { NdArray } from "../../array.js";
import { balancedScales } from "../balance/scales.js";
import { doublesOf } from "../balance/sweeps.js";
import { descend } from "./descend.js";
import { logNoise, type NoiseModel } from "./noise-model.js";
import type { QuantizedGraph } from "./quantized-graph.js";

export type CandidateName = "as it is" | "ranges equalized" | "weights alone" | "noise minimized";

export interface Proposal {
  readonly name: CandidateName;
  /** All generators' T, one after the other. */
  readonly T: Float64Array;
}

/** Largest |T_i|. */
const limit = Math.log(1e4);

/** More sweeps would change ranges by less than quantization can tell. */
const equalizing = { tolerance: 1e-3, most: 100 };

/** Descents end when log J falls by less. */
const tolerance = 1e-5;

export function proposals(
  { generators, offsets, size }: QuantizedGraph,
  params: Readonly<Record<string, NdArray>>,
  model: NoiseModel,
  steps: number,
): Proposal[] {
  const still: Proposal = { name: "as it is", T: new Float64Array(size) };
  if (size === 0 || model.layers.length === 0) return [still];
  const ranges: Proposal = { name: "ranges equalized", T: new Float64Array(size) };
  balancedScales(doublesOf(params, generators), generators, "range", equalizing).T.forEach(({ data }, k) => {
    ranges.T.set(
      data.map((t) => Math.max(-limit, Math.min(limit, t))),
      offsets[k],
    );
  });
  const least = (name: CandidateName, own: NoiseModel, starts: readonly Proposal[]): Proposal => {
    const f = (T: Float64Array) => logNoise(own, T);
    // Without the damage of clips there is one minimum, which the start does not decide.
    const from = starts.map(({ T }) => ({ T, value: f(T).value }));
    const { T } = from.reduce((a, b) => (b.value < a.value ? b : a));
    return { name, T: descend(f, T, { limit, steps, tolerance }).T };
  };
  const { activationLevels } = model.rounding;
  const weightsOnly = { ...model, rounding: { ...model.rounding, activationLevels: undefined } };
  const alone = activationLevels === undefined ? [] : [least("weights alone", weightsOnly, [still, ranges])];
  return [still, ranges, ...alone, least("noise minimized", model, [still, ranges, ...alone])];
}
