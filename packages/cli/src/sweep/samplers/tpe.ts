// Tree-structured Parzen estimator (J. Bergstra et al., NeurIPS 2011) with joint kernels (S. Falkner et al., "BOHB", ICML 2018).

import type { Rng } from "isoloss/data";
import { normalCdf, normalQuantile } from "isoloss/linalg";
import type { Json } from "../../run/json-lines.js";
import { type Axis, type Bins, binAt } from "../axis.js";
import { rankedTrials } from "../ranked-trials.js";
import type { Space } from "../space.js";
import type { Assignment, Sampler, Trial } from "../types.js";
import { rngOf } from "./random.js";
import { sobolPoints } from "./sobol.js";

const startup = 10;
const candidates = 24;
const tries = 6;
const goodFraction = 0.1;
const mostGood = 25;

/**
 * Begins with Sobol's points. After ten trials: of 24 candidates, drawn from a density of the best tenth of the trials, the
 * one where its ratio to the density of all others is largest. Trials under way count as bad, so that it does not try
 * the same again beside them.
 */
export function tpeSampler(space: Space, seed: number): Sampler {
  const { dimensions } = space;
  const sobol = sobolPoints(dimensions.length, seed);
  const coordinates = (assignment: Assignment): Coordinates =>
    dimensions.map(({ path, axis }) => {
      if (!Object.hasOwn(assignment, path)) return undefined;
      const value = assignment[path];
      return axis.isCategorical && axis.bins ? axis.bins.indexOf(value) : axis.unitOf(value);
    });
  const valuesAt = (point: readonly number[]): Json[] =>
    dimensions.map(({ axis }, i) =>
      axis.isCategorical && axis.bins ? axis.bins.value(point[i]) : axis.valueAt(point[i]),
    );
  const key = (assignment: Assignment) => JSON.stringify(dimensions.map(({ path }) => assignment[path]));
  return {
    size: Number.POSITIVE_INFINITY,
    isAdaptive: true,
    ask(history, trial) {
      const told = rankedTrials(history);
      if (told.length < startup) return space.at(sobol(trial));
      const goodCount = Math.min(Math.ceil(goodFraction * told.length), mostGood);
      const running = history.filter(({ status }) => status === "running");
      const points = (trials: readonly Trial[]) => trials.map(({ parameters }) => coordinates(parameters));
      const axes = dimensions.map(({ axis }) => axis);
      const good = mixtureOf(axes, points(told.slice(0, goodCount)));
      const bad = mixtureOf(axes, points([...told.slice(goodCount), ...running]));
      const rng = rngOf(seed, trial);
      const seen = new Set(history.map(({ parameters }) => key(parameters)));
      for (let i = 0; i < tries; i++) {
        const drawn = Array.from({ length: candidates }, () => {
          const assignment = space.assign(valuesAt(good.sample(rng)));
          const at = coordinates(assignment);
          return { assignment, score: good.logDensity(at) - bad.logDensity(at) };
        });
        const best = drawn.reduce((a, b) => (b.score > a.score ? b : a));
        if (!seen.has(key(best.assignment))) return best.assignment;
      }
      return space.at(sobol(trial));
    },
  };
}

/** A point: a number in [0, 1] for each axis, of a categorical one its index; undefined where the parameter is off. */
type Coordinates = readonly (number | undefined)[];

/** A density on points. */
interface Mixture {
  sample(rng: Rng): number[];
  /** Of a point, over its axes that are not off; without the factor of the number of parts. */
  logDensity(at: Coordinates): number;
}

/** One axis of one part. */
interface Kernel {
  sample(rng: Rng): number;
  logDensity(x: number): number;
}

/**
 * The mixture of m points: m + 1 equal parts. Numbers: normal at the point with sigma = max(0.2 m^(-1 / (d + 4)),
 * 1 / min(100, m + 2)), cut to [0, 1]; the mass of a bin where they are discrete; prior: mean 0.5, sigma 1. Of k
 * categories: (1[same] + 1 / (m + 1)) / (1 + k / (m + 1)); prior: 1 / k. A part that lacks a coordinate has the prior there.
 */
export function mixtureOf(axes: readonly Axis[], points: readonly Coordinates[]): Mixture {
  const m = points.length;
  const sigma = Math.max(0.2 * m ** (-1 / (axes.length + 4)), 1 / Math.min(100, m + 2));
  const prior: Coordinates = axes.map(() => undefined);
  const parts = [...points, prior].map((point) =>
    axes.map(({ isCategorical, bins }, i): Kernel => {
      const at = point[i];
      if (isCategorical && bins) return categorical(bins.count, at, 1 / (m + 1));
      return at === undefined ? normal(0.5, 1, bins) : normal(at, sigma, bins);
    }),
  );
  return {
    sample: (rng) => parts[rng.int(parts.length)].map((kernel) => kernel.sample(rng)),
    logDensity(at) {
      const logs = parts.map((kernels) =>
        kernels.reduce((sum, kernel, i) => {
          const x = at[i];
          return x === undefined ? sum : sum + kernel.logDensity(x);
        }, 0),
      );
      const most = Math.max(...logs);
      return most + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - most), 0));
    },
  };
}

function categorical(count: number, at: number | undefined, weight: number): Kernel {
  const of = (hits: number) => (hits + weight) / (1 + count * weight);
  if (at === undefined) {
    return { sample: (rng) => rng.int(count), logDensity: () => -Math.log(count) };
  }
  const [same, other] = [Math.log(of(1)), Math.log(of(0))];
  return {
    sample(rng) {
      if (count === 1 || rng.next() < of(1)) return at;
      const k = rng.int(count - 1);
      return k < at ? k : k + 1;
    },
    logDensity: (x) => (x === at ? same : other),
  };
}

/** A normal that is cut to [0, 1]. */
function normal(mu: number, sigma: number, bins: Bins | undefined): Kernel {
  const below = (x: number) => normalCdf((x - mu) / sigma);
  const [low, high] = [below(0), below(1)];
  const offset = -Math.log(sigma * Math.sqrt(2 * Math.PI) * (high - low));
  return {
    sample(rng) {
      const x = mu + sigma * normalQuantile(low + rng.next() * (high - low));
      return Math.min(1, Math.max(0, x));
    },
    logDensity(x) {
      if (bins === undefined) return offset - 0.5 * ((x - mu) / sigma) ** 2;
      const k = binAt(bins, x);
      return Math.log((below(bins.edge(k + 1)) - below(bins.edge(k))) / (high - low));
    },
  };
}
