// Sweeps over groups that act on the same arrays, one group after another.
import type { NdArray } from "../../array.js";
import { float64Of } from "../../bytes.js";
import { NumericalError } from "../../errors.js";
import { requirePath } from "../../symmetry/parameter-axes.js";

/** When sweeps over all groups end. */
export interface Sweeps {
  /** When no logarithm of a factor, and no element of that of g, would move by more. */
  readonly tolerance: number;
  /** After so many; 2 to 20 are usual. */
  readonly most: number;
}

/** The result of sweeps. */
export interface Swept {
  readonly T: readonly NdArray<Float64Array>[];
  /** How far each group is from its own best point at most: more than the tolerance where sweeps did not come to an end. */
  readonly away: readonly number[];
}

/** The largest of a list of numbers that are not negative; 0 for none. */
export const largestAway = (away: readonly number[]): number => away.reduce((a, far) => Math.max(a, far), 0);

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
    if (copies.has(path)) continue;
    requirePath(path, Object.keys(arrays));
    const { shape, data } = arrays[path];
    requireFinite(path, data);
    copies.set(path, { shape, data: float64Of(data) });
  }
  return copies;
}

export function requireFinite(path: string, data: NdArray["data"]): void {
  if (data instanceof BigInt64Array) return;
  // By number: an iterator over millions of weights takes ten times as long.
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) throw new NumericalError(`The weights "${path}" are not all finite.`);
  }
}
