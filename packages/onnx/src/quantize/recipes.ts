import { outputsOfFile } from "../model-file/compare/run-model.js";
import { OnnxFile } from "../model-file/edit/onnx-file.js";
import { isReason, type Reason } from "../model-file/prepare/linear-layer.js";
import { correctBiasAnalytically } from "./analytic-bias.js";
import { rangesOf } from "./calibrate.js";
import { AS_IT_IS, absorbedFile, type Candidate, type Orbit, openOrbit, rotatedFile } from "./candidates.js";
import { type BiasCorrector, type Granularity, type Judge, type Recipe, recipeOf } from "./choices.js";
import { compensatedWeights } from "./compensate-rounding.js";
import { correctBias, floatMeans, layerMeans } from "./correct-bias.js";
import type { HasTimeFor } from "./leave-layers.js";
import { errorOf } from "./measure-error.js";
import type { QuantizeModelOptions, quantizeModelOptions } from "./quantize-options.js";
import { type MomentsByValue, measuredMoments } from "./value-moments.js";
import { holdsProducts, productWeights } from "./write-dynamic.js";
import { type QdqSettings, quantizableValues, writeQdq } from "./write-qdq.js";

/** Options with their defaults. */
export type Given = ReturnType<typeof quantizeModelOptions.read<QuantizeModelOptions>>;

/** What recipes are made of. */
export interface RecipeSource {
  /** The prepared model. */
  readonly file: OnnxFile;
  readonly given: Given;
  readonly judge: Judge;
  /** Whether there is time for a step, else it is skipped. */
  readonly begins: HasTimeFor;
  /** What the model's batch norms tell of values. */
  readonly moments: MomentsByValue;
  /** Hears of recipes that are left out, with the reason. */
  readonly skip: (text: string) => void;
}

/** What is to be tried: the model as it is and given files before other weights, channels before tensors. */
export async function* recipesFor(source: RecipeSource): AsyncGenerator<Recipe> {
  const { file, given, judge, begins, skip } = source;
  const usual: readonly Granularity[] = given.weightBits === 4 ? ["block", "channel"] : ["channel", "tensor"];
  // Whole tensors save a dynamic product nothing.
  const suitable = given.activations === "dynamic" ? usual.slice(0, 1) : usual;
  const granularities = given.granularity === undefined ? suitable : [given.granularity];
  const own = [...(await withAbsorbed({ name: AS_IT_IS, file }, source))];
  const rotated = given.rotate
    ? candidateOf("rotated", await rotatedFile(file, judge.calibration[0] ?? judge.heldOut[0]), skip)
    : [];
  for (const candidate of [...rotated, ...(await sameFunctions(source))]) {
    own.push(await ingredients(candidate, source));
  }
  const modes = modesOf(source);
  const all = function* (some: readonly Ingredients[], per: Granularity) {
    for (const mode of modes) {
      if (mode !== "dynamic" || per === granularities[0]) yield* variants(some, per, mode, given);
    }
  };
  for (const per of granularities) yield* all(own, per);
  if (!given.equalize) return;
  let orbit: Orbit | undefined;
  const moved = new Map<Granularity, readonly Candidate[]>();
  const known = new Map<Candidate, readonly Ingredients[]>();
  for (const per of granularities) {
    if (!begins(`other weights, per ${per}`)) continue;
    // A block is a part of a channel: weights that suit channels suit their blocks, too.
    const granularity = per === "block" ? "channel" : per;
    if (!moved.has(granularity)) {
      orbit ??= openOrbit(file, judge.calibration);
      const found = await orbit({
        weights: { bits: given.weightBits, granularity },
        activations: given.activations === "none" ? "none" : 8,
      });
      if (isReason(found)) {
        skip(`other weights: ${found.reason}`);
        return;
      }
      moved.set(granularity, found);
    }
    for (const candidate of moved.get(granularity) ?? []) {
      const own = known.get(candidate) ?? (await withAbsorbed(candidate, source));
      known.set(candidate, own);
      for (const one of own) yield* all([one], per);
    }
  }
}

type Mode = QdqSettings["activations"];

function modesOf({ file, given: { activations } }: RecipeSource): readonly Mode[] {
  if (activations !== undefined) return [activations];
  return holdsProducts(file) ? ["uint8", "dynamic"] : ["uint8"];
}

type Ingredients = Pick<Recipe, "candidate" | "ranges" | "correct">;

