// The point of an orbit of scalings where norms or ranges are balanced: cross-layer equalization (Nagel et al., ICCV
// 2019) for ranges, and its counterpart for norms (Stock et al., ICLR 2019), for any number of parameters and powers.
import type { NdArray } from "../../array.js";
import { groupBy } from "../../group-by.js";
import { reserving } from "../../math/tile.js";
import { addTilesInWebAssembly } from "../../math/tile-kernel.js";
import type { ScalingGenerator } from "../../symmetry/discovery/descriptors.js";
import { mapArrays, requireView, unitCount } from "../../symmetry/parameter-axes.js";
import { namedArrays } from "../../tree.js";
import {
  type Cells,
  cellsOf,
  type Leg,
  largestOf,
  type ScaleMeasure,
  slicesOf,
  stripesOf,
  unitsAlong,
} from "./cells.js";
import type { Sweeps, Swept } from "./sweeps.js";

/**
 * T of each generator at the balanced point of the orbit, by sweeps over the generators in closed form:
 *
 * norm: T_i minimizes sum over legs k of |w_k,i|^2 exp(2 p_k T_i); with powers +-p it is
 * log(sum_{p_k<0} |w_k,i|^2 / sum_{p_k>0} |w_k,i|^2) / (4 p);
 * range: T_i = log(max_{p_k<0} r_k,i / max_{p_k>0} r_k,i) / (|p+| + |p-|), r_k,i = max |w_k,i| of the weights.
 *
 * A unit without anything on one side stays, and, by range, one whose weights on a side are below 1/256 of its bias at the
 * start: it computes little but its bias, which a factor for these weights would blow up. From the second sweep on, steps are longer by a factor between 1 and 2, by which
 * chains of layers settle sooner (successive over-relaxation): between powers +-p the sum is a hyperbolic cosine of T_i around
 * its least point, so that it falls all the same.
 *
 * @param arrays in float64
 * @param bounds how far each generator is from its own best point at most; those within the tolerance rest
 * @param memory of cells for which there is no other, for the next call with these generators
 */
export function balancedScales(
  arrays: ReadonlyMap<string, NdArray>,
  generators: readonly ScalingGenerator[],
  by: ScaleMeasure,
  sweeps: Sweeps,
  bounds: readonly number[] = generators.map(() => Number.POSITIVE_INFINITY),
  memory = new Map<string, Float64Array>(),
): Swept {
  const isFar = ({ data }: NdArray) => {
    const largest = largestOf(data as Float64Array);
    return largest > 0 && Math.abs(Math.log(largest)) > farLog;
  };
  // After a first balance weights are near.
  const isFirst = bounds.includes(Number.POSITIVE_INFINITY);
  addTilesInWebAssembly();
  const swept = (from: ReadonlyMap<string, NdArray>, measure: ScaleMeasure) =>
    reserving((reserve) => {
      const zeros = (path: string, count: number) => {
        const reserved = reserve(count);
        if (reserved) return reserved;
        const own = memory.get(path)?.fill(0) ?? new Float64Array(count);
        memory.set(path, own);
        return own;
      };
      return sweptScales(from, generators, measure, sweeps, bounds, zeros);
    });
  // Squares of factors that bring such weights together overflow: ranges, without squares, do that first.
  const near =
    by === "norm" && isFirst && [...arrays.values()].some(isFar) ? swept(arrays, "range") : undefined;
  const end = swept(near ? scaledArrays(arrays, generators, near.T) : arrays, by);
  const T = near
    ? end.T.map(({ shape, data }, k) => ({ shape, data: data.map((t, i) => t + near.T[k].data[i]) }))
    : end.T;
  // A step that overflows is no step to the balanced point, and the next ones, NaN, would pass for none.
  const away = T.map(({ data }, k) => (data.every(Number.isFinite) ? end.away[k] : Number.POSITIVE_INFINITY));
  return { ...end, T, away };
}

/** The logarithm of a magnitude from where on sums of squares are found in two steps. */
export const farLog = 100;

