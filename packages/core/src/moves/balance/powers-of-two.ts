import type { NdArray } from "../../array.js";
import type { ScalingGenerator } from "../../symmetry/discovery/descriptors.js";

/** Multiples of a generator's powers by which its T may be divided: 1 for whole powers, 2 for halves. */
const wholes = [1, 2, 3, 4, 5, 6, 7, 8];

/**
 * T rounded so that every factor exp(p T_i) is a power of 2: to multiples of q log 2, with the least q that makes all q p
 * whole numbers. A generator whose powers have no such q stays: T = 0.
 */
export function inPowersOfTwo(
  T: readonly NdArray[],
  generators: readonly ScalingGenerator[],
): NdArray<Float64Array>[] {
  return T.map(({ shape, data }, k) => {
    const q = wholes.find((whole) =>
      generators[k].axes.every(({ power }) => Number.isInteger(whole * power)),
    );
    const unit = (q ?? 0) * Math.LN2;
    return {
      shape,
      data: Float64Array.from(data as Float64Array, (t) => (unit && unit * Math.round(t / unit)) || 0),
    };
  });
}
