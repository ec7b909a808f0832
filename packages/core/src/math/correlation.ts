// Pearson's r with R. A. Fisher's interval ("On the 'probable error' of a coefficient of correlation", Metron 1, 1921),
// and C. Spearman's rank correlation (1904); partial correlation as in G. U. Yule (1907).
import { describeValue, OptionError } from "../errors.js";

export interface Correlation {
  /** Number of pairs. */
  readonly count: number;
  /** Pearson's r; NaN where x or y is constant. */
  readonly pearson: number;
  /** 95 % confidence interval of Pearson's r; [-1, 1] for fewer than four pairs, NaN if r is NaN. */
  readonly interval: readonly [number, number];
  /** Pearson's r of the ranks; equal values get the mean of their ranks. */
  readonly spearman: number;
}

/** The 97.5 % quantile of the standard normal distribution. */
const quantile = 1.959963984540054;

/**
 * Correlation of two quantities,
 *
 * r = sum (x_i - mean x)(y_i - mean y) / sqrt(sum (x_i - mean x)^2 sum (y_i - mean y)^2),  interval tanh(atanh r +- 1.96 / sqrt(n - 3))
 *
 * The interval assumes independent and approximately normal pairs.
 *
 * @throws OptionError unless x and y have equal length, at least two, and all numbers are finite
 *
 * @example
 * const { pearson, interval } = correlation([1, 2, 3, 4], [1, 3, 2, 4]); // 0.8, [-0.70, 0.996]
 */
export function correlation(x: readonly number[], y: readonly number[]): Correlation {
  for (const values of [x, y]) {
    if (typeof values?.length === "number" && typeof values !== "string") continue;
    throw new OptionError(`correlation takes two lists of numbers; got ${describeValue(values)}.`);
  }
  const count = x.length;
  if (count !== y.length || count < 2) {
    throw new OptionError(`correlation: needs as many x as y, two or more; got ${count} and ${y.length}.`);
  }
  const bad = [...x, ...y].findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) {
    const [name, i] = bad < count ? ["x", bad] : ["y", bad - count];
    throw new OptionError(`correlation: all numbers must be finite; ${name}[${i}] is ${[...x, ...y][bad]}.`);
  }
  const pearson = pearsonOf(x, y);
  return { count, pearson, interval: intervalOf(pearson, count), spearman: pearsonOf(ranks(x), ranks(y)) };
}

/**
 * Correlation of two quantities x and y that remains where a third one z is held fixed: that of the residuals of their
 * regressions on z,
 *
 * r = (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2)(1 - r_yz^2)),  interval tanh(atanh r +- 1.96 / sqrt(n - 4))
 *
 * @returns `spearman`: the same of the ranks; NaN where x, y or z is constant, or x or y depends on z linearly
 * @throws OptionError as `correlation`
 *
 * @example
 * partialCorrelation([1, 2, 3, 4, 6], [2, 1, 4, 3, 6], [1, 1, 2, 2, 3]).pearson;
 */
export function partialCorrelation(
  x: readonly number[],
  y: readonly number[],
  z: readonly number[],
): Correlation {
  const [xy, xz, yz] = [correlation(x, y), correlation(x, z), correlation(y, z)];
  const given = (key: "pearson" | "spearman") => {
    const left = (1 - xz[key] ** 2) * (1 - yz[key] ** 2);
    // What z explains but for rounding has no residuals.
    if (!(left > 1e-14)) return Number.NaN;
    return Math.min(1, Math.max(-1, (xy[key] - xz[key] * yz[key]) / Math.sqrt(left)));
  };
  const pearson = given("pearson");
  // One degree of freedom goes to z.
  return {
    count: xy.count,
    pearson,
    interval: intervalOf(pearson, xy.count - 1),
    spearman: given("spearman"),
  };
}

function pearsonOf(x: readonly number[], y: readonly number[]): number {
  // The mean of equal numbers may differ from them in the last bit, so a constant would seem to vary.
  if ([x, y].some((values) => values.every((v) => v === values[0]))) return Number.NaN;
  const [a, b] = [centered(x), centered(y)];
  const r = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  return Math.min(1, Math.max(-1, r));
}

/** Differences from the mean, divided by the largest, so that squares neither overflow nor underflow. */
function centered(x: readonly number[]): number[] {
  const mean = x.reduce((s, v) => s + v / x.length, 0);
  const largest = x.reduce((m, v) => Math.max(m, Math.abs(v - mean)), 0);
  return x.map((v) => (v - mean) / largest);
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((s, v, i) => s + v * b[i], 0);

function intervalOf(r: number, count: number): readonly [number, number] {
  if (Number.isNaN(r)) return [r, r];
  if (count < 4) return [-1, 1];
  const half = quantile / Math.sqrt(count - 3);
  return [Math.tanh(Math.atanh(r) - half), Math.tanh(Math.atanh(r) + half)];
}

/** Rank of each value, from 1. */
function ranks(x: readonly number[]): number[] {
  const order = x.map((_, i) => i).sort((i, j) => x[i] - x[j]);
  const out = new Array<number>(x.length);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to < order.length && x[order[to]] === x[order[from]]) to++;
    for (let k = from; k < to; k++) out[order[k]] = (from + 1 + to) / 2;
    from = to;
  }
  return out;
}
