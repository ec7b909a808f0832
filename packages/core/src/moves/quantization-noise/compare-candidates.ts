// Candidates measured on held-out data: quantized, and in floats.
import type { NdArray } from "../../array.js";
import { differenceOf } from "../../model-file/compare/output-difference.js";
import type { Executable } from "../../runtime/executable.js";
import { type NoiseModel, predictedNoise, seenRange } from "./noise-model.js";
import { noiseRatio } from "./noise-ratio.js";
import type { CandidateName, Proposal } from "./proposals.js";
import type { Simulator } from "./simulation.js";

type Values = Readonly<Record<string, NdArray>>;

/** A point on the orbit, and what quantization does there. */
export interface QuantizationCandidate<P> {
  readonly name: CandidateName;
  readonly params: P;
  /** SQNR of the outputs in decibels, as the model of noise predicts it. */
  readonly predicted: number;
  /** The SQNR that is measured on held-out data with rounded weights and activations, the least of all outputs. */
  readonly measured: number;
  /** Largest change of the float outputs on held-out data, relative to the largest output. */
  readonly drift: number;
}

export interface Measurement {
  readonly model: NoiseModel;
  readonly simulator: Simulator;
  /** The graph in floats. */
  readonly float: Executable;
  readonly heldOut: readonly Values[];
}

const decibels = (noise: number): number => -10 * Math.log10(noise);

/** Measures each candidate; the first one is the reference in floats. */
export async function compareCandidates<P>(
  moved: readonly { readonly proposal: Proposal; readonly params: P; readonly values: Values }[],
  { model, simulator, float: executable, heldOut }: Measurement,
): Promise<QuantizationCandidate<P>[]> {
  const outputsOf = async (values: Values, batches: readonly Values[]) => {
    const outputs: Values[] = [];
    for (const batch of batches) outputs.push(await executable.run({ ...values, ...batch }));
    return outputs;
  };
  const reference = await outputsOf(moved[0].values, heldOut);
  const candidates: QuantizationCandidate<P>[] = [];
  for (const { proposal, params, values } of moved) {
    const float = values === moved[0].values ? reference : await outputsOf(values, heldOut);
    const ranges = model.values.map((own) => seenRange(own, proposal.T));
    const rounded = await simulator.run(values, ranges, heldOut);
    candidates.push({
      name: proposal.name,
      params,
      predicted: decibels(predictedNoise(model, proposal.T)),
      measured: decibels(relativeNoise(reference, rounded)),
      drift: largestChange(reference, float),
    });
  }
  return candidates;
}

/** Largest of the outputs' ratios of noise to signal. */
const relativeNoise = (reference: readonly Values[], other: readonly Values[]): number =>
  Math.max(
    ...Object.keys(reference[0]).map((name) => noiseRatio(valuesOf(reference, name), valuesOf(other, name))),
  );

/** Largest over outputs of max |a - b| / max |a|. */
function largestChange(reference: readonly Values[], other: readonly Values[]): number {
  const changes = Object.keys(reference[0]).map((name) =>
    differenceOf("minimizeQuantizationNoise", name, valuesOf(reference, name), valuesOf(other, name)),
  );
  return Math.max(0, ...changes.map(({ relative }) => relative));
}

const valuesOf = (runs: readonly Values[], name: string): NdArray[] => runs.map((run) => run[name]);
