// Directions for line searches: J. Nocedal, S. Wright, Numerical Optimization, 2nd ed., eq. 5.45 and algorithm 7.4.

import { addScaled, dotOf } from "../../math/dense.js";
import { inverseHessian } from "../../math/lbfgs.js";
import { integerFrom, type OptionsOf, optionTable } from "../../options.js";

/** The search directions of one run, computed from its gradients. */
export interface Directions {
  /** c_2 of the matching line search: see `wolfeSearch`. */
  readonly slope: number;
  /** Whether a step of 1 is the natural first trial. */
  readonly isScaled: boolean;
  /**
   * A direction d, with g'd < 0 unless rounding has spoiled the memory.
   *
   * @param g gradient here
   * @param moved displacement of the last step; left out at the first one
   */
  next(g: Float64Array, moved?: Float64Array): Float64Array;
  /** Clears the memory of earlier points, as needed after a teleport. */
  reset(): void;
}

/** Creates the directions of a run. */
export type DirectionRule = () => Directions;

const opposite = (g: Float64Array): Float64Array => addScaled(new Float64Array(g.length), -1, g);

const minus = (a: Float64Array, b: Float64Array): Float64Array => addScaled(a, -1, b);

/**
 * Steepest descent, d = -g.
 *
 * @example
 * const { loss } = await minimizeByLineSearch(rosenbrock(), { directions: steepestDescent, steps: 100 });
 */
export const steepestDescent: DirectionRule = () => ({
  slope: 0.1,
  isScaled: false,
  next: opposite,
  reset() {},
});

/**
 * Nonlinear conjugate gradients of Polak and Ribiere, restarted where beta would be negative:
 *
 * d = -g + beta d_old,  beta = max(0, g'(g - g_old) / g_old'g_old)
 *
 * @example
 * const { loss } = await minimizeByLineSearch(rosenbrock(), { directions: conjugateDirections, steps: 100 });
 */
export const conjugateDirections: DirectionRule = () => {
  let last: { readonly g: Float64Array; readonly d: Float64Array } | undefined;
  return {
    slope: 0.1,
    isScaled: false,
    next(g) {
      const beta = last ? Math.max(0, dotOf(g, minus(g, last.g)) / dotOf(last.g, last.g)) : 0;
      const d = last ? addScaled(opposite(g), beta, last.d) : opposite(g);
      last = { g, d: dotOf(d, g) < 0 ? d : opposite(g) };
      return last.d;
    },
    reset() {
      last = undefined;
    },
  };
};

export interface LbfgsOptions extends OptionsOf<typeof lbfgsOptions> {}

export const lbfgsOptions = optionTable("lbfgs", {
  /** Number of steps in memory; default 10. */
  memory: integerFrom(1).default(10),
});

/**
 * L-BFGS: -H g, where H approximates the inverse Hessian from the last steps s and changes of the gradient y.
 *
 * @throws OptionError for a memory below 1
 *
 * @example
 * const { loss } = await minimizeByLineSearch(rosenbrock(), { directions: lbfgs({ memory: 5 }), steps: 100 });
 */
export function lbfgs(options: LbfgsOptions = {}): DirectionRule {
  const { memory } = lbfgsOptions.read(options);
  return () => {
    const hessian = inverseHessian(memory);
    let last: Float64Array | undefined;
    return {
      slope: 0.9,
      get isScaled() {
        return hessian.pairs > 0;
      },
      next(g, moved) {
        if (last && moved) hessian.add(moved, minus(g, last));
        last = g;
        return opposite(hessian.times(g));
      },
      reset() {
        hessian.clear();
        last = undefined;
      },
    };
  };
}
