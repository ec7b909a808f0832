// The point of an orbit of scalings where norms or ranges are balanced: cross-layer equalization (Nagel et al., ICCV
// 2019) for ranges, and its counterpart for norms (Stock et al., ICLR 2019), for any number of parameters and powers.
import type { NdArray } from "../../array.js";
import { NumericalError, OptionError } from "../../errors.js";
import type { ScalingGenerator } from "../../symmetry/discovery/descriptors.js";
import { scaledAlong } from "../../symmetry/scaling.js";
import { type Cells, cellsOf, type Leg, largestOf, type ScaleMeasure, slicesOf } from "./cells.js";

/** When sweeps over all groups end. */
export interface Sweeps {
  /** When no logarithm of a factor, and no element of g - I, would move by more. */
  readonly tolerance: number;
  /** After so many; 2 to 20 are usual. */
  readonly most: number;
}

/** The result of sweeps. */
export interface Swept {
  readonly T: readonly NdArray<Float64Array>[];
  /** How far the next sweep would move at most: more than the tolerance where sweeps did not come to an end. */
  readonly step: number;
  /** The arrays that were moved, by path. */
  readonly arrays: ReadonlyMap<string, NdArray>;
}

/**
 * T of each generator at the balanced point of the orbit, by sweeps over the generators in closed form:
 *
 * norm: T_i minimizes sum over legs k of |w_k,i|^2 exp(2 p_k T_i); with powers +-p it is
 * log(sum_{p_k<0} |w_k,i|^2 / sum_{p_k>0} |w_k,i|^2) / (4 p);
 * range: T_i = log(max_{p_k<0} r_k,i / max_{p_k>0} r_k,i) / (|p+| + |p-|), r_k,i = max |w_k,i| of the weights.
 *
 * A unit without anything on one side stays. From the second sweep on, steps are longer by a factor between 1 and 2, by which
 * chains of layers settle sooner (successive over-relaxation): between powers +-p the sum is a hyperbolic cosine of T_i around
 * its least point, so that it falls all the same.
 */
export function balancedScales(
  arrays: Readonly<Record<string, NdArray>>,
  generators: readonly ScalingGenerator[],
  by: ScaleMeasure,
  sweeps: Sweeps,
): Swept {
  const given = doublesOf(arrays, generators);
  const magnitudes = [...given.values()].map(({ data }) => largestOf(data as Float64Array));
  const isFar = magnitudes.some((r) => r > 0 && Math.abs(Math.log(r)) > farLog);
  if (by === "range" || !isFar) return sweptScales(given, generators, by, sweeps);
  // Squares of factors that bring such weights together overflow: ranges, without squares, do that first.
  const near = sweptScales(given, generators, "range", sweeps);
  const end = sweptScales(near.arrays, generators, by, sweeps);
  const T = end.T.map(({ shape, data }, k) => ({ shape, data: data.map((t, i) => t + near.T[k].data[i]) }));
  return { ...end, T };
}

/** The logarithm of a magnitude from where on sums of squares are found in two steps. */
const farLog = 100;

function sweptScales(
  given: ReadonlyMap<string, NdArray>,
  generators: readonly ScalingGenerator[],
  by: ScaleMeasure,
  { tolerance, most }: Sweeps,
): Swept {
  const sheets = sheetsOf(given, generators, by);
  const T = generators.map(({ size }) => ({ shape: [size], data: new Float64Array(size) }));
  const reach = reachOf(generators);
  // How far each generator may be from its own best point: nothing else than its neighbors' steps takes it away.
  const away = generators.map(() => Number.POSITIVE_INFINITY);
  for (let sweep = 0; sweep < most && away.some((far) => far > tolerance); sweep++) {
    generators.forEach(({ size, axes }, k) => {
      if (away[k] <= tolerance) return;
      const step = stepOf(size, sheets[k], by);
      const length = sweep > 0 && isEven(axes) ? relaxation : 1;
      const largest = step.reduce((a, t) => Math.max(a, Math.abs(t)), 0);
      for (let i = 0; i < size; i++) T[k].data[i] += length * step[i];
      for (const { factors, index, leg } of sheets[k]) setFactors(factors[index], leg, T[k].data, by);
      for (const { j, ratio } of reach[k]) away[j] += ratio * length * largest;
      // A step of half the length, where elements are on two legs, leaves as much again.
      away[k] = isOnce(axes) ? (length - 1) * largest : largest;
    });
  }
  const step = away.reduce((a, far) => Math.max(a, far), 0);
  return { T, step, arrays: scaledBy(given, generators, T) };
}

