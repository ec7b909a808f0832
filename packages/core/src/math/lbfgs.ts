// L-BFGS: J. Nocedal, S. Wright, Numerical Optimization, 2nd ed., algorithm 7.4.
import { accumulate, dotOf } from "./dense.js";

/** The inverse of a Hessian, approximated from the last steps and changes of the gradient. */
export interface InverseHessian {
  /** Number of steps in memory. */
  readonly pairs: number;
  /** Takes in a step s and the change y of the gradient along it; skipped where the slope did not rise. */
  add(s: Float64Array, y: Float64Array): void;
  /** The two loops, from H_0 = (s'y / y'y) I. */
  times(g: Float64Array): Float64Array;
  clear(): void;
}

interface Pair {
  readonly s: Float64Array;
  readonly y: Float64Array;
  readonly rho: number;
}

export function inverseHessian(memory: number): InverseHessian {
  let pairs: Pair[] = [];
  return {
    get pairs() {
      return pairs.length;
    },
    add(s, y) {
      const sy = dotOf(s, y);
      // With a step along which the slope did not rise, H would not stay positive definite.
      if (sy > 1e-12 * dotOf(y, y)) pairs = [...pairs, { s, y, rho: 1 / sy }].slice(-memory);
    },
    times: (g) => product(pairs, g),
    clear() {
      pairs = [];
    },
  };
}

function product(pairs: readonly Pair[], g: Float64Array): Float64Array {
  const q = g.slice();
  const alphas = new Float64Array(pairs.length);
  for (let k = pairs.length - 1; k >= 0; k--) {
    const { s, y, rho } = pairs[k];
    alphas[k] = rho * dotOf(s, q);
    accumulate(q, -alphas[k], y);
  }
  const newest = pairs.at(-1);
  const scale = newest ? 1 / (newest.rho * dotOf(newest.y, newest.y)) : 1;
  for (let i = 0; i < q.length; i++) q[i] *= scale;
  pairs.forEach(({ s, y, rho }, k) => {
    accumulate(q, alphas[k] - rho * dotOf(y, q), s);
  });
  return q;
}
