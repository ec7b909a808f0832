// Which of several files is recommended: the simplest one that is not surely worse than the best.
import { ratioOfMeans } from "isoloss/internal";
import type { SqnrDifference, Trial } from "./choices.js";
import type { QuantizationError } from "./measure-error.js";
import { complexityOf } from "./recipe-parts.js";

/** A difference of SQNR in decibels that does not justify a change. */
const TIE = 0.1;

/** A file to recommend. */
export interface Recommendation {
  readonly trial: Trial;
  /** Whether the best file is this one, or surely hardly better: else more examples may recommend another one. */
  readonly isResolved: boolean;
}

/**
 * The simplest trial of those to which the best one, with the largest SQNR, has no lead that is surely above 0.1 dB.
 *
 * @param level of the intervals of differences
 */
export function recommend(trials: readonly Trial[], level: number): Recommendation {
  const best = largestOf(trials);
  const lead = ({ choice }: Trial) => sqnrDifference(best.choice, choice, level).interval;
  const trial = simplestOf(trials.filter((own) => own === best || !((lead(own)?.[0] ?? 0) > TIE)));
  return { trial, isResolved: trial === best || (lead(trial)?.[1] ?? Infinity) <= TIE };
}

/** The trial with the largest SQNR. */
export const largestOf = (trials: readonly Trial[]): Trial =>
  trials.reduce((a, b) => (b.choice.sqnr > a.choice.sqnr ? b : a));

/** The trial by the simplest recipe; of equally simple ones the smallest file, then the largest SQNR. */
export const simplestOf = (trials: readonly Trial[]): Trial =>
  [...trials].sort(
    ({ choice: a }, { choice: b }) =>
      complexityOf(a) - complexityOf(b) || a.bytes - b.bytes || b.sqnr - a.sqnr,
  )[0];

/**
 * The SQNR of a file less that of another one, 10 log10(sum of squared errors of b / that of a), with the jackknife's interval over pairs
 * of errors on the same example. What many examples share, such as how hard they are, cancels. Examples weigh as they do in the
 * SQNR, by their squares; where a single one carries the sums, the interval is so wide that it decides nothing.
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
  if (own.length !== other.length || isConstant) return { decibels, interval: undefined };
  if (!Number.isFinite(decibels)) return { decibels, interval: [decibels, decibels] };
  const { interval } = ratioOfMeans(other, own, { level });
  const [low, high] = (interval ?? []).map((ratio) => 10 * Math.log10(ratio));
  return { decibels, interval: interval === null ? undefined : [low, high] };
}
