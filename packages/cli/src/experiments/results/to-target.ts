// How many steps and seconds, teleports included, runs need to the final loss of others, and their loss at equal time.
import { isEqual, mean, minBy } from "es-toolkit";
import {
  type DifferenceSummary,
  groupBy,
  pairedDifference,
  pairedRatio,
  type RatioSummary,
  ratioOfMeans,
} from "isoloss/internal";
import type { JobResult } from "../kind.js";
import { endText, formatNumber } from "./format-number.js";
import { finalLoss, firstAtMost, lossCurve } from "./loss-curve.js";

/** Runs against those of a baseline with the same seeds. */
export interface ToTarget {
  /** Mean final loss. */
  readonly finalLoss: number | null;
  /** How many runs reached the final loss of the baseline's run of their seed. */
  readonly reached: number;
  /** Runs. */
  readonly seeds: number;
  /** Whether all seeds gave the same losses: then steps have no interval, and seconds vary with the clock alone. */
  readonly deterministic: boolean;
  /** Steps and seconds to that loss, as shares of the baseline's; null unless every run reached it. */
  readonly steps: RatioSummary | null;
  /** Seconds, likewise. */
  readonly seconds: RatioSummary | null;
  /** Medians of these shares over all seeds, infinite for a run that did not reach it; null where half of the runs did not. */
  readonly medianSteps: number | null;
  readonly medianSeconds: number | null;
  /** Loss after as many steps as the baseline has, as a share of its final loss. */
  readonly equalSteps: RatioSummary | null;
  /** Loss at the wall-clock time at which the first of both runs ends, as a share of the baseline's loss then. */
  readonly equalTime: RatioSummary | null;
  /** Last validation loss, as a share of the baseline's; null without validation data. */
  readonly validation: RatioSummary | null;
  /** Test loss, as a share of the baseline's, where each seed is judged by test rows of its own; else null. */
  readonly test: RatioSummary | null;
  /** Accuracy on these test rows, else the last one on validation data, less the baseline's in points of a hundred; null without one. */
  readonly accuracy: DifferenceSummary | null;
  /** What it reaches on these rows beside a constant; null where this was not measured. */
  readonly constant: BesideConstant | null;
}

/** Runs beside the others with their seeds. */
export const pairsOf = (runs: readonly JobResult[], others: readonly JobResult[]) =>
  runs.flatMap((run) => {
    const other = others.find(({ seed }) => seed === run.seed);
    return other ? [[run, other] as const] : [];
  });

/** Mean of the runs' final losses; null where one has none. */
export function meanFinalLoss(runs: readonly JobResult[]): number | null {
  const last = runs.map((r) => finalLoss(r));
  if (last.length === 0 || last.includes(null)) return null;
  return mean(last as number[]);
}

/**
 * Compares runs with those of a baseline, seed by seed.
 *
 * @param options `target`: whose final losses are to be reached, default the baseline's; `level` of the intervals, default 0.95: of
 *   deterministic runs the clock's are of 0.95 always
 */
