import { calibrate } from "./calibrate.js";
import { AS_IT_IS, type CandidateFile, orbitCandidates } from "./candidates.js";
import { type Granularity, type Judge, outputsOfFile, type Recipe } from "./choices.js";
import { floatMeans } from "./correct-bias.js";
import type { Continue } from "./leave-layers.js";
import { errorOf } from "./measure-error.js";
import type { QuantizeModelOptions, quantizeModelOptions } from "./quantize-options.js";

/** Options with their defaults. */
export type Given = ReturnType<typeof quantizeModelOptions.read<QuantizeModelOptions>>;

/** What recipes are made of. */
export interface RecipeSource {
  /** The prepared model. */
  readonly bytes: Uint8Array;
  readonly given: Given;
  readonly judge: Judge;
  readonly mayGoOn: Continue;
  /** Is told what is left out, and why. */
  readonly skip: (text: string) => void;
}

/** What is to be tried: the model as it is and given files before other weights, channels before tensors. */
export async function* recipesFor(source: RecipeSource): AsyncGenerator<Recipe> {
  const { bytes, given, judge, mayGoOn, skip } = source;
  const usual: readonly Granularity[] = given.weightBits === 4 ? ["block", "channel"] : ["channel", "tensor"];
  const granularities = given.granularity === undefined ? usual : [given.granularity];
  const own: Ingredients[] = [];
  for (const candidate of [{ name: AS_IT_IS, bytes }, ...(await sameFunctions(source))]) {
    own.push(await ingredients(candidate, source));
  }
  for (const per of granularities) yield* variants(own, per, given);
  if (!given.equalize) return;
  for (const granularity of granularities) {
    if (granularity === "block") continue;
    const what = `other weights, per ${granularity}`;
    if (!mayGoOn(what)) {
      skip(`${what}: the time was over`);
      continue;
    }
    const isWeightsAlone = given.activations === "none";
    const rounding = { bits: given.weightBits, granularity, isWeightsAlone };
    const found = await orbitCandidates(bytes, judge, rounding);
    if ("reason" in found) {
      skip(found.reason);
      return;
    }
    for (const candidate of found) {
      yield* variants([await ingredients(candidate, source)], granularity, given);
    }
  }
}

type Ingredients = Pick<Recipe, "candidate" | "ranges" | "means">;

async function ingredients(
  candidate: CandidateFile,
  { given, judge: { calibration, run } }: RecipeSource,
): Promise<Ingredients> {
  const { calibrationMethod: method, percentile, activations, biasCorrection } = given;
  const ranges =
    activations === "none"
      ? new Map()
      : await calibrate(candidate.bytes, calibration, { method, percentile, ...run });
  const means = biasCorrection ? await floatMeans(candidate.bytes, calibration, run) : new Map();
  return { candidate, ranges, means };
}

function* variants(own: readonly Ingredients[], per: Granularity, given: Given): Generator<Recipe> {
  const { activations, weights: type, weightBits: bits, reduceRange, blockSize, biasCorrection } = given;
  const settings = { activations, weights: { bits, type, per, blockSize, reduceRange } };
  for (const isBiasCorrected of biasCorrection ? [true, false] : [false]) {
    for (const one of own) yield { ...one, isBiasCorrected, settings };
  }
}

/** The given files that compute the same: those that differ by more than rounding are left out, unless they say so. */
async function sameFunctions({ given, judge, skip }: RecipeSource): Promise<readonly CandidateFile[]> {
  const kept: CandidateFile[] = [];
  for (const candidate of given.candidates) {
    if (candidate.isApproximate) {
      kept.push(candidate);
      continue;
    }
    const outputs = await outputsOfFile(candidate.bytes, judge.heldOut, judge.run);
    const { largest } = errorOf(judge.expected, outputs);
    if (largest <= MOST_DRIFT) kept.push(candidate);
    else skip(`${candidate.name}: in float its outputs differ by ${largest.toPrecision(2)}`);
  }
  return kept;
}

/** The largest relative difference of outputs that rounding in float32 explains. */
const MOST_DRIFT = 1e-4;

export const nameOf = ({ candidate, settings, isBiasCorrected }: Recipe): string =>
  `${candidate.name}, per ${settings.weights.per}${isBiasCorrected ? ", biases corrected" : ""}`;
