import { OptionError } from "isoloss";
import { isNative, levelOfEach } from "isoloss/internal";
import { type NamedValues, randomInputs } from "../model-file/compare/random-inputs.js";
import { outputsOfFile } from "../model-file/compare/run-model.js";
import { imported, OnnxFile } from "../model-file/edit/onnx-file.js";
import { foldBatchNormIn } from "../model-file/prepare/fold-batch-norm.js";
import { AS_IT_IS } from "./candidates.js";
import {
  type Judge,
  measured,
  type QuantizationChoice,
  quantizeAndMeasure,
  type Recipe,
  type Trial,
} from "./choices.js";
import {
  dividedHeldOut,
  examplesIn,
  requireBatches,
  withHeldOut,
  withLabels,
  withoutLabels,
} from "./examples.js";
import { type HasTimeFor, type LayerSensitivity, sensitivities, withinLimit } from "./leave-layers.js";
import { type QuantizationError, requireFiniteOutputs } from "./measure-error.js";
import { withoutIdentities } from "./open-for-quantizing.js";
import { type QuantizeModelOptions, quantizeModelOptions } from "./quantize-options.js";
import { compensated, nameOf, recipesFor } from "./recipes.js";
import { largestOf, recommend, simplestOf, sqnrDifference } from "./recommend.js";
import type { QdqReport } from "./report.js";
import { batchNormMoments } from "./value-moments.js";

export interface QuantizedModel {
  /** The bytes of the recommended file. */
  readonly bytes: Uint8Array;
  /**
   * The row of the simplest recipe that no other row is surely better than, by more than 0.1 dB; with a limit that is not kept,
   * that of the file with layers in float.
   */
  readonly recommended: QuantizationChoice;
  /** The row of the simplest recipe. */
  readonly simplest: QuantizationChoice;
  /**
   * The error of the recommended file on the held-out examples that chose nothing: that of the table is of those that chose it, and looks better than
   * it is. Undefined of a single example, and of a single batch that cannot be taken apart.
   */
  readonly judged: QuantizationError | undefined;
  /**
   * Its SQNR in ONNX Runtime with the session option `session.qdq_matmulnbits_accuracy_level` at 1: by default MatMulNBits
   * rounds what products with stored weights read to 8 bits, too, and `recommended` counts that. Undefined where the option
   * changes nothing, or another runtime measured.
   */
  readonly floatOperandsSqnr: number | undefined;
  /** All that was quantized and measured, in that order. */
  readonly table: readonly QuantizationChoice[];
  /** What was not, and why. */
  readonly skipped: readonly string[];
  /** With a limit that the table does not keep: the layers, those first whose quantization costs most. */
  readonly sensitivities: readonly LayerSensitivity[];
  /** Whether the recommended file keeps the limit on the examples that chose it and on the others; undefined without a limit. */
  readonly isWithinLimit: boolean | undefined;
  /** How many held-out examples chose the file, and how many others judged it. */
  readonly heldOut: { readonly choosing: number; readonly judging: number };
  /** Whether the held-out examples are a part of the calibration. */
  readonly isSplit: boolean;
  /** Whether they are random inputs: there was no calibration and no other example. */
  readonly isRandom: boolean;
  /** The recommended file's nodes and scales. */
  readonly report: QdqReport;
}

