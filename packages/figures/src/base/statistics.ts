// Means of runs with different times, and Student's interval of a mean (Student, Biometrika 6, 1908).
import { tQuantile } from "isoloss/internal";
import { isDrawable } from "./axis.js";

/** One run: a value at each place, places not decreasing. */
export interface Run {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

export interface Band {
  readonly x: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

export interface Summary {
  /** Where all runs have values. */
  readonly band: readonly Band[];
  /** The parts of single runs beyond that. */
  readonly tails: readonly Run[];
  /** The last drawable point of each run that reached NaN or infinity; NaN where its first value is. */
  readonly diverged: readonly { readonly x: number; readonly y: number; readonly at: number }[];
  /** Number of values <= 0, which a logarithmic axis cannot show. */
  readonly left: number;
}

/** `range`: the least and the largest value; `interval`: a 95 % interval of the mean. */
export type Spread = "range" | "interval" | "none";

/**
 * The mean and spread of runs at each place, linear between a run's places; with `log`, of the values' logarithms. With `logX` the
 * places, which are positive, are on a logarithmic axis.
 *
 * The mean ends where the first run ends: a mean of the remaining runs would improve whenever a bad one ends. The
 * remaining runs are drawn one by one.
 */
export function summarize(
  runs: readonly Run[],
  { log, logX = false, spread }: { log: boolean; logX?: boolean; spread: Spread },
): Summary {
  const cleaned = runs.map((run) => clean(run, log));
  const whole = cleaned.map(({ run }) => run);
  const places = placesOf(whole);
  const [forward, back] = log ? [Math.log, Math.exp] : [(v: number) => v, (v: number) => v];
  const [only, ...others] = whole;
  const thin = ({ x, y }: Run): Run => {
    const kept = distinctPlaces(x, logX);
    return { x: kept.map((i) => x[i]), y: kept.map((i) => y[i]) };
  };
  // A single run may have several values at a place, as a stair has.
  const alone = others.length === 0 && only ? thin(only) : undefined;
  const moved = alone ? [] : whole.map(({ x, y }) => ({ x, y: y.map(forward) }));
  const band =
    alone?.x.map((x, i) => ({ x, ...spreadOf([alone.y[i]], spread) })) ??
    distinctPlaces(places, logX).map((i) => {
      const x = places[i];
      const values = moved.map((run) => at(run, x));
      const { mean, low, high } = spreadOf(values, spread);
      return { x, mean: back(mean), low: back(low), high: back(high) };
    });
  const end = places.at(-1) ?? -Infinity;
  const tails = whole
    .map(({ x, y }) => {
      const first = Math.max(0, x.findIndex((v) => v > end) - (places.length > 0 ? 1 : 0));
      return x.some((v) => v > end) ? thin({ x: x.slice(first), y: y.slice(first) }) : { x: [], y: [] };
    })
    .filter(({ x }) => x.length > 0);
  return {
    band,
    tails,
    diverged: cleaned.flatMap(({ divergedAt: at, run: { x, y } }) =>
      at === undefined ? [] : [{ x: x.at(-1) ?? NaN, y: y.at(-1) ?? NaN, at }],
    ),
    left: cleaned.reduce((sum, { left }) => sum + left, 0),
  };
}

/** A run up to its first value that is not finite, without values that a logarithmic axis cannot show. */
function clean({ x, y }: Run, log: boolean) {
  const end = y.findIndex((v) => !isDrawable(v, false));
  const finite = end < 0 ? y : y.slice(0, end);
  const kept = finite.filter((v) => isDrawable(v, log));
  return {
    run: { x: x.filter((_, i) => i < finite.length && isDrawable(y[i], log)), y: kept },
    divergedAt: end < 0 ? undefined : x[end],
    left: finite.length - kept.length,
  };
}

/** Where all runs have values: their own places, if they share them; else the places of any, between common ends. */
function placesOf(runs: readonly Run[]): readonly number[] {
  if (runs.length === 1) return runs[0].x;
  if (runs.some(({ x }) => x.length === 0)) return [];
  const from = Math.max(...runs.map(({ x }) => x[0]));
  const to = Math.min(...runs.map(({ x }) => x[x.length - 1]));
  const all = new Set(runs.flatMap(({ x }) => x.filter((v) => v >= from && v <= to)));
  return [...all].sort((a, b) => a - b);
}

/** The value of a run at a place between its first and last. */
function at({ x, y }: Run, place: number): number {
  let [lo, hi] = [0, x.length - 1];
  while (hi - lo > 1) {
    const middle = (lo + hi) >> 1;
    if (x[middle] <= place) lo = middle;
    else hi = middle;
  }
  if (x[hi] <= place) return y[hi];
  const t = x[hi] > x[lo] ? (place - x[lo]) / (x[hi] - x[lo]) : 0;
  return y[lo] * (1 - t) + y[hi] * t;
}

function spreadOf(values: readonly number[], spread: Spread) {
  const n = values.length;
  const sum = values.reduce((a, b) => a + b, 0);
  // Where the sum overflows, values are divided first, with more rounding.
  const mean = Number.isFinite(sum) ? sum / n : values.reduce((a, b) => a + b / n, 0);
  if (n === 1 || spread === "none") return { mean, low: mean, high: mean };
  if (spread === "range") return { mean, low: Math.min(...values), high: Math.max(...values) };
  const scale = Math.max(...values.map((v) => Math.abs(v - mean))) || 1;
  const sd = scale * Math.sqrt(values.reduce((sum, v) => sum + ((v - mean) / scale) ** 2, 0) / (n - 1));
  const half = (tQuantile(0.975, n - 1) * sd) / Math.sqrt(n);
  return { mean, low: mean - half, high: mean + half };
}

/** More places than this along a curve cannot be distinguished. */
const most = 800;

/** Indices of places on an axis that can be distinguished: the first in each of `most` parts of the axis, and the last. */
export function distinctPlaces(x: readonly number[], log: boolean): number[] {
  const last = x.length - 1;
  const at = (i: number) => (log ? Math.log(x[i] / x[0]) : x[i] - x[0]);
  const partOf = (i: number) => Math.floor((most * at(i)) / (at(last) || 1));
  const isDistinct = (i: number) => i === 0 || i === last || partOf(i) !== partOf(i - 1);
  return [...x.keys()].filter((i) => last < most || isDistinct(i));
}

/** Means of the last `window` values: what a reader looks for in the noise of mini-batches. */
export function runningMean(values: readonly number[], window: number): number[] {
  const means: number[] = [];
  let sum = 0;
  let lost = 0;
  // Neumaier's sum carries the error of every addition: it would remain after the large values that caused it.
  const add = (value: number) => {
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  };
  for (const [i, value] of values.entries()) {
    if (i >= window) add(-values[i - window]);
    add(value);
    // A value that is not finite would stay in the sum.
    if (!Number.isFinite(sum)) return [...means, ...values.slice(i)];
    means.push((sum + lost) / Math.min(i + 1, window));
  }
  return means;
}
