import type { NdArray } from "../../../array.js";
import type { Batch } from "../../../batch.js";
import type { Refusal, Symmetry } from "../../../symmetry/symmetry.js";
import { isRefusal } from "../../../symmetry/symmetry.js";
import { accumulate } from "./trust-region.js";

/** Actions one after another, from a start. */
export interface OrbitPath<P> {
  readonly current: P;
  /** Sum of all T. */
  readonly total: readonly Float64Array[];
  /** Continues by the action of T. */
  take(params: P, T: readonly NdArray[]): void;
  /** Transforms a tree like the parameters along all actions: see {@link Symmetry.pushForward}. */
  pushForward?(tree: P, power: 1 | 2): Promise<P | Refusal>;
}

export function orbitPath<P>(symmetry: Symmetry<P>, start: P, batch: Batch): OrbitPath<P> {
  const total = symmetry.algebra.map((shape) => new Float64Array(shape.reduce((a, b) => a * b, 1)));
  const strides: { readonly from: P; readonly T: readonly NdArray[] }[] = [];
  const push = symmetry.pushForward?.bind(symmetry);
  let current = start;
  return {
    get current() {
      return current;
    },
    total,
    take(params, T) {
      accumulate(total, T);
      strides.push({ from: current, T });
      current = params;
    },
    ...(push
      ? {
          async pushForward(tree: P, power: 1 | 2) {
            let moved: P | Refusal = tree;
            for (const { from, T } of strides) {
              moved = await push(moved, T, power, from, batch);
              if (isRefusal(moved)) return moved;
            }
            return moved;
          },
        }
      : {}),
  };
}