export function toTarget(
  plain: readonly JobResult[],
  others: readonly JobResult[],
  {
    target = plain,
    level: wanted = 0.95,
  }: { readonly target?: readonly JobResult[]; readonly level?: number } = {},
): ToTarget {
  const pairs = pairsOf(plain, others);
  const reached = pairs.flatMap(([p, other]) => {
    const aim = target.find(({ seed }) => seed === p.seed);
    const loss = aim ? finalLoss(aim) : null;
    // A noisy loss reaches its last value before the end: for both runs the first time counts.
    const [own, theirs] = loss === null ? [] : [p, other].map((run) => arrival(run, loss));
    return own && theirs
      ? [{ steps: [theirs.step, own.step], seconds: [theirs.seconds, own.seconds] } as const]
      : [];
  });
  const isComplete = reached.length === plain.length;
  const deterministic = isRepeated(plain) && isRepeated(pairs.map(([, other]) => other));
  const level = deterministic ? 0.95 : wanted;
  const ratio = (lists: readonly (readonly [number, number])[], ratioOf = pairedRatio) =>
    lists.length > 0 && lists.flat().every((v) => Number.isFinite(v) && v > 0)
      ? ratioOf(
          lists.map(([a]) => a),
          lists.map(([, b]) => b),
          { level },
        )
      : null;
  const atSteps = pairs.map(([p, other]) => {
    const last = lossCurve(p).losses.length - 1;
    return [lossAt(other, last), finalLoss(p) ?? Number.NaN] as const;
  });
  const atTime = pairs.map(([p, other]) => {
    // The quicker of two runs has no loss after its end: that is no fault of it.
    const end = Math.min(...[p, other].map(({ seconds }) => seconds.at(-1) ?? 0));
    const [own, theirs] = [other, p].map((run) =>
      lossAt(run, run.seconds.filter((s) => s <= end).length - 1),
    );
    return [own, theirs] as const;
  });
  const hasOwnRows = pairs.every(([p, other]) => p.settings.testFold && other.settings.testFold);
  const onPart = (part: "validation" | "test") =>
    pairs.map(([p, other]) => [lossOn(part, other), lossOn(part, p)] as const);
  const tests = onPart("test");
  const isTested = hasOwnRows && tests.length > 0 && tests.flat().every(Number.isFinite);
  const part = isTested ? "test" : "validation";
  const isPaired = pairs.length === plain.length;
  return {
    finalLoss: meanFinalLoss(others),
    reached: reached.length,
    seeds: plain.length,
    deterministic,
    steps: isComplete ? withoutSpread(ratio(reached.map((r) => r.steps)), deterministic) : null,
    seconds: isComplete ? ratio(reached.map((r) => r.seconds)) : null,
    medianSteps: medianOf(
      reached.map((r) => r.steps),
      plain.length,
    ),
    medianSeconds: medianOf(
      reached.map((r) => r.seconds),
      plain.length,
    ),
    equalSteps: isPaired ? withoutSpread(ratio(atSteps), deterministic) : null,
    equalTime: isPaired ? ratio(atTime) : null,
    validation: isPaired ? withoutSpread(ratio(onPart("validation")), deterministic) : null,
    test: isTested && isPaired ? ratio(tests, ratioOfMeans) : null,
    accuracy: isPaired ? pointsBetween(pairs, `${part}.accuracy`, level) : null,
    constant: besideConstant(
      pairs.map(([, other]) => other.document.metrics),
      { names: measuresOn(part), level },
    ),
  };
}

/** Whether runs of several seeds have the same losses at every step. */
const isRepeated = (runs: readonly JobResult[]): boolean =>
  runs.length > 1 &&
  runs.every(({ document }) => isEqual(document.loss.history, runs[0].document.loss.history));

/** What every seed repeats is known exactly. */
const withoutSpread = (ratio: RatioSummary | null, deterministic: boolean): RatioSummary | null =>
  ratio && deterministic ? { ...ratio, interval: null } : ratio;

/** The loss that a run reports of a part of its data; NaN where it has none. */
export const lossOn = (part: "validation" | "test", { document }: JobResult): number =>
  document.metrics[`${part}.loss`] ?? Number.NaN;

/**
 * A metric of the second runs less that of the first, in points of a hundred.
 *
 * @returns null without pairs, and where it is not measured of one
 */
export function pointsBetween(
  pairs: readonly (readonly [JobResult, JobResult])[],
  metric: string,
  level?: number,
): DifferenceSummary | null {
  const [before, after] = [0, 1].map((i) =>
    pairs.map((pair) => 100 * (pair[i].document.metrics[metric] ?? Number.NaN)),
  );
  const isKnown = pairs.length > 0 && [...before, ...after].every(Number.isFinite);
  return isKnown ? pairedDifference(after, before, { level }) : null;
}

/**
 * What runs reach on held-out rows beside a constant: in cross-entropy the shares of the classes among the training rows, in accuracy
 * their commonest class, in root mean squared error their mean.
 */
export interface BesideConstant {
  /** The measure, such as `test.rmse`. */
  readonly name: string;
  /** The mean of the runs. */
  readonly reached: number;
  /** The mean of the constant, on the same rows. */
  readonly constant: number;
  /** Whether the runs are clearly better. */
  readonly isBeaten: boolean;
}

/**
 * Compares runs with a constant, by the first of some measures that all runs have of both.
 *
 * @param runs their metrics: `constant.NAME` is what the constant reaches
 * @returns null where there is no such measure
 */
