// Means over few seeds, ratios over pairs and shares, each with its interval, of 95 % if nothing else is asked for.
import { OptionError } from "../errors.js";
import { betaQuantile, tQuantile } from "./distributions.js";

/** Statistics of a sample. Those that need more than one value are null. */
export interface Summary {
  /** How many values. */
  readonly n: number;
  readonly mean: number;
  /** Standard deviation of the sample, with n - 1. */
  readonly std: number | null;
  readonly min: number;
  readonly max: number;
  /** Interval of the mean: mean -+ t std / sqrt(n). */
  readonly interval: readonly [number, number] | null;
}

/** The ratio of two measurements, pair by pair. */
export interface RatioSummary {
  /** Pairs. */
  readonly n: number;
  /** Geometric mean of the ratios. */
  readonly ratio: number;
  /** Interval of it; null for a single pair, and for means of which a single pair carries one. */
  readonly interval: readonly [number, number] | null;
}

/** The difference of two measurements, pair by pair. */
export interface DifferenceSummary {
  /** Pairs. */
  readonly n: number;
  /** Mean of the differences. */
  readonly difference: number;
  /** Interval of it; null for a single pair. */
  readonly interval: readonly [number, number] | null;
}

/** How sure an interval is. */
export interface IntervalOptions {
  /** Probability that an interval holds what it is of; default 0.95. */
  readonly level?: number;
}

/** The level of each of `count` intervals that decide together: at 95 % none of them misses (Bonferroni). */
export const levelOfEach = (count: number): number => 1 - 0.05 / Math.max(1, count);

/** The least and the largest value, Infinity and -Infinity of none: also of more values than a function takes arguments. */
export const extremes = (values: readonly number[]): [least: number, largest: number] => [
  values.reduce((a, b) => Math.min(a, b), Infinity),
  values.reduce((a, b) => Math.max(a, b), -Infinity),
];

/** Sum of values by Neumaier's method, which carries the error of every addition. */
function sum(values: readonly number[]): number {
  let total = 0;
  let lost = 0;
  for (const value of values) {
    const next = total + value;
    lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total;
    total = next;
  }
  // What was lost means nothing once the total has overflowed.
  return Number.isFinite(total) ? total + lost : total;
}

/**
 * Mean, standard deviation, extremes and the t-interval of the mean.
 *
 * @param values finite numbers, at least one
 * @throws OptionError for none or one that is not finite
 *
 * @example
 * summarize([1, 2, 3]).mean; // 2
 */
export function summarize(values: readonly number[], { level = 0.95 }: IntervalOptions = {}): Summary {
  const n = values.length;
  if (n === 0 || !values.every(Number.isFinite)) {
    throw new OptionError(`A summary needs one or more finite numbers; got [${values.join(", ")}].`);
  }
  const mean = sum(values) / n;
  const [min, max] = extremes(values);
  if (n === 1) return { n, mean, std: null, min, max, interval: null };
  const std = Math.sqrt(sum(values.map((v) => (v - mean) ** 2)) / (n - 1));
  const half = (tQuantile((1 + level) / 2, n - 1) * std) / Math.sqrt(n);
  return { n, mean, std, min, max, interval: [mean - half, mean + half] };
}

/**
 * The geometric mean of a_i / b_i with its interval: exp of the t-interval of the mean of log(a_i / b_i). With the
 * seconds of plain runs as a and of runs with teleports as b, seed by seed, it is how many times sooner the latter are.
 *
 * @param a, b positive, of one length
 * @throws OptionError when they are not
 *
 * @example
 * pairedRatio([2, 8], [1, 2]).ratio; // sqrt(2 * 4) = 2.83
 */
export function pairedRatio(
  a: readonly number[],
  b: readonly number[],
  options: IntervalOptions = {},
): RatioSummary {
  requirePairs(a, b);
  return fromLogs(
    a.map((v, i) => Math.log(v / b[i])),
    options,
  );
}

/**
 * The ratio of the means of a and b with its interval: exp of log(mean a / mean b) -+ t s, with s by the jackknife (Tukey, 1958)
 * but without its correction of the mean, which spreads more than it corrects where losses have long tails. For pairs that are means
 * over few rows each, where a geometric mean of ratios would favor the side whose rows spread more.
 *
 * @param a, b of one length, not negative, with positive sums
 * @throws OptionError when they are not
 *
 * @example
 * ratioOfMeans([2, 2], [1, 1]); // { n: 2, ratio: 2, interval: [2, 2] }
 */
export function ratioOfMeans(
  a: readonly number[],
  b: readonly number[],
  options: IntervalOptions = {},
): RatioSummary {
  requirePairs(a, b, (v) => v >= 0);
  const n = a.length;
  const [sumA, sumB] = [sum(a), sum(b)];
  requirePairs([sumA], [sumB]);
  const whole = Math.log(sumA / sumB);
  if (n === 1) return fromLogs([whole], options);
  const without = a.map((v, i) => Math.log((sumA - v) / (sumB - b[i])));
  // A pair that carries a whole sum leaves nothing to compare.
  if (!without.every(Number.isFinite)) return { n, ratio: Math.exp(whole), interval: null };
  const middle = sum(without) / n;
  return fromLogs(
    without.map((log) => whole - (n - 1) * (log - middle)),
    options,
  );
}

function requirePairs(a: readonly number[], b: readonly number[], isUsable = (v: number) => v > 0): void {
  const all = [...a, ...b];
  if (a.length === b.length && a.length > 0 && all.every((v) => Number.isFinite(v) && isUsable(v))) return;
  throw new OptionError(
    `A paired ratio needs two lists of positive numbers of one length; got [${a.join(", ")}] and [${b.join(", ")}].`,
  );
}

function fromLogs(logs: readonly number[], options: IntervalOptions): RatioSummary {
  const { n, mean, interval } = summarize(logs, options);
  return {
    n,
    ratio: Math.exp(mean),
    interval: interval && [Math.exp(interval[0]), Math.exp(interval[1])],
  };
}

/**
 * The mean of a_i - b_i with its t-interval.
 *
 * @param a, b finite, of one length
 * @throws OptionError when they are not
 *
 * @example
 * pairedDifference([0.8, 0.9], [0.7, 0.7]).difference; // 0.15
 */
export function pairedDifference(
  a: readonly number[],
  b: readonly number[],
  options: IntervalOptions = {},
): DifferenceSummary {
  if (a.length !== b.length) {
    throw new OptionError(
      `A paired difference needs two lists of one length; got ${a.length} and ${b.length} numbers.`,
    );
  }
  const { n, mean, interval } = summarize(
    a.map((v, i) => v - b[i]),
    options,
  );
  return { n, difference: mean, interval };
}

/**
 * The exact 95 % interval of a probability after `k` of `n` trials succeeded (Clopper & Pearson, Biometrika 26, 1934).
 *
 * @param k, n integers, 0 <= k <= n, n > 0
 *
 * @example
 * fractionInterval(5, 5)[0]; // 0.025 ** (1 / 5) = 0.478
 */
export function fractionInterval(k: number, n: number): readonly [number, number] {
  // P(at least k of n) = I_p(k, n - k + 1), which rises in p: the ends are where the data are at a tail's edge.
  return [k === 0 ? 0 : betaQuantile(0.025, k, n - k + 1), k === n ? 1 : betaQuantile(0.975, k + 1, n - k)];
}
