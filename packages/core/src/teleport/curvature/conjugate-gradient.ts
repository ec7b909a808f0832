// Conjugate gradients: M. Hestenes, E. Stiefel, J. Res. NBS 49, 1952; the stop at negative curvature: T. Steihaug, SIAM J. Numer. Anal. 20, 1983.

import { dotOf } from "../../math/dense.js";
import { integerFrom, type OptionsOf, optionTable, positive } from "../../options.js";

export interface ConjugateGradientOptions extends OptionsOf<typeof conjugateGradientOptions> {}

const conjugateGradientOptions = optionTable("conjugateGradient", {
  /** Maximum number of products with A; default 100. */
  steps: integerFrom(1).default(100),
  /** Largest ||b - A x|| / ||b|| that counts as solved; default 1e-8. */
  tolerance: positive.default(1e-8),
});

export interface ConjugateGradientResult {
  /** The last iterate; it solves the system only where `outcome` is `converged`. */
  readonly x: Float64Array;
  /**
   * `negativeCurvature`: a direction p had p'Ap <= 0, so A is not positive definite, and the iteration ended
   * at the previous iterate.
   */
  readonly outcome: "converged" | "steps" | "negativeCurvature";
  /** ||b - A x|| / ||b||, as computed by the recurrence. */
  readonly residual: number;
  readonly steps: number;
}

/**
 * Solves A x = b for a symmetric positive definite operator, such as products with a Hessian, from x = 0:
 *
 * alpha = r'r / p'Ap;  x <- x + alpha p;  r <- r - alpha A p;  p <- r + (r'r / r_old'r_old) p
 *
 * @param apply v to A v
 * @throws OptionError for options out of range
 *
 * @example
 * const newton = await conjugateGradient(async (v) => (await hessian.times(params, batch, v)).hv, g);
 */
export async function conjugateGradient(
  apply: (v: Float64Array) => Promise<Float64Array>,
  b: Float64Array,
  options: ConjugateGradientOptions = {},
): Promise<ConjugateGradientResult> {
  const { steps, tolerance } = conjugateGradientOptions.read(options);
  const x = new Float64Array(b.length);
  const r = b.slice();
  const p = b.slice();
  const norm = Math.sqrt(dotOf(b, b));
  if (norm === 0) return { x, outcome: "converged", residual: 0, steps: 0 };
  let squared = norm ** 2;
  for (let k = 0; k < steps; k++) {
    const ap = await apply(p);
    const curvature = dotOf(p, ap);
    // Not `<= 0`, so that NaN ends the iteration, too.
    if (!(curvature > 0)) {
      return { x, outcome: "negativeCurvature", residual: Math.sqrt(squared) / norm, steps: k };
    }
    const alpha = squared / curvature;
    for (let i = 0; i < x.length; i++) {
      x[i] += alpha * p[i];
      r[i] -= alpha * ap[i];
    }
    const next = dotOf(r, r);
    if (Math.sqrt(next) <= tolerance * norm) {
      return { x, outcome: "converged", residual: Math.sqrt(next) / norm, steps: k + 1 };
    }
    const beta = next / squared;
    for (let i = 0; i < p.length; i++) p[i] = r[i] + beta * p[i];
    squared = next;
  }
  return { x, outcome: "steps", residual: Math.sqrt(squared) / norm, steps };
}