export function besideConstant(
  runs: readonly Readonly<Record<string, number | null>>[],
  { names, level }: { readonly names: readonly string[]; readonly level: number },
): BesideConstant | null {
  for (const name of names.filter((one) => /\.(loss|accuracy|rmse)$/.test(one))) {
    const [own, constant] = [name, `constant.${name}`].map((key) =>
      runs.map((metrics) => metrics[key] ?? Number.NaN),
    );
    if (own.length === 0 || ![...own, ...constant].every(Number.isFinite)) continue;
    const means = { name, reached: mean(own), constant: mean(constant) };
    if (name.endsWith(".accuracy")) {
      const { interval } = pairedDifference(own, constant, { level });
      return { ...means, isBeaten: (interval?.[0] ?? 0) > 0 };
    }
    // Over rows the squares have a mean, not their roots.
    const power = name.endsWith(".rmse") ? 2 : 1;
    const [a, b] = [own, constant].map((list) => list.map((v) => v ** power));
    if (![...a, ...b].every((v) => v > 0)) continue;
    const isBeaten = (ratioOfMeans(a, b, { level }).interval?.[1] ?? 1) < 1;
    return { ...means, isBeaten };
  }
  return null;
}

/** The measures of a part of the data that {@link besideConstant} compares: the loss, by which verdicts are, where it is a constant's, too. */
export const measuresOn = (part: string): string[] => [`${part}.loss`, `${part}.accuracy`, `${part}.rmse`];

const predictions = {
  loss: "predicting the class shares",
  accuracy: "predicting the commonest class",
  rmse: "predicting the mean",
};

type Measure = keyof typeof predictions;

const measureOf = ({ name }: BesideConstant) => name.slice(name.lastIndexOf(".") + 1) as Measure;

/** As a sentence: "Its test.rmse is 0.5, that of predicting the mean 1." */
export function constantText(compared: BesideConstant): string {
  const { name, reached, constant, isBeaten } = compared;
  const measure = measureOf(compared);
  const what = `${measure === "loss" ? "the cross-entropy" : "that"} of ${predictions[measure]}`;
  const [own, other] = [reached, constant].map((value) => formatNumber(value, 4));
  return `Its ${name} is ${own}, ${isBeaten ? "" : "not clearly better than "}${what}${isBeaten ? "" : ","} ${other}.`;
}

/** That none of some models beats a constant, as a sentence; empty where one does, or where that is not measured of all. */
export function unbeatenText(models: readonly (BesideConstant | null)[]): string {
  const unbeaten = models.flatMap((model) => (model?.isBeaten === false ? [model] : []));
  return unbeaten.length === 0 || unbeaten.length < models.length
    ? ""
    : `No model of this comparison is clearly better than ${predictions[measureOf(unbeaten[0])]}.`;
}