async function ingredients(candidate: Candidate, source: RecipeSource): Promise<Ingredients> {
  const { given, judge } = source;
  const { calibrationMethod: method, percentile, activations, biasCorrection } = given;
  const { name, file } = candidate;
  const { calibration, run } = judge;
  const needsNone = activations === "none" || activations === "dynamic";
  const own = biasCorrection === "measured" || biasCorrection === true ? layerMeans(file) : undefined;
  const calibrated = () =>
    rangesOf(file, calibration, { method, percentile, values: quantizableValues(file), beside: own, ...run });
  const ranges = needsNone ? new Map() : await calibrated();
  if (own !== undefined) {
    const means = needsNone ? await floatMeans(file, calibration, run) : own.means();
    const correct: BiasCorrector = (quantize) => correctBias(file, quantize, means, calibration, run);
    return { candidate, ranges, correct };
  }
  if (biasCorrection === false) return { candidate, ranges, correct: undefined };
  // Batch norms tell of the weights that they were stored with.
  const known = name === AS_IT_IS ? source.moments : new Map();
  const all = await measuredMoments(file, known, calibration, run);
  return { candidate, ranges, correct: (quantize) => correctBiasAnalytically(file, quantize, all, run) };
}

/** Those of a candidate, and of it with high biases absorbed, where that is wanted and something is. */
async function withAbsorbed(candidate: Candidate, source: RecipeSource): Promise<readonly Ingredients[]> {
  const { given, judge, skip } = source;
  const own = [await ingredients(candidate, source)];
  if (!given.absorbBiases) return own;
  const found = await absorbedFile(candidate.file, judge);
  for (const absorbed of candidateOf(`${candidate.name}, biases absorbed`, found, skip)) {
    own.push(await ingredients(absorbed, source));
  }
  return own;
}

/** A file as a candidate; none where there is a reason against it, which is said. */
function candidateOf(
  name: string,
  found: OnnxFile | Reason,
  skip: RecipeSource["skip"],
): readonly Candidate[] {
  if (!isReason(found)) return [{ name, file: found }];
  skip(`${name}: ${found.reason}`);
  return [];
}

/** The same with weights rounded so that each error is made up for by the weights behind it, by what they multiply on examples. */
export async function compensated(
  recipe: Omit<Recipe, "written">,
  { calibration, run }: Pick<Judge, "calibration" | "run">,
): Promise<Recipe> {
  const { candidate, ranges, settings } = recipe;
  const written =
    settings.activations === "dynamic"
      ? productWeights("quantizeModel", candidate.file, settings.weights, new Set())
      : writeQdq(candidate.file, ranges, { ...settings, leave: new Set() });
  const rounded = await compensatedWeights(candidate.file, written, calibration, run);
  return recipeOf({ ...recipe, settings: { ...settings, weights: { ...settings.weights, rounded } } });
}

function* variants(
  own: readonly Ingredients[],
  per: Granularity,
  activations: Mode,
  given: Given,
): Generator<Recipe> {
  const { weights: type, weightBits: bits, reduceRange, blockSize, biasCorrection } = given;
  const settings = { activations, weights: { bits, type, per, blockSize, reduceRange } };
  const recipes = own.map((one) => recipeOf({ ...one, settings }));
  if (biasCorrection !== false) yield* recipes;
  for (const recipe of recipes) yield { ...recipe, correct: undefined };
}

/** The given files that compute the same: those that differ by more than rounding are left out, unless they say so. */
async function sameFunctions({ given, judge, skip }: RecipeSource): Promise<readonly Candidate[]> {
  const { expected, heldOut, run } = judge;
  const driftOf = async (file: OnnxFile): Promise<number> =>
    errorOf("quantizeModel", expected, await outputsOfFile(file, heldOut, run), heldOut).largest;
  const kept: Candidate[] = [];
  for (const { name, bytes, isApproximate } of given.candidates) {
    const candidate = { name, file: OnnxFile.decode("quantizeModel", bytes) };
    const largest = isApproximate ? 0 : await driftOf(candidate.file);
    if (largest <= MOST_DRIFT) kept.push(candidate);
    else skip(`${name}: in float its outputs differ by ${largest.toPrecision(2)}`);
  }
  return kept;
}

/** The largest relative difference of outputs that rounding in float32 explains. */
const MOST_DRIFT = 1e-4;

export const nameOf = ({ candidate, settings, correct }: Recipe): string =>
  `${candidate.name}, per ${settings.weights.per}${settings.activations === "dynamic" ? ", dynamic" : ""}${settings.weights.rounded ? ", GPTQ" : ""}${correct ? ", biases corrected" : ""}`;
