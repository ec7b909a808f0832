// Directions for line searches: J. Nocedal, S. Wright, Numerical Optimization, 2nd ed., eq. 5.45 and algorithm 7.4.
import { integerFrom } from "../../option-kinds.js";
import { type OptionRows, optionTable } from "../../options.js";
import { dotOf } from "../../teleport/curvature/hessian.js";

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

const opposite = (g: Float64Array): Float64Array => g.map((v) => -v);

const minus = (a: Float64Array, b: Float64Array): Float64Array => a.map((v, i) => v - b[i]);

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
      const before = last?.d;
      const d = g.map((v, i) => -v + (before ? beta * before[i] : 0));
      last = { g, d: dotOf(d, g) < 0 ? d : opposite(g) };
      return last.d;
    },
    reset() {
      last = undefined;
    },
  };
};

export interface LbfgsOptions {
  /** Number of steps in memory; default 10. */
  readonly memory?: number | undefined;
}

export const lbfgsOptions = optionTable("lbfgs", {
  memory: integerFrom(1).default(10),
} satisfies OptionRows<LbfgsOptions>);

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
    let pairs: { readonly s: Float64Array; readonly y: Float64Array; readonly rho: number }[] = [];
    let last: Float64Array | undefined;
    return {
      slope: 0.9,
      get isScaled() {
        return pairs.length > 0;
      },
      next(g, moved) {
        if (last && moved) {
          const y = minus(g, last);
          const sy = dotOf(moved, y);
          // With a step along which the slope did not rise, H would not stay positive definite.
          if (sy > 1e-12 * dotOf(y, y)) pairs = [...pairs, { s: moved, y, rho: 1 / sy }].slice(-memory);
        }
        last = g;
        return opposite(timesInverseHessian(pairs, g));
      },
      reset() {
        pairs = [];
        last = undefined;
      },
    };
  };
}

/** The two loops of algorithm 7.4, from H_0 = (s'y / y'y) I. */
function timesInverseHessian(
  pairs: readonly { readonly s: Float64Array; readonly y: Float64Array; readonly rho: number }[],
  g: Float64Array,
): Float64Array {
  const q = g.slice();
  const alphas = pairs.map(() => 0);
  for (let k = pairs.length - 1; k >= 0; k--) {
    const { s, y, rho } = pairs[k];
    alphas[k] = rho * dotOf(s, q);
    for (let i = 0; i < q.length; i++) q[i] -= alphas[k] * y[i];
  }
  const newest = pairs.at(-1);
  const scale = newest ? 1 / (newest.rho * dotOf(newest.y, newest.y)) : 1;
  for (let i = 0; i < q.length; i++) q[i] *= scale;
  for (const [k, { s, y, rho }] of pairs.entries()) {
    const beta = rho * dotOf(y, q);
    for (let i = 0; i < q.length; i++) q[i] += (alphas[k] - beta) * s[i];
  }
  return q;
}
