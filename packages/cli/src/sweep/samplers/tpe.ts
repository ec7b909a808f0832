// Tree-structured Parzen estimator (J. Bergstra et al., NeurIPS 2011) with joint kernels (S. Falkner et al., "BOHB", ICML 2018).
import type { Json } from "../../run/json-lines.js";
import { rankedTrials } from "../ranked-trials.js";
import type { Space } from "../space.js";
import type { Assignment, Sampler, Trial } from "../types.js";
import { type Coordinates, mixtureOf } from "./parzen.js";
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
