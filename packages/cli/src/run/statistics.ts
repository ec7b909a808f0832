// Student's t distribution by the incomplete beta function (DLMF 8.17), for intervals over few seeds.
import { OptionError } from "isoloss";

/** A sample in numbers. What one value cannot tell is null, as JSON has it. */
export interface Summary {
  /** How many values. */
  readonly n: number;
  readonly mean: number;
  /** Standard deviation of the sample, with n - 1. */
  readonly std: number | null;
  readonly min: number;
  readonly max: number;
  /** 95 % interval of the mean: mean -+ t std / sqrt(n). */
  readonly interval: readonly [number, number] | null;
}

/** How many times larger one measurement is than another, pair by pair. */
export interface RatioSummary {
  readonly n: number;
  /** Geometric mean of the ratios. */
  readonly ratio: number;
  /** 95 % interval of it; null for a single pair. */
  readonly interval: readonly [number, number] | null;
}

/** Sum of values, with the error of every addition carried along (Neumaier). */
function sum(values: readonly number[]): number {
  let total = 0;
  let lost = 0;
  for (const value of values) {
    const next = total + value;
    lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total;
    total = next;
  }
  return total + lost;
}

/**
 * Mean, standard deviation, extremes and the 95 % t-interval of the mean.
 *
 * @param values finite numbers, at least one
 * @throws OptionError for none or one that is not finite
 *
 * @example
 * summarise([1, 2, 3]).mean; // 2
 */
export function summarise(values: readonly number[]): Summary {
  const n = values.length;
  if (n === 0 || !values.every(Number.isFinite)) {
    throw new OptionError(`A summary needs one or more finite numbers; got [${values.join(", ")}].`);
  }
  const mean = sum(values) / n;
  const extremes = { min: Math.min(...values), max: Math.max(...values) };
  if (n === 1) return { n, mean, std: null, ...extremes, interval: null };
  const std = Math.sqrt(sum(values.map((v) => (v - mean) ** 2)) / (n - 1));
  const half = (tQuantile(0.975, n - 1) * std) / Math.sqrt(n);
  return { n, mean, std, ...extremes, interval: [mean - half, mean + half] };
}

/**
 * The geometric mean of a_i / b_i with its 95 % interval: exp of the t-interval of the mean of log(a_i / b_i). With the
 * seconds of plain runs as a and of runs with teleports as b, seed by seed, it is how many times sooner the latter are.
 *
 * @param a, b positive, of one length
 * @throws OptionError when they are not
 *
 * @example
 * pairedRatio([2, 8], [1, 2]).ratio; // sqrt(2 * 4) = 2.83
 */
export function pairedRatio(a: readonly number[], b: readonly number[]): RatioSummary {
  const usable = (v: number) => Number.isFinite(v) && v > 0;
  if (a.length !== b.length || a.length === 0 || ![...a, ...b].every(usable)) {
    throw new OptionError(
      `A paired ratio needs two lists of positive numbers of one length; got [${a.join(", ")}] and [${b.join(", ")}].`,
    );
  }
  const { n, mean, interval } = summarise(a.map((v, i) => Math.log(v / b[i])));
  return {
    n,
    ratio: Math.exp(mean),
    interval: interval && [Math.exp(interval[0]), Math.exp(interval[1])],
  };
}

/**
 * The exact 95 % interval of a probability after `k` of `n` trials came out (Clopper & Pearson, Biometrika 26, 1934).
 *
 * @param k, n integers, 0 <= k <= n, n > 0
 *
 * @example
 * shareInterval(5, 5)[0]; // 0.025 ** (1 / 5) = 0.478
 */
export function shareInterval(k: number, n: number): readonly [number, number] {
  // P(at least k of n) = I_p(k, n - k + 1), which rises in p: the ends are where the data are at a tail's edge.
  const low = k === 0 ? 0 : bisect((p) => incompleteBeta(p, k, n - k + 1) < 0.025, 0, 1);
  const high = k === n ? 1 : bisect((p) => incompleteBeta(p, k + 1, n - k) < 0.975, 0, 1);
  return [low, high];
}

/**
 * The p-quantile of Student's t distribution.
 *
 * @param p in (0, 1)
 * @param degrees of freedom, > 0
 */
export function tQuantile(p: number, degrees: number): number {
  if (p === 0.5) return 0;
  if (p < 0.5) return -tQuantile(1 - p, degrees);
  // P(|T| > t) = I_x(degrees / 2, 1 / 2) with x = degrees / (degrees + t^2): falls as t grows.
  const tail = 2 * (1 - p);
  const above = (t: number) => incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) > tail;
  let high = 1;
  while (above(high)) high *= 2;
  return bisect(above, 0, high);
}

/** Where a condition that holds at `low` ceases to hold, to the last bit. */
function bisect(holds: (x: number) => boolean, low: number, high: number): number {
  for (let mid = (low + high) / 2; low < mid && mid < high; mid = (low + high) / 2) {
    if (holds(mid)) low = mid;
    else high = mid;
  }
  return high;
}

/** I_x(a, b), the regularised incomplete beta function: DLMF 8.17.22 by Lentz's method, DLMF 8.17.4 for large x. */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  let c = 1;
  let d = 1 / (1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m < 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d);
    c = 1 + even / c;
    fraction *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d);
    c = 1 + odd / c;
    fraction *= c * d;
    if (Math.abs(c * d - 1) < 1e-16) break;
  }
  const logBeta = logGamma(a) + logGamma(b) - logGamma(a + b);
  return (Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta) / a) * fraction;
}

/** log Gamma(x) for x > 0: Stirling's series (DLMF 5.11.1) from 10 on, the recurrence below. */
function logGamma(x: number): number {
  let shift = 0;
  let z = x;
  for (; z < 10; z++) shift += Math.log(z);
  const w = 1 / (z * z);
  const series =
    (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w * (1 / 1188 - w * (691 / 360360)))))) / z;
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift;
}