function sweptScales(
  given: ReadonlyMap<string, NdArray>,
  generators: readonly ScalingGenerator[],
  by: ScaleMeasure,
  { tolerance, most }: Sweeps,
  bounds: readonly number[],
  zeros: (path: string, count: number) => Float64Array,
): Swept {
  const sheetsOf = sheetsOn(given, generators, by, zeros);
  const T = generators.map(({ size }) => ({ shape: [size], data: new Float64Array(size) }));
  const reach = reachOf(generators);
  const resting = generators.map(({ size }, k) =>
    by === "range" && bounds[k] > tolerance ? restingUnits(size, sheetsOf(k)) : [],
  );
  // How far each generator may be from its own best point: nothing else than its neighbors' steps takes it away.
  const away = [...bounds];
  for (let sweep = 0; sweep < most && away.some((far) => far > tolerance); sweep++) {
    generators.forEach(({ size, axes }, k) => {
      if (away[k] <= tolerance) return;
      const sheets = sheetsOf(k);
      const step = stepOf(size, sheets, by);
      resting[k].forEach((isResting, i) => {
        if (isResting) step[i] = 0;
      });
      const length = sweep > 0 && isEven(axes) ? relaxation : 1;
      const largest = largestOf(step);
      for (let i = 0; i < size; i++) T[k].data[i] += length * step[i];
      setFactors(sheets, T[k].data, by);
      for (const { j, ratio } of reach[k]) away[j] += ratio * length * largest;
      // A step of half the length, where elements are on two legs, leaves as much again.
      away[k] = isOnce(axes) ? (length - 1) * largest : largest;
    });
  }
  return { T, away };
}

export const relaxation = 1.6;

/** The share of a unit's bias below which its weights do not say how it is scaled. */
export const biasShare = 2 ** -8;

/** Whether all powers are p or -p. */
export const hasEvenPowers = (legs: readonly Leg[]): boolean =>
  new Set(legs.map(({ power }) => Math.abs(power))).size === 1;

/** Whether they are, each on a parameter of its own. */
export const isEven = (legs: readonly Leg[]): boolean => hasEvenPowers(legs) && isOnce(legs);

export const isOnce = (legs: readonly Leg[]): boolean =>
  new Set(legs.map(({ path }) => path)).size === legs.length;

