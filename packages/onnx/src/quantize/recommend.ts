// Which of several files is recommended: the simplest one, unless another is surely better.
import { pairedRatio, ratioOfMeans, tQuantile } from "isoloss/internal";
import type { SqnrDifference, Trial } from "./choices.js";
import type { QuantizationError } from "./measure-error.js";
import { complexityOf } from "./recipe-parts.js";

/** A difference of SQNR in decibels that does not justify a change. */
const TIE = 0.1;

/** A file to recommend. */
export interface Recommendation {
  readonly trial: Trial;
  /** Whether the best file is this one, or surely hardly better, and none was passed over: else more examples may recommend another one. */
  readonly isResolved: boolean;
}

/**
 * The simplest trial of those to which no other one has a lead that is surely above 0.1 dB, and that are better than all simpler ones
 * which are beaten so: examples that tell little about a trial do not recommend it.
 *
 * @param level of the intervals of differences
 */
export function recommend(trials: readonly Trial[], level: number): Recommendation {
  const best = largestOf(trials);
  const lead = (a: Trial, b: Trial) => sqnrDifference(a.choice, b.choice, level).interval;
  const isBeaten = (own: Trial) => trials.some((other) => (lead(other, own)?.[0] ?? 0) > TIE);
  let trial = best;
  let beaten = Number.NEGATIVE_INFINITY;
  let isPassedOver = false;
  for (const own of [...trials].sort(bySimplicity)) {
    if (isBeaten(own)) beaten = Math.max(beaten, own.choice.sqnr);
    else if (own.choice.sqnr > beaten) {
      trial = own;
      break;
    } else isPassedOver = true;
  }
  const isBest = trial === best || (lead(best, trial)?.[1] ?? Infinity) <= TIE;
  return { trial, isResolved: isBest && !isPassedOver };
}

/** The trial with the largest SQNR. */
export const largestOf = (trials: readonly Trial[]): Trial =>
  trials.reduce((a, b) => (b.choice.sqnr > a.choice.sqnr ? b : a));

/** The trial by the simplest recipe; of equally simple ones the smallest file, then the largest SQNR. */
export const simplestOf = (trials: readonly Trial[]): Trial => [...trials].sort(bySimplicity)[0];

const bySimplicity = ({ choice: a }: Trial, { choice: b }: Trial): number =>
  complexityOf(a) - complexityOf(b) || a.bytes - b.bytes || b.sqnr - a.sqnr;

/**
 * The SQNR of a file less that of another one, 10 log10(sum of squared errors of b / that of a), with its interval over pairs of errors on
 * the same example. What many examples share, such as how hard they are, cancels. Examples weigh as they do in the SQNR, by their squares.
 *
 * An end is surely passed where Fieller's interval has it, or where the jackknife's has it and the ratios of each example agree, by their
 * t-interval or by a sign test at 5 %. Each alone errs: the jackknife is too wide where a good file has its errors in few examples, and
 * too narrow where many files are compared by rare ones; ratios alone favor a file that errs rarely and much; Fieller's is too wide where
 * examples differ a lot. Of simulated tables of 21 equally good files, with 8 examples and a level of 1 - 0.05 / 20, in 5 to 6 % one of
 * the others seems surely better than the first where errors are lognormal, in 11 % where three of ten are rare ones, 50 times as large.
 */
export function sqnrDifference(a: QuantizationError, b: QuantizationError, level: number): SqnrDifference {
  const decibels = a.sqnr === b.sqnr ? 0 : a.sqnr - b.sqnr;
  // One alone is not finite.
  if (decibels === 0 || [a, b].some(({ sqnr }) => sqnr === -Infinity)) {
    return { decibels, interval: [decibels, decibels] };
  }
  const [own, other] = [a, b].map(({ examples }) => {
    const signal = examples.reduce((sum, example) => sum + example.signal, 0);
    return examples.map(({ noise }) => noise / signal);
  });
  // Outputs that are the same for all examples are one example, however often.
  const isConstant = own.every((noise, i) => noise === own[0] && other[i] === other[0]);
  if (own.length !== other.length || own.length === 1 || isConstant) return { decibels, interval: undefined };
  if (!Number.isFinite(decibels)) return { decibels, interval: [decibels, decibels] };
  const jackknife = ratioOfMeans(other, own, { level }).interval;
  const hasLogs = [...own, ...other].every((noise) => noise > 0);
  const ratios = hasLogs ? pairedRatio(other, own, { level }).interval : null;
  const signs = signInterval(other.map((noise, i) => (noise === own[i] ? 1 : noise / own[i])));
  let [low, high] = fieller(other, own, level);
  if (jackknife !== null) {
    low = Math.max(low, Math.min(jackknife[0], Math.max(ratios?.[0] ?? 0, signs[0])));
    high = Math.min(
      high,
      Math.max(jackknife[1], Math.min(ratios?.[1] ?? Number.POSITIVE_INFINITY, signs[1])),
    );
  }
  return { decibels, interval: [10 * Math.log10(low), 10 * Math.log10(high)] };
}

/** Below the first and above the second end are so few ratios that a sign test at 5 % finds their median beyond it. */
function signInterval(ratios: readonly number[]): readonly [number, number] {
  const n = ratios.length;
  const sorted = [...ratios].sort((a, b) => a - b);
  let few = 0;
  // In logarithms: of many examples the first chance would be 0.
  for (let log = -n * Math.LN2, sum = Math.exp(log); sum <= 0.05; few++, sum += Math.exp(log))
    log += Math.log((n - few) / (few + 1));
  return few === 0 ? [0, Number.POSITIVE_INFINITY] : [sorted[few - 1], sorted[n - few]];
}

/**
 * The interval of mean(a) / mean(b) of pairs that are not negative: all rho for which the t-test finds no mean of a - rho b other than 0,
 * from 0 to infinity where it cannot tell (Fieller, 1954).
 */
function fieller(a: readonly number[], b: readonly number[], level: number): readonly [number, number] {
  const n = a.length;
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / n;
  const scale = tQuantile((1 + level) / 2, n - 1) ** 2 / (n - 1);
  const moment = (x: readonly number[], y: readonly number[]) => {
    const [xMean, yMean] = [mean(x), mean(y)];
    return xMean * yMean - scale * mean(x.map((value, i) => (value - xMean) * (y[i] - yMean)));
  };
  // The ends are the roots of square rho^2 - 2 middle rho + constant.
  const [square, middle, constant] = [moment(b, b), moment(a, b), moment(a, a)];
  const root = middle + Math.sqrt(Math.max(0, middle ** 2 - square * constant));
  return [constant > 0 ? constant / root : 0, square > 0 ? root / square : Number.POSITIVE_INFINITY];
}