/** The median of `of` ratios: those that are not given are infinite. */
function medianOf(ratios: readonly (readonly [number, number])[], of: number): number | null {
  const sorted = ratios.map(([a, b]) => a / b).sort((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(of / 2) - 1], sorted[Math.floor(of / 2)]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

/** When a run's loss is first at or below a target. */
export function arrival(
  run: JobResult,
  target: number,
): { readonly step: number; readonly seconds: number } | undefined {
  const step = firstAtMost(lossCurve(run), target);
  if (step === undefined) return undefined;
  // Entry t of the lists is the point before step t; a point at the start is worth one step.
  const at = Math.min(Math.max(1, step), run.seconds.length - 1);
  return { step: at, seconds: Math.max(run.seconds[at], 1e-9) };
}

/** The loss of a run at a point; its final one after its end. NaN where it has none yet, or no longer. */
function lossAt(run: JobResult, index: number): number {
  const { losses } = lossCurve(run);
  if (index >= losses.length && run.document.status === "diverged") return Number.NaN;
  return losses[Math.min(index, losses.length - 1)] ?? Number.NaN;
}

/** One run of each seed, the quickest of its repetitions, with the least time of all of them at each point. */
export const quickestOfSeeds = (runs: readonly JobResult[]): JobResult[] =>
  [...groupBy(runs, ({ seed }) => seed).values()].map((group) => {
    const quickest = minBy(group, ({ seconds }) => seconds.at(-1) ?? 0) as JobResult;
    const seconds = quickest.seconds.map((_, i) => Math.min(...group.map((r) => r.seconds[i] ?? Infinity)));
    return { ...quickest, seconds };
  });

/** Factor that a clock must be able to tell. */
export const clearFactor = 1.1;

/**
 * Whether a clock cannot tell times apart that differ by a tenth.
 *
 * @param clock the times of the baseline against its own, again; null: not measured
 */
export const isTooNoisy = (clock: RatioSummary | null): boolean =>
  clock?.interval != null && (clock.interval[0] < 1 / clearFactor || clock.interval[1] > clearFactor);

/**
 * Whether runs take less or more time than others: by more than the clock's own noise. Null where a single pair of runs decides
 * nothing.
 *
 * @param clock see {@link isTooNoisy}
 */
export function timeOf(
  { seconds, deterministic }: Pick<ToTarget, "seconds" | "deterministic">,
  clock: RatioSummary | null,
): "less" | "more" | "no clear difference" | "too noisy" | null {
  if (!seconds?.interval) return null;
  const [low, high] = seconds.interval;
  const [floor, ceiling] = clock?.interval ?? [1, 1];
  if (high < Math.min(1, floor)) return "less";
  if (low > Math.max(1, ceiling)) return "more";
  // Where nothing is random the times differ by the clock alone.
  const isWide = deterministic && high > clearFactor ** 2 * low;
  return isTooNoisy(clock) || isWide ? "too noisy" : "no clear difference";
}

/** A comparison as reports print it: of deterministic runs without the intervals of the clock. */
export function shownRatios<T extends ToTarget>(compared: T): T {
  const shown = (ratio: RatioSummary | null) => withoutSpread(ratio, compared.deterministic);
  return { ...compared, seconds: shown(compared.seconds), equalTime: shown(compared.equalTime) };
}

/** A difference with its sign and interval, as text: "+8.1 [6.1, 10.1]". */
export function differenceText(compared: DifferenceSummary | null): string {
  if (compared === null) return "-";
  const { difference, interval } = compared;
  const span = interval === null ? "" : ` [${formatNumber(interval[0], 3)}, ${formatNumber(interval[1], 3)}]`;
  return `${difference > 0 ? "+" : ""}${formatNumber(difference, 3)}${span}`;
}

/** Ends of an interval around 1 that are further apart tell nothing of the ratio. */
const widestSpan = 1e6;

/** Whether seeds differ so much that a ratio of theirs may be anything. */
export const isUntold = ({ interval }: RatioSummary): boolean =>
  interval !== null && interval[0] < 1 && interval[1] > 1 && interval[1] > widestSpan * interval[0];

const untold = "the seeds differ too much to say";

/** A ratio with its interval, as text: "0.27 [0.20, 0.36]"; no number where it tells nothing. */
export function ratioText(ratio: RatioSummary | null): string {
  if (ratio === null) return "-";
  if (isUntold(ratio)) return untold;
  const { interval } = ratio;
  return `${formatNumber(ratio.ratio, 3)}${interval === null ? "" : ` [${endText(interval[0], 3)}, ${endText(interval[1], 3)}]`}`;
}

/** How a quantity compares with another one, behind "is": "0.27 [0.20, 0.36] times that of plain". */
export const timesText = (ratio: RatioSummary, other: string): string =>
  isUntold(ratio) ? `not comparable with ${other}: ${untold}` : `${ratioText(ratio)} times ${other}`;

/**
 * A share of what a baseline needs, as text: "0.5 of the steps [0.4, 0.6]"; no claim where the interval contains 1.
 *
 * @param what is shared: "steps" or "time"
 */
export function shareOfText({ ratio, interval }: RatioSummary, what: "steps" | "time"): string {
  const [low, high] = interval ? interval.map((v) => endText(v, 3)) : [];
  if (interval && interval[0] < 1 && interval[1] > 1) {
    return `${low} to ${high} times the ${what}, no clear difference`;
  }
  const share = formatNumber(ratio, 3);
  const span = low === high ? "" : ` [${low}, ${high}]`;
  if (share === "1") return what === "steps" ? `as many steps${span}` : `the same time${span}`;
  return ratio < 1 ? `${share} of the ${what}${span}` : `${share} times the ${what}${span}`;
}