const relaxation = 1.6;

/** Whether all powers are p or -p, each on a parameter of its own. */
const isEven = (legs: readonly Leg[]): boolean =>
  new Set(legs.map(({ power }) => Math.abs(power))).size === 1 && isOnce(legs);

const isOnce = (legs: readonly Leg[]): boolean => new Set(legs.map(({ path }) => path)).size === legs.length;

/** Which generators share a parameter with each, and how far a step of it moves their best points at most. */
function reachOf(generators: readonly ScalingGenerator[]) {
  const paths = generators.map(({ axes }) => new Set(axes.map(({ path }) => path)));
  const sizes = generators.map(({ axes }) => axes.map(({ power }) => Math.abs(power)));
  return generators.map((_, k) =>
    generators.flatMap((__, j) => {
      if (j === k || ![...paths[k]].some((path) => paths[j].has(path))) return [];
      return [{ j, ratio: Math.max(...sizes[k]) / Math.min(...sizes[j]) }];
    }),
  );
}

/** A leg with the cells of its parameter, and the factors of all legs on it. */
interface Sheet {
  readonly leg: Leg;
  readonly cells: Cells;
  /** Number of the leg among those on the parameter. */
  readonly index: number;
  readonly factors: readonly Float64Array[];
  readonly isWeight: boolean;
}

/** The sheets of each generator. */
function sheetsOf(
  arrays: ReadonlyMap<string, NdArray>,
  generators: readonly ScalingGenerator[],
  by: ScaleMeasure,
): Sheet[][] {
  const sheets = generators.map((): Sheet[] => []);
  for (const [path, array] of arrays) {
    const on = generators.flatMap(({ axes }, k) =>
      axes.flatMap((leg) => (leg.path === path ? [{ leg, k }] : [])),
    );
    const cells = cellsOf(
      array,
      on.map(({ leg }) => leg),
      by,
    );
    const factors = on.map(({ leg }) => new Float64Array(leg.view[leg.axis] + 1).fill(1));
    const isWeight = array.shape.length > 1;
    on.forEach(({ leg, k }, index) => {
      sheets[k].push({ leg, cells, index, factors, isWeight });
    });
  }
  return sheets;
}

/** The factors of a leg's units: of squares for norms. */
function setFactors(factors: Float64Array, { power }: Leg, T: Float64Array, by: ScaleMeasure): void {
  const exponent = (by === "norm" ? 2 : 1) * power;
  for (let i = 0; i < factors.length - 1; i++) factors[i] = Math.exp(exponent * T[T.length > 1 ? i : 0]);
}

function scaledBy(
  arrays: ReadonlyMap<string, NdArray>,
  generators: readonly ScalingGenerator[],
  T: readonly NdArray[],
): Map<string, NdArray> {
  const moved = new Map(arrays);
  generators.forEach(({ axes }, k) => {
    for (const leg of axes) moved.set(leg.path, scaledAlong(moved.get(leg.path) as NdArray, leg, T[k], 1));
  });
  return moved;
}

/**
 * Float64 copies of the arrays that groups act on.
 *
 * @throws OptionError for groups of other parameters; NumericalError where a weight is not finite
 */