/**
 * Quantizes a model: tries what can be chosen, measures each file on some of the examples that were not used for it, and
 * returns the one to recommend with the table, and its error on the others.
 *
 * Batch norms are folded, nodes that do nothing removed, and weights that a Transpose makes stored. Tried are scales for each channel and for whole tensors; the
 * weights as they are, and on the orbit of the model's scalings those with equal ranges of units and those with the least
 * predicted noise of rounded weights, or of weights and activations (and what `candidates` has); activations by ranges of the calibration, or
 * of each run (`dynamic`) where all layers are products; with biases corrected so that every layer keeps its mean, and not. Other
 * weights compute the same, but for bounds such as that of ReLU6: what scaling their units changes is part of the measured
 * error. That is measured by running the files as they are, on the kernels that the runtime has for them: SQNR =
 * 10 log10(sum y^2 / sum (y - q)^2) of the outputs, how often the largest output stays at its place, and a metric of your
 * own. The best of these files, and the best with the weights as they are, are also rounded by GPTQ: each error is made up for by the
 * weights behind it (`compensate`).
 *
 * Recommended is the simplest recipe than which no other is surely more than 0.1 dB better, and which is better than the simpler ones
 * that are beaten.
 * Weights as they are come before corrected biases, GPTQ and other weights, then the smallest file. Leads are over pairs of errors on
 * the same example, each with an interval of a level for as many comparisons as the table has, by Bonferroni's bound: Fieller's, or
 * where it is narrower the jackknife's as far as the ratios of each example agree. No interval sees rare errors that no example shows.
 * First 16 examples choose, and while that leaves open whether the best is better, four times as many, up to half of the held-out ones.
 * Examples weigh by their squared outputs, as in the SQNR.
 *
 * With a `limit` that no file of the table keeps, layers stay float: those first with which alone quantized the error is
 * largest, the fewest that are enough: of the best file for each granularity, and the smaller result is recommended. A file
 * with all layers in float is none.
 *
 * Weights alone need no examples: without calibration they are rounded as they are, and measured on `heldOut`, or on random inputs.
 *
 * @param bytes the bytes of an `.onnx` file of float32, its data inside
 * @returns the recommended file, the table and what was left out
 * @throws OptionError for options and examples that do not fit; DataError for a file that cannot be quantized, for examples that are
 *   not finite, and for a candidate without one of the outputs; ShapeError for one with an output of another shape
 *
 * @example
 * const { bytes: quantized, recommended } = await quantizeModel(before, { calibration: [{ x: images }] });
 * recommended.sqnr > 15; // true
 */
