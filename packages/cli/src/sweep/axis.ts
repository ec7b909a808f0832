// How the values of a parameter lie on the unit interval.
import { isDeepStrictEqual } from "node:util";
import { clamp } from "es-toolkit";
import { normalCdf, normalQuantile } from "isoloss/linalg";
import type { Json } from "../run/json-lines.js";
import type { Choice, Constant, Normal, Parameter, Range } from "./types.js";

/** Values of a parameter in the order of the unit interval, which they divide. */
export interface Bins {
  readonly count: number;
  /** Where bin k begins, 0 <= k <= count: from 0 to 1. */
  edge(k: number): number;
  value(k: number): Json;
  indexOf(value: Json): number;
}

/** A parameter's values along [0, 1). */
export interface Axis {
  /** Left out where values are continuous. */
  readonly bins?: Bins;
  /** Whether the order of the values means nothing. */
  readonly isCategorical: boolean;
  readonly hasEnds: boolean;
  valueAt(u: number): Json;
  /** A number at which the value is; the middle of its bin. */
  unitOf(value: Json): number;
}

export function axisOf(parameter: Exclude<Parameter, Constant>): Axis {
  if ("values" in parameter) return binned(categories(parameter), { isCategorical: true, hasEnds: false });
  if ("distribution" in parameter) return normalAxis(parameter);
  return rangeAxis(parameter);
}

/** Numbers as a person would write them: 0.1 + 0.2 is 0.3. */
const tidy = (x: number, digits = 15): number => Number(x.toPrecision(digits));

/** The largest number of a parameter is at most so many of its steps: neighbors then differ in the 15 digits of {@link tidy}. */
export const mostSteps = 1e15;

/** The bin that holds u: the last whose edge is not above it. */
export function binAt({ count, edge }: Bins, u: number): number {
  let [low, high] = [0, count];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (edge(middle) <= u) low = middle;
    else high = middle;
  }
  return low;
}

/** Whether a value is the one of its bin. */
export const holds = (bins: Bins, value: Json): boolean =>
  isDeepStrictEqual(bins.value(bins.indexOf(value)), value);

const binned = (bins: Bins, { isCategorical = false, hasEnds = true } = {}): Axis => ({
  bins,
  isCategorical,
  hasEnds,
  valueAt: (u) => bins.value(binAt(bins, u)),
  unitOf(value) {
    const k = bins.indexOf(value);
    return (bins.edge(k) + bins.edge(k + 1)) / 2;
  },
});

function categories({ values, probabilities }: Choice): Bins {
  const count = values.length;
  let sum = 0;
  const ends = values.map((_, k) => {
    sum += probabilities?.[k] ?? 1 / count;
    return sum;
  });
  return {
    count,
    edge: (k) => (k === 0 ? 0 : k === count ? 1 : ends[k - 1] / sum),
    value: (k) => values[k],
    indexOf: (value) => values.findIndex((one) => isDeepStrictEqual(one, value)),
  };
}

export const isInteger = ({ min, max, scale, step, roundTo, count }: Range): boolean =>
  scale === undefined &&
  step === undefined &&
  roundTo === undefined &&
  count === undefined &&
  Number.isInteger(min) &&
  Number.isInteger(max);

function rangeAxis(range: Range): Axis {
  const { min, max, scale = "linear", roundTo, count } = range;
  const isLog = scale === "log";
  const [from, to] = isLog ? [Math.log(min), Math.log(max)] : [min, max];
  const back = (x: number) => clamp(isLog ? Math.exp(x) : x, min, max);
  const along = (value: Json) =>
    ((isLog ? Math.log(value as number) : (value as number)) - from) / (to - from);
  const step = isInteger(range) ? 1 : range.step;
  if (step !== undefined) return binned(steps(min, max, step, isLog));
  if (roundTo !== undefined) return binned(multiples(roundTo, [min, max], along));
  if (count !== undefined) {
    const last = Math.max(1, count - 1);
    return binned({
      count,
      edge: (k) => k / count,
      // exp and log leave some noise in the last digits.
      value: (k) => (k === 0 ? min : k === count - 1 ? max : tidy(back(from + (k / last) * (to - from)), 12)),
      indexOf: (value) => clamp(Math.round(along(value) * last), 0, count - 1),
    });
  }
  return { isCategorical: false, hasEnds: true, valueAt: (u) => back(from + u * (to - from)), unitOf: along };
}

/** min, min + step, ... in equal bins, or in those that end at geometric means of neighbors. */
function steps(min: number, max: number, step: number, isLog: boolean): Bins {
  // Steps such as 0.1 do not divide exactly.
  const count = Math.floor((max - min) / step + 1e-9) + 1;
  const value = (k: number) => tidy(min + k * step);
  const indexOf = (x: Json) => clamp(Math.round(((x as number) - min) / step), 0, count - 1);
  if (!isLog || count === 1) return { count, edge: (k) => k / count, value, indexOf };
  const log = (k: number) => Math.log(value(k));
  const between = (k: number) => (log(k - 1) + log(k)) / 2;
  const low = log(0) - (log(1) - log(0)) / 2;
  const high = log(count - 1) + (log(count - 1) - log(count - 2)) / 2;
  const edge = (k: number) => (k === 0 ? 0 : k === count ? 1 : (between(k) - low) / (high - low));
  return { count, edge, value, indexOf };
}

/**
 * The multiples that numbers are rounded to, each with the share of the numbers that are: the ends of a range have half a
 * bin where they are multiples themselves.
 *
 * @param unitOf where an unrounded number lies on the unit interval
 */
function multiples(of: number, [min, max]: readonly [number, number], unitOf: (x: number) => number): Bins {
  const first = Math.round(tidy(min / of));
  // An end in the middle of two is alone in being rounded to the outer one.
  const last = Math.ceil(tidy(max / of) - 0.5);
  const count = last - first + 1;
  return {
    count,
    edge: (k) => (k === 0 ? 0 : k === count ? 1 : unitOf((first + k - 0.5) * of)),
    value: (k) => tidy((first + k) * of),
    indexOf: (x) => clamp(Math.round((x as number) / of) - first, 0, count - 1),
  };
}

/** Normal numbers are cut at so many standard deviations: one draw in 500 million is beyond. */
const mostDeviations = 6;

const quantileOf =
  ({ distribution, mu, sigma }: Normal) =>
  (z: number): number =>
    distribution === "log_normal" ? Math.exp(mu + sigma * z) : mu + sigma * z;

/** The least and the largest number that a normal distribution gives. */
export const endsOfNormal = (normal: Normal): readonly [number, number] => {
  const quantile = quantileOf(normal);
  return [quantile(-mostDeviations), quantile(mostDeviations)];
};

function normalAxis(normal: Normal): Axis {
  const { distribution, mu, sigma, step } = normal;
  const isLog = distribution === "log_normal";
  const quantile = quantileOf(normal);
  const deviation = (x: number) => ((isLog ? Math.log(Math.max(0, x)) : x) - mu) / sigma;
  if (step === undefined) {
    return {
      isCategorical: false,
      hasEnds: false,
      valueAt: (u) => quantile(clamp(normalQuantile(u), -mostDeviations, mostDeviations)),
      unitOf: (x) => normalCdf(deviation(x as number)),
    };
  }
  const bins = multiples(step, endsOfNormal(normal), (x) => normalCdf(deviation(x)));
  return binned(bins, { hasEnds: false });
}
