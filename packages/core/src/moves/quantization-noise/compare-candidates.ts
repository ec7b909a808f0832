// Candidates measured on held-out data, quantized and in floats; without data, by their weights.
import type { NdArray } from "../../array.js";
import { differenceOf, noiseRatio } from "../../metrics/output-difference.js";
import type { Executable } from "../../runtime/executable.js";
import { type NoiseModel, predictedNoise, seenRange } from "./noise-model.js";
import type { CandidateName, Proposal } from "./proposals.js";
import type { QuantizedGraph } from "./quantized-graph.js";
import { roundedWeights, type Simulator } from "./simulation.js";
import type { Values } from "./statistics.js";
import { measuredOfWeights, predictedOfWeights } from "./without-data.js";

/** A point on the orbit, and what quantization does there. */
export interface QuantizationCandidate<P> {
  readonly name: CandidateName;
  readonly params: P;
  /**
   * SQNR of the outputs in decibels, as the model of noise predicts it; without data, signal to rounding noise of the
   * weights, mean over layers.
   */
  readonly predicted: number;
  /**
   * The SQNR that is measured on held-out data with rounded weights and activations, the least of all outputs; without
   * data, what is measured of the weights.
   */
  readonly measured: number;
  /** Largest change of the float outputs on held-out data, relative to the largest output; undefined without data. */
  readonly drift: number | undefined;
  /** Mean of the given loss on held-out data with rounded weights and activations; undefined without one. */
  readonly loss: number | undefined;
}

/** A candidate's point, parameters as given and by name. */
export interface Moved<P> {
  readonly proposal: Proposal;
  readonly params: P;
  readonly values: Values;
}

export interface Measurement {
  readonly model: NoiseModel;
  readonly simulator: Simulator;
  /** The graph in floats. */
  readonly float: Executable;
  readonly heldOut: readonly Values[];
}

/** The graph's output that is no output of the function but its loss. */
export const lossOutput = "loss";

const decibels = (noise: number): number => -10 * Math.log10(noise);

/** Measures each candidate; the first one is the reference in floats. */
export async function compareCandidates<P>(
  moved: readonly Moved<P>[],
  { model, simulator, float: executable, heldOut }: Measurement,
): Promise<QuantizationCandidate<P>[]> {
  const outputsOf = async (values: Values) => {
    const outputs: Values[] = [];
    for (const batch of heldOut) outputs.push(await executable.run({ ...values, ...batch }));
    return outputs;
  };
  const reference = await outputsOf(moved[0].values);
  const candidates: QuantizationCandidate<P>[] = [];
  for (const { proposal, params, values } of moved) {
    const float = values === moved[0].values ? reference : await outputsOf(values);
    const ranges = model.values.map((own) => seenRange(own, proposal.T));
    const rounded = await simulator.run(values, ranges, heldOut);
    candidates.push({
      name: proposal.name,
      params,
      predicted: decibels(predictedNoise(model, proposal.T)),
      measured: decibels(largestNoise(reference, rounded)),
      drift: largestChange(reference, float),
      loss: lossOf(rounded),
    });
  }
  return candidates;
}

/** Candidates by the rounding of their weights, one step for each. */
export function compareWeights<P>(
  moved: readonly Moved<P>[],
  quantized: QuantizedGraph,
  weightLevels: number,
): QuantizationCandidate<P>[] {
  const rounding = { weightLevels, granularity: "tensor", activationLevels: undefined } as const;
  return moved.map(({ proposal: { name }, params, values }) => {
    const rounded = roundedWeights(values, quantized.layers, rounding);
    const [predicted, measured] = [
      predictedOfWeights(quantized, values, weightLevels),
      measuredOfWeights(quantized, values, rounded),
    ].map(decibels);
    return { name, params, predicted, measured, drift: undefined, loss: undefined };
  });
}

/** The outputs of the function, by name. */
const namesOf = ([first]: readonly Values[]): string[] =>
  Object.keys(first).filter((name) => name !== lossOutput);

/** Largest of the outputs' ratios of noise to signal. */
const largestNoise = (reference: readonly Values[], other: readonly Values[]): number =>
  Math.max(...namesOf(reference).map((name) => noiseRatio(valuesOf(reference, name), valuesOf(other, name))));

/** Largest over outputs of max |a - b| / max |a|. */
function largestChange(reference: readonly Values[], other: readonly Values[]): number {
  const changes = namesOf(reference).map((name) =>
    differenceOf("minimizeQuantizationNoise", name, valuesOf(reference, name), valuesOf(other, name)),
  );
  return Math.max(0, ...changes.map(({ relative }) => relative));
}

function lossOf(runs: readonly Values[]): number | undefined {
  if (runs[0][lossOutput] === undefined) return undefined;
  return valuesOf(runs, lossOutput).reduce((sum, { data }) => sum + Number(data[0]), 0) / runs.length;
}

const valuesOf = (runs: readonly Values[], name: string): NdArray[] => runs.map((run) => run[name]);

/** How many of some batches calibrate: all but a quarter, rounded up, that is held out. */
export const calibrationShare = (count: number): number => count - Math.ceil(count / 4);