export async function quantizeModel(
  bytes: Uint8Array,
  options: QuantizeModelOptions = {},
): Promise<QuantizedModel> {
  const file = OnnxFile.decode("quantizeModel", bytes);
  const read = quantizeModelOptions.read(options);
  const { calibration: all, heldOut, metric, runtime, signal, limit } = read;
  if (all !== undefined) requireBatches("quantizeModel", file, all, "calibration");
  if (heldOut !== undefined) requireBatches("quantizeModel", file, heldOut, "heldOut");
  if (all === undefined) requireNoData(read);
  if (read.candidates.some(({ name }) => name === AS_IT_IS)) {
    throw new OptionError(
      `quantizeModel: "${AS_IT_IS}" is what the model's own weights are called: give the candidate another name.`,
    );
  }
  const given =
    all === undefined
      ? { ...read, biasCorrection: false as const, compensate: false, equalize: false }
      : read;
  const own = heldOut ?? all ?? randomExamples(file, read.sizes);
  const what = heldOut === undefined ? "calibration" : "heldOut";
  const labeled = metric ? withLabels(own, metric.labels, what) : own;
  const isSplit = heldOut === undefined && all !== undefined;
  const held = isSplit ? withHeldOut(file, labeled) : { calibration: all ?? [], heldOut: labeled };
  const calibration = withoutLabels(held.calibration).batches;
  const run = { runtime, signal };
  const hasTimeFor = createBudget(given);
  const looks = choosingCounts(examplesIn(held.heldOut));
  const judgeOn = async (own: readonly NamedValues[]): Promise<Judge> => {
    const { batches, labels } = withoutLabels(own);
    const score = metric && ((outputs: readonly NamedValues[]) => metric.score(outputs, labels));
    const expected = await outputsOfFile(file, batches, run);
    if (heldOut ?? all) requireFiniteOutputs("quantizeModel", expected);
    return { calibration, heldOut: batches, expected, score, run };
  };
  const partsOf = (count: number) => dividedHeldOut(file, held.heldOut, count / examplesIn(held.heldOut));
  let parts = partsOf(looks[0]);
  let judge = await judgeOn(parts?.choosing ?? held.heldOut);
  const skipped: string[] = [];
  const prepared = withoutIdentities("quantizeModel", foldBatchNormIn(file).file).finish();
  const skip = (text: string) => skipped.push(text);
  if (all === undefined && read.biasCorrection !== false) skip(`biases corrected: ${NO_DATA}`);
  if (all === undefined && read.compensate) skip(`GPTQ: ${NO_DATA}`);
  if (all === undefined && read.equalize) skip(`other weights: ${NO_DATA}`);
  const moments = batchNormMoments(file);
  const begins = (next: string, isNeeded = false): boolean => {
    if (hasTimeFor(next) || isNeeded) return true;
    skip(`${next}: the time was over`);
    return false;
  };
  let trials: Trial[] = [];
  const attempt = async (recipe: Recipe): Promise<void> => {
    const trial = await quantizeAndMeasure(recipe, judge);
    // The same file as without correction.
    if (recipe.correct && !trial.choice.isBiasCorrected) skip(`${nameOf(recipe)}: no bias can be corrected`);
    else trials.push(trial);
  };
  for await (const recipe of recipesFor({ file: prepared, given, judge, begins, moments, skip })) {
    if (begins(nameOf(recipe), trials.length === 0)) await attempt(recipe);
  }
  if (given.compensate) {
    const asItIs = trials.filter(({ choice }) => choice.candidate === AS_IT_IS);
    const starts = [...new Set([largestOf(trials), largestOf(asItIs)])].filter(({ recipe }) =>
      begins(`${nameOf({ ...recipe, correct: undefined })}, GPTQ`),
    );
    // At once: a thread rounds a layer of one while another's next layer is measured. None goes on after an error.
    const making = starts.map(({ recipe }) => compensated({ ...recipe, correct: undefined }, judge));
    await Promise.allSettled(making);
    const made = await Promise.all(making);
    for (const [k, { recipe }] of starts.entries()) {
      const next = nameOf(made[k]);
      if (made[k].settings.weights.rounded?.size === 0) {
        skip(`${next}: no layer has a weight of its own`);
        continue;
      }
      if (!begins(next)) continue;
      await attempt(made[k]);
      // Its moments are not about means: it keeps most of them by itself.
      if (recipe.correct) await attempt({ ...made[k], correct: recipe.correct });
    }
  }
  const level = levelOfEach((trials.length - 1) * looks.length);
  for (const count of looks.slice(1)) {
    if (recommend(trials, level).isResolved || !hasTimeFor(`${count} examples that choose`)) break;
    const more = partsOf(count);
    // Batches that cannot be taken apart give no others.
    if (more === undefined || examplesIn(more.choosing) <= examplesIn(judge.heldOut)) continue;
    parts = more;
    judge = await judgeOn(more.choosing);
    const again: Trial[] = [];
    for (const trial of trials) {
      again.push({ ...trial, choice: { ...trial.choice, ...(await measured(trial.file, judge)) } });
    }
    trials = again;
  }
  const outcome = { skipped, given, judge, level, last: parts && (await judgeOn(parts.judging)) };
  const keeping = trials.filter(({ choice }) => limit === undefined || choice.sqnr >= limit);
  if (limit === undefined || keeping.length > 0) {
    return result(recommend(keeping, level).trial, trials, outcome);
  }
  const best = largestOf(trials);
  // A file with other scales may keep the limit with fewer layers in float.
  const others = trials.filter(({ choice }) => choice.granularity !== best.choice.granularity);
  const starts = others.length === 0 ? [best] : [best, largestOf(others)];
  const orders = new Map<Trial, readonly LayerSensitivity[]>();
  for (const start of starts) {
    const order = await sensitivities(start, judge, hasTimeFor);
    const kept = await withinLimit(start, order, limit, judge, hasTimeFor);
    if (kept !== undefined) orders.set(kept, order);
    else if (start === best) orders.set(best, order);
  }
  const within = [...orders.keys()].filter((trial) => trial !== best);
  const chosen = within.length === 0 ? best : smallestOf(within);
  const tables = [...trials, ...within.filter((trial) => trial !== chosen)];
  return result(chosen, chosen === best ? tables : [...tables, chosen], {
    ...outcome,
    order: orders.get(chosen),
  });
}

const NO_DATA = "there is no calibration";

