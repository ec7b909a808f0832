import { sizeOf } from "../../array.js";
import {
  type Discovery,
  type LinearSpace,
  type ParameterAxis,
  type ScalingGenerator,
  turnedUnits,
} from "./descriptors.js";

/** How many symmetries were found that hold on all data. */
export interface DiscoverySize {
  /** Dimension of the group of all continuous changes that are exact: a scaling that is one of the linear maps counts once. */
  readonly directions: number;
  /** Scalings that hold up to the small constant of a normalization. */
  readonly nearDirections: number;
  /** Decimal logarithm of the number of permutations: 10^logPermutations. */
  readonly logPermutations: number;
  /** There are 2^signs changes of signs. */
  readonly signs: number;
}

export function sizeOfDiscovery(found: Discovery): DiscoverySize {
  const { scalings, signs, permutations, linear, orthogonal, shifts } = found;
  const own = scalings.filter((scaling) => !linear.some((space) => isWithin(scaling, space)));
  return {
    directions:
      sum(own.filter(({ exact }) => exact).map(({ size }) => size)) +
      sum(linear.map(({ copies, size }) => copies * size ** 2)) +
      sum(orthogonal.map((space) => (space.copies * turnedUnits(space) * (turnedUnits(space) - 1)) / 2)) +
      sum(shifts.map(({ size }) => size)),
    nearDirections: sum(own.filter(({ exact }) => !exact).map(({ size }) => size)),
    logPermutations: sum(permutations.map(({ size }) => logFactorial(size))),
    signs: sum(signs.map(({ size }) => size)),
  };
}

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

function logFactorial(n: number): number {
  let log = 0;
  for (let k = 2; k <= n; k++) log += Math.log10(k);
  return log;
}

/** Whether a scaling is by diagonal matrices of a space's linear maps: factors of the same units, or of their copies. */
function isWithin({ axes }: ScalingGenerator, space: LinearSpace): boolean {
  if (axes.length !== space.axes.length) return false;
  const ratios = axes.map(({ power, ...axis }) => {
    const own = space.axes.find((other) => placeOf(other) === placeOf(axis) && isAlong(axis, other));
    return own === undefined ? Number.NaN : power / own.variance;
  });
  return ratios.every((ratio) => ratio === ratios[0]);
}

const placeOf = ({ path, part }: ParameterAxis): string =>
  JSON.stringify([path, part?.axis, part?.start, part?.count, part?.period, part?.times]);

/** Whether the units and copies of a space determine the units of an axis. */
function isAlong(axis: ParameterAxis, space: LinearSpace["axes"][number]): boolean {
  const spans: (readonly [number, number])[] = [];
  for (const [low, high] of spansOf(space).sort(([a], [b]) => a - b)) {
    const last = spans.at(-1);
    if (last && last[1] >= low) spans[spans.length - 1] = [last[0], Math.max(last[1], high)];
    else spans.push([low, high]);
  }
  return spansOf(axis).every(
    ([first, end]) => first === end || spans.some(([low, high]) => low <= first && end <= high),
  );
}

/** How far apart elements of neighboring units and copies are in a row-major array, and how many elements all of them span. */
const spansOf = ({ view, axis, copyAxes = [] }: ParameterAxis): [number, number][] =>
  [...copyAxes, axis].map((d) => {
    const inner = sizeOf(view.slice(d + 1));
    return [inner, inner * view[d]];
  });