/** Which generators share a parameter with each, and how far a step of it moves their best points at most. */
export function reachOf(generators: readonly ScalingGenerator[]) {
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

/** The sheets of a generator. Those of a parameter are made when one of its generators moves first. */
function sheetsOn(
  arrays: ReadonlyMap<string, NdArray>,
  generators: readonly ScalingGenerator[],
  by: ScaleMeasure,
  zeros: (path: string, count: number) => Float64Array,
): (generator: number) => readonly Sheet[] {
  // By axis: a table of two legs then lies as the parameter does.
  const legsOn = groupBy<Leg, string>(
    generators.flatMap(({ axes }) => axes).sort((a, b) => a.axis - b.axis),
    ({ path }) => path,
  );
  const made = new Map<string, Pick<Sheet, "cells" | "factors" | "isWeight">>();
  const sheets: Sheet[][] = [];
  return (k) => {
    sheets[k] ??= generators[k].axes.map((leg) => {
      const legs = legsOn.get(leg.path) as Leg[];
      const array = arrays.get(leg.path) as NdArray;
      let own = made.get(leg.path);
      if (!own) {
        const cells = cellsOf(array, legs, by, (count) => zeros(leg.path, count));
        const factors = cells.counts.map((count) => new Float64Array(count).fill(1));
        own = { cells, factors, isWeight: array.shape.length > 1 };
        made.set(leg.path, own);
      }
      return { ...own, leg, index: legs.indexOf(leg) };
    });
    return sheets[k];
  };
}

/** Sets the factors of each leg's units: of squares for norms. */
function setFactors(sheets: readonly Sheet[], T: Float64Array, by: ScaleMeasure): void {
  // Most legs have one of two powers.
  const ofPower = new Map<number, Float64Array>();
  for (const { factors, index, leg } of sheets) {
    const own = factors[index];
    const raised = ofPower.get(leg.power) ?? T.map((t) => Math.exp((by === "norm" ? 2 : 1) * leg.power * t));
    ofPower.set(leg.power, raised);
    if (T.length > 1) own.set(raised);
    else own.fill(raised[0], 0, unitCount(leg));
  }
}

/**
 * Parameters moved by scalings, one after another, each rounded to the type of its array. Factors that are powers of 2 are
 * exact, which `scaling(generators).act` does not promise.
 */
export function scaledParams<P>(
  params: P,
  generators: readonly ScalingGenerator[],
  T: readonly NdArray[],
): P {
  const moved = scaledArrays(new Map(Object.entries(namedArrays(params))), generators, T);
  return mapArrays(params, (array, path) => moved.get(path) ?? array);
}

/** Arrays with a group's action; those that it leaves are the same. */
function scaledArrays(
  arrays: ReadonlyMap<string, NdArray>,
  generators: readonly ScalingGenerator[],
  T: readonly NdArray[],
): Map<string, NdArray> {
  const moved = new Map(arrays);
  const moving = generators.filter((_, k) => !isStill(T[k])).flatMap(({ axes }) => axes);
  for (const path of new Set(moving.map((leg) => leg.path))) {
    const { shape, data } = arrays.get(path) as NdArray;
    moved.set(path, { shape, data: data.slice() as typeof data });
  }
  scaleArrays(moved, generators, T);
  return moved;
}

/** Moves arrays in place by a group's action. */
export function scaleArrays(
  arrays: ReadonlyMap<string, NdArray>,
  generators: readonly ScalingGenerator[],
  T: readonly NdArray[],
): void {
  generators.forEach(({ axes }, k) => {
    if (isStill(T[k])) return;
    for (const leg of axes) scaleAlong(arrays.get(leg.path) as NdArray, leg, T[k]);
  });
}

const isStill = ({ data }: NdArray): boolean => data.every((t) => t === 0);

/**
 * Multiplies an array along a leg by exp(power T), in float64 before it is rounded to the array's type: `scaling` on arrays. In
 * files nothing has to be compiled for it, which takes several times as long as the product.
 */
function scaleAlong(array: NdArray, leg: Leg, T: NdArray): void {
  const count = unitCount(leg);
  const factors = new Float64Array(count + 1).fill(1);
  for (let i = 0; i < count; i++) {
    const raised = factorOf(Math.abs(leg.power) * Number(T.data[T.data.length > 1 ? i : 0]));
    factors[i] = leg.power < 0 ? 1 / raised : raised;
  }
  requireView(array, leg);
  const data = array.data as Float64Array;
  const stripes = stripesOf(leg);
  if (!stripes) {
    const units = unitsAlong(array.shape, leg);
    for (let at = 0; at < data.length; at++) data[at] *= factors[units[at]];
    return;
  }
  for (let at = 0; at < data.length; ) {
    if (stripes.length === 1) {
      for (let i = 0; i < stripes.count; i++) data[at++] *= factors[i];
      continue;
    }
    for (let i = 0; i < stripes.count; i++) {
      const factor = factors[i];
      for (const end = at + stripes.length; at < end; at++) data[at] *= factor;
    }
  }
}

/** e^x; where x is a multiple of log 2 up to its rounding, that power of 2 itself, by which floats are multiplied exactly. */
function factorOf(x: number): number {
  const k = Math.round(x / Math.LN2);
  return Math.abs(x - k * Math.LN2) <= 4 * Number.EPSILON * Math.abs(x) ? 2 ** k : Math.exp(x);
}

/** Each unit's sum of squares, or range, in those of the unit of its cells. */
function sizesOf({ cells, index, factors }: Sheet, by: ScaleMeasure): Float64Array {
  const sizes = slicesOf(cells, index, factors, by);
  const own = factors[index];
  for (let i = 0; i < sizes.length; i++) sizes[i] *= own[i];
  return sizes;
}

/** Logarithms of them; -Infinity for 0. */
function logSizes(sheet: Sheet, by: ScaleMeasure): Float64Array {
  const unit = (by === "norm" ? 2 : 1) * Math.log(sheet.cells.unit);
  return sizesOf(sheet, by).map((size) => Math.log(size) + unit);
}

/** Units whose weights on one side are small beside the bias there. */
function restingUnits(size: number, sheets: readonly Sheet[]): boolean[] {
  const logs = sheets.map((sheet) => logSizes(sheet, "range"));
  const largest = (i: number, sign: number, ofWeights: boolean) =>
    sheets.reduce(
      (most, { leg, isWeight }, k) =>
        leg.power * sign > 0 && isWeight === ofWeights ? Math.max(most, logs[k][i]) : most,
      -Infinity,
    );
  return Array.from({ length: size }, (_, i) =>
    [-1, 1].some((sign) => largest(i, sign, true) < largest(i, sign, false) + Math.log(biasShare)),
  );
}

/** The step of one generator to its own best point, with all others as they are. */
function stepOf(size: number, all: readonly Sheet[], by: ScaleMeasure): Float64Array {
  const sheets = by === "norm" ? all : all.filter(({ isWeight }) => isWeight);
  const powers = sheets.map(({ leg }) => leg.power);
  const step = new Float64Array(size);
  const units = sheets.map(({ cells }) => cells.unit);
  // Squares in units far below the largest one are 0; their logarithms are not.
  const areNear = Math.min(...units) > 2 ** -256 * Math.max(...units);
  if (by === "norm" && areNear && hasEvenPowers(sheets.map(({ leg }) => leg))) {
    const [down, up] = [-1, 1].map((sign) =>
      logSums(
        size,
        sheets.filter(({ leg }) => leg.power * sign > 0),
      ),
    );
    for (let i = 0; i < size; i++) {
      if (down[i] > -Infinity && up[i] > -Infinity) step[i] = (down[i] - up[i]) / (4 * Math.abs(powers[0]));
    }
  } else {
    const sizes = sheets.map((sheet) => logSizes(sheet, by));
    const best = by === "range" ? equalRanges : leastSum;
    for (let i = 0; i < size; i++) step[i] = best(sizes, powers, i);
  }
  // An element that is on two legs moves with both: half a step then does not go past the point.
  if (!isOnce(sheets.map(({ leg }) => leg))) for (let i = 0; i < size; i++) step[i] /= 2;
  return step;
}

/** Logarithms of each unit's sum over sheets; -Infinity for 0. */
function logSums(size: number, sheets: readonly Sheet[]): Float64Array {
  const largest = sheets.reduce((most, { cells }) => Math.max(most, cells.unit), 0);
  const sums = new Float64Array(size);
  for (const sheet of sheets) {
    const squared = (sheet.cells.unit / largest) ** 2;
    const sizes = sizesOf(sheet, "norm");
    for (let i = 0; i < size; i++) sums[i] += squared * sizes[i];
  }
  const unit = 2 * Math.log(largest);
  for (let i = 0; i < size; i++) sums[i] = Math.log(sums[i]) + unit;
  return sums;
}

/** Largest magnitude of each unit's slice. */
export function rangesAlong(array: NdArray, leg: Leg): Float64Array {
  const cells = cellsOf(array, [leg], "range");
  const slices = slicesOf(cells, 0, [new Float64Array(cells.counts[0])], "range");
  return slices.subarray(0, unitCount(leg)).map((range) => range * cells.unit);
}

interface Side {
  readonly log: number;
  readonly power: number;
}

/** The T where sum exp(log + 2 power T), which is convex, is least: its derivative falls in T on one side, and grows on the other. */
function leastSum(logs: readonly Float64Array[], powers: readonly number[], i: number): number {
  const legs = powers
    .map((power, k): Side => ({ log: logs[k][i], power }))
    .filter(({ log }) => log > -Infinity);
  const sides = [legs.filter(({ power }) => power < 0), legs.filter(({ power }) => power > 0)];
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
function equalRanges(logs: readonly Float64Array[], powers: readonly number[], i: number): number {
  let [down, up, downPower, upPower] = [-Infinity, -Infinity, 0, 0];
  for (let k = 0; k < powers.length; k++) {
    const log = logs[k][i];
    if (powers[k] < 0 && log > down) [down, downPower] = [log, powers[k]];
    if (powers[k] > 0 && log > up) [up, upPower] = [log, powers[k]];
  }
  return down === -Infinity || up === -Infinity ? 0 : (down - up) / (upPower - downPower);
}
