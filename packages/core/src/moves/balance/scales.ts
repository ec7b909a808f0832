// The point of an orbit of scalings where norms or ranges are balanced: cross-layer equalization (Nagel et al., ICCV
// 2019) for ranges, and its counterpart for norms (Stock et al., ICLR 2019), for any number of parameters and powers.
import type { NdArray } from "../../array.js";
import { NumericalError, OptionError } from "../../errors.js";
import type { LinearSpace, ScalingGenerator } from "../../symmetry/discovery/descriptors.js";
import { elementsAlong, extents } from "../../symmetry/parameter-axes.js";
import { scaledAlong } from "../../symmetry/scaling.js";

/** When sweeps over all groups end. */
export interface Sweeps {
  /** When no logarithm of a factor, and no element of g - I, moves by more. */
  readonly tolerance: number;
  /** After so many; 2 to 20 are usual. */
  readonly most: number;
}

/** The result of sweeps. */
export interface Swept {
  readonly T: readonly NdArray<Float64Array>[];
  /** How far the last sweep still moved: more than the tolerance where sweeps did not come to an end. */
  readonly step: number;
  /** The arrays that were moved, by path. */
  readonly arrays: ReadonlyMap<string, NdArray>;
}

export type ScaleMeasure = "norm" | "range";

/** One parameter along which a generator acts. */
type Leg = ScalingGenerator["axes"][number];

/**
 * T of each generator at the balanced point of the orbit, by sweeps over the generators in closed form:
 *
 * norm: T_i minimizes sum over legs k of |w_k,i|^2 exp(2 p_k T_i); with powers +-p it is
 * log(sum_{p_k<0} |w_k,i|^2 / sum_{p_k>0} |w_k,i|^2) / (4 p);
 * range: T_i = log(max_{p_k<0} r_k,i / max_{p_k>0} r_k,i) / (|p+| + |p-|), r_k,i = max |w_k,i| of the weights.
 *
 * A unit without anything on one side stays.
 */
export function balancedScales(
  arrays: Readonly<Record<string, NdArray>>,
  generators: readonly ScalingGenerator[],
  by: ScaleMeasure,
  { tolerance, most }: Sweeps,
): Swept {
  const moved = doublesOf(arrays, generators);
  const T = generators.map(({ size }) => ({ shape: [size], data: new Float64Array(size) }));
  let largest = Number.POSITIVE_INFINITY;
  for (let sweep = 0; sweep < most && largest > tolerance; sweep++) {
    largest = 0;
    generators.forEach((generator, k) => {
      const step = stepOf(generator, moved, by);
      step.forEach((t, i) => {
        T[k].data[i] += t;
        largest = Math.max(largest, Math.abs(t));
      });
      for (const leg of generator.axes) {
        const array = moved.get(leg.path) as NdArray;
        moved.set(leg.path, scaledAlong(array, leg, { shape: [step.length], data: step }, 1));
      }
    });
  }
  return { T, step: largest, arrays: moved };
}

/**
 * Float64 copies of the arrays that groups act on.
 *
 * @throws OptionError for groups of other parameters; NumericalError where a weight is not finite
 */
export function doublesOf(
  arrays: Readonly<Record<string, NdArray>>,
  groups: readonly Pick<ScalingGenerator | LinearSpace, "axes">[],
): Map<string, NdArray> {
  const copies = new Map<string, NdArray>();
  for (const { path } of groups.flatMap(({ axes }): readonly { path: string }[] => axes)) {
    if (!Object.hasOwn(arrays, path)) {
      throw new OptionError(
        `The symmetries are of other parameters: "${path}" is none of ${Object.keys(arrays).join(", ")}.`,
      );
    }
    const { shape, data } = arrays[path];
    const numbers = Float64Array.from(data as Float64Array);
    if (!numbers.every(Number.isFinite))
      throw new NumericalError(`The weights "${path}" are not all finite.`);
    copies.set(path, { shape, data: numbers });
  }
  return copies;
}

/** The step of one generator to its own best point, with all others as they are. */
function stepOf({ size, axes }: ScalingGenerator, arrays: ReadonlyMap<string, NdArray>, by: ScaleMeasure) {
  const isWeight = ({ path }: Leg) => (arrays.get(path) as NdArray).shape.length > 1;
  const legs = by === "norm" ? axes : axes.filter(isWeight);
  const sizes = legs.map((leg) => slicesOf(arrays.get(leg.path) as NdArray, leg, by));
  const best = by === "norm" ? leastSum : equalRanges;
  // An element that is on two legs moves with both: half a step then does not go past the point.
  const isShared = new Set(legs.map(({ path }) => path)).size < legs.length;
  return Float64Array.from({ length: size }, (_, i) => {
    const t = best(sizes.map((slices, k) => ({ value: slices[i], power: legs[k].power })));
    return isShared ? t / 2 : t;
  });
}

/** Sum of squares, or largest magnitude, of each unit's slice. */
function slicesOf(array: NdArray, leg: Leg, by: ScaleMeasure): Float64Array {
  const data = elementsAlong(array, leg);
  const [before, along, behind] = extents(leg);
  const out = new Float64Array(along);
  for (let b = 0, at = 0; b < before; b++) {
    for (let i = 0; i < along; i++) {
      for (let k = 0; k < behind; k++, at++) {
        out[i] = by === "norm" ? out[i] + data[at] ** 2 : Math.max(out[i], Math.abs(data[at]));
      }
    }
  }
  return out;
}

/** Largest magnitude of each unit's slice. */
export const rangesAlong = (array: NdArray, leg: Leg): Float64Array => slicesOf(array, leg, "range");

interface Side {
  readonly value: number;
  readonly power: number;
}

const sidesOf = (legs: readonly Side[]) => [
  legs.filter(({ power }) => power < 0),
  legs.filter(({ power }) => power > 0),
];

/** The T where sum value exp(2 power T), which is convex, is least: its derivative falls in T on one side, and grows on the other. */
function leastSum(legs: readonly Side[]): number {
  const sides = sidesOf(legs.filter(({ value }) => value > 0));
  if (sides.some((side) => side.length === 0)) return 0;
  // A side dominated by one power is a line in logarithms: Newton's method on their difference.
  const slope = (side: readonly Side[], T: number) => {
    const terms = side.map(({ value, power }) => Math.abs(power) * value * Math.exp(2 * power * T));
    const sum = terms.reduce((a, b) => a + b, 0);
    const mean = terms.reduce((a, term, k) => a + term * 2 * side[k].power, 0) / sum;
    return { log: Math.log(sum), rate: mean };
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
    side.reduce((a, b) => (b.value > a.value ? b : a), { value: 0, power: 0 }),
  );
  if (down.value === 0 || up.value === 0) return 0;
  return Math.log(down.value / up.value) / (up.power - down.power);
}