/** Random inputs that stand for examples where there are none. */
const RANDOM_EXAMPLES = 32;

/** How many examples choose at first. */
const FIRST_CHOOSING = 16;

/** Numbers of examples that may choose, each four times the one before, up to half. */
function choosingCounts(heldOut: number): readonly number[] {
  const most = Math.max(1, Math.floor(heldOut / 2));
  const counts: number[] = [];
  for (let count = FIRST_CHOOSING; count < most; count *= 4) counts.push(count);
  return [...counts, most];
}

const randomExamples = (file: OnnxFile, sizes: Readonly<Record<string, number>>): readonly NamedValues[] =>
  randomInputs("quantizeModel", imported(file).inputs, { seed: 0, examples: RANDOM_EXAMPLES, sizes });

/** Throws where something is asked for that no calibration is there for. */
function requireNoData({ activations, absorbBiases, limit, metric, heldOut }: QuantizeModelOptions): void {
  const isRandom = heldOut === undefined;
  const needs: readonly (readonly [boolean, string])[] = [
    [
      activations !== "none" && activations !== "dynamic",
      `ranges of activations; activations: "dynamic" and "none" need none`,
    ],
    [absorbBiases === true, "absorbBiases"],
    [isRandom && limit !== undefined, "limit, or heldOut"],
    [isRandom && metric !== undefined, "metric, or heldOut"],
  ];
  const missing = needs.find(([isNeeded]) => isNeeded);
  if (missing === undefined) return;
  throw new OptionError(`quantizeModel: calibration is missing. Give examples for ${missing[1]}.`);
}

interface Outcome {
  readonly judge: Judge;
  /** Of the intervals of differences. */
  readonly level: number;
  /** With the examples that choose nothing. */
  readonly last: Judge | undefined;
  readonly skipped: readonly string[];
  readonly given: Pick<QuantizeModelOptions, "calibration" | "heldOut" | "limit">;
  readonly order?: readonly LayerSensitivity[];
}

async function result(
  chosen: Trial,
  trials: readonly Trial[],
  { judge, level, last, skipped, given: { calibration, heldOut, limit }, order = [] }: Outcome,
): Promise<QuantizedModel> {
  const { file, choice, recipe, report } = chosen;
  const judged = last && (await measured(file, last));
  const exact = { ...(last ?? judge), run: { ...judge.run, floatOperands: true } };
  const mayRound = recipe.settings.activations === "none" && (await isNative(judge.run.runtime));
  const floatSqnr = mayRound ? (await measured(file, exact)).sqnr : undefined;
  const table = trials.map(
    (trial): QuantizationChoice => ({
      ...trial.choice,
      difference: sqnrDifference(trial.choice, choice, level),
    }),
  );
  return {
    bytes: file.bytes,
    recommended: table[trials.indexOf(chosen)],
    simplest: table[trials.indexOf(simplestOf(trials))],
    judged,
    floatOperandsSqnr: floatSqnr === (judged ?? choice).sqnr ? undefined : floatSqnr,
    table,
    skipped,
    sensitivities: order,
    isWithinLimit: limit === undefined ? undefined : Math.min(choice.sqnr, judged?.sqnr ?? Infinity) >= limit,
    heldOut: { choosing: examplesIn(judge.heldOut), judging: examplesIn(last?.heldOut ?? []) },
    isSplit: heldOut === undefined && calibration !== undefined,
    isRandom: heldOut === undefined && calibration === undefined,
    report,
  };
}

/** Reports each step before it begins, and whether the budget has time for it. */
function createBudget({
  budget = Infinity,
  onProgress,
  signal,
}: Pick<QuantizeModelOptions, "budget" | "onProgress" | "signal">): HasTimeFor {
  const start = performance.now();
  return (next) => {
    signal?.throwIfAborted();
    const seconds = (performance.now() - start) / 1000;
    if (seconds >= budget) return false;
    onProgress?.({ next, seconds });
    return true;
  };
}

const smallestOf = (trials: readonly Trial[]): Trial =>
  [...trials].sort(({ choice: a }, { choice: b }) => a.bytes - b.bytes || b.sqnr - a.sqnr)[0];