export function doublesOf(
  arrays: Readonly<Record<string, NdArray>>,
  groups: readonly { readonly axes: readonly { readonly path: string }[] }[],
): Map<string, NdArray> {
  const copies = new Map<string, NdArray>();
  for (const { path } of groups.flatMap(({ axes }) => axes)) {
    if (!Object.hasOwn(arrays, path)) {
      throw new OptionError(
        `The symmetries are of other parameters: "${path}" is none of ${Object.keys(arrays).join(", ")}.`,
      );
    }
    const { shape, data } = arrays[path];
    requireFinite(path, data);
    copies.set(path, { shape, data: Float64Array.from(data as Float64Array) });
  }
  return copies;
}

export function requireFinite(path: string, data: NdArray["data"]): void {
  for (const x of data) {
    // Integers of 64 bits are finite.
    if (typeof x === "number" && !Number.isFinite(x)) {
      throw new NumericalError(`The weights "${path}" are not all finite.`);
    }
  }
}

/** The step of one generator to its own best point, with all others as they are. */
function stepOf(size: number, all: readonly Sheet[], by: ScaleMeasure): Float64Array {
  const sheets = by === "norm" ? all : all.filter(({ isWeight }) => isWeight);
  const sizes = sheets.map(({ cells, index, factors }) => {
    const slices = slicesOf(cells, index, factors, by);
    return slices.map((value, i) => value * factors[index][i]);
  });
  const units = sheets.map(({ cells }) => (by === "norm" ? 2 : 1) * Math.log(cells.unit));
  const best = by === "norm" ? leastSum : equalRanges;
  // An element that is on two legs moves with both: half a step then does not go past the point.
  const isShared = new Set(sheets.map(({ leg }) => leg.path)).size < sheets.length;
  return Float64Array.from({ length: size }, (_, i) => {
    const t = best(sheets.map(({ leg }, k) => ({ log: Math.log(sizes[k][i]) + units[k], power: leg.power })));
    return isShared ? t / 2 : t;
  });
}

/** Largest magnitude of each unit's slice. */
export function rangesAlong(array: NdArray, leg: Leg): Float64Array {
  const units = leg.view[leg.axis];
  const cells = cellsOf(array, [leg], "range");
  const slices = slicesOf(cells, 0, [new Float64Array(units + 1)], "range");
  return slices.subarray(0, units).map((range) => range * cells.unit);
}

interface Side {
  /** The logarithm of a sum of squares or of a range; -Infinity for 0. */
  readonly log: number;
  readonly power: number;
}

const sidesOf = (legs: readonly Side[]) => [
  legs.filter(({ power }) => power < 0),
  legs.filter(({ power }) => power > 0),
];

/** The T where sum exp(log + 2 power T), which is convex, is least: its derivative falls in T on one side, and grows on the other. */
function leastSum(legs: readonly Side[]): number {
  const sides = sidesOf(legs.filter(({ log }) => log > -Infinity));
  if (sides.some((side) => side.length === 0)) return 0;
  // A side dominated by one power is a line in logarithms: Newton's method on their difference.
  const slope = (side: readonly Side[], T: number) => {
    const logs = side.map(({ log, power }) => Math.log(Math.abs(power)) + log + 2 * power * T);
    const largest = Math.max(...logs);
    const terms = logs.map((log) => Math.exp(log - largest));
    const sum = terms.reduce((a, b) => a + b, 0);
    const mean = terms.reduce((a, term, k) => a + term * 2 * side[k].power, 0) / sum;
    return { log: largest + Math.log(sum), rate: mean };
  };
  let T = 0;
  for (let k = 0; k < 50; k++) {
    const [down, up] = sides.map((side) => slope(side, T));
    const step = (down.log - up.log) / (up.rate - down.rate);
    T += step;
    if (Math.abs(step) < 1e-12) break;
  }
  return T;
}

/** The T where the largest ranges of both sides are equal. */
function equalRanges(legs: readonly Side[]): number {
  const [down, up] = sidesOf(legs).map((side) =>
    side.reduce((a, b) => (b.log > a.log ? b : a), { log: -Infinity, power: 0 }),
  );
  if (down.log === -Infinity || up.log === -Infinity) return 0;
  return (down.log - up.log) / (up.power - down.power);
}
