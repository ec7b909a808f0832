import { OptionError } from "isoloss";
import { createRng } from "isoloss/data";
import type { Json } from "../../run/json-lines.js";
import type { Bins } from "../axis.js";
import type { SweepFile } from "../schema.js";
import type { Space } from "../space.js";
import type { Sampler } from "../types.js";

const mostPoints = 1e6;

/**
 * All assignments of the parameters' values, each once: shuffled by the seed, or in the file's order, the last parameter
 * fastest.
 *
 * @throws OptionError for a parameter without a list of values, and for more than a million points
 */
export function gridSampler(space: Space, { seed, order }: Pick<SweepFile, "seed" | "order">): Sampler {
  const axes = space.dimensions.map(({ path, axis }) => {
    if (axis.bins === undefined) throw new OptionError(`${path}: a grid needs values, a step or a count.`);
    return axis.bins;
  });
  const points = pointsOf(space, axes);
  if (order === "shuffled") createRng(seed).fork("grid").shuffle(points);
  return {
    size: points.length,
    ask: (trial) => space.assign(valuesAt(axes, points[trial])),
  };
}

/** The numbers of the points in the product of all values. Of those that differ in parameters that are off, the first. */
function pointsOf(space: Space, axes: readonly Bins[]): Int32Array {
  const all = axes.reduce((product, { count }) => product * count, 1);
  if (all > mostPoints) {
    throw new OptionError(
      `The grid has ${all} points; at most ${mostPoints} are possible. Give fewer values, or use method: random or sobol.`,
    );
  }
  const isFirst = (point: number): boolean => {
    const assignment = space.assign(valuesAt(axes, point));
    return digits(axes, point).every((k, i) => k === 0 || space.dimensions[i].path in assignment);
  };
  return Int32Array.from({ length: all }, (_, point) => point).filter(isFirst);
}

const valuesAt = (axes: readonly Bins[], point: number): Json[] =>
  digits(axes, point).map((k, i) => axes[i].value(k));

/** Which value of each axis a point has: its digits in mixed radix, the last one fastest. */
function digits(axes: readonly Bins[], point: number): number[] {
  const found: number[] = [];
  let rest = point;
  for (const { count } of [...axes].reverse()) {
    found.push(rest % count);
    rest = Math.floor(rest / count);
  }
  return found.reverse();
}
