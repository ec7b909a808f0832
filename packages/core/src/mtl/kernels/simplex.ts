// Points of the simplex. J. Duchi et al., "Efficient projections onto the l1-ball for learning in high dimensions", ICML 2008,
// figure 1.
import type { Rng } from "../../math/rng.js";

/**
 * The point of the simplex {w >= 0, sum w = 1} nearest to v.
 *
 * w = max(v - tau, 0), tau = (sum_{i <= rho} u_i - 1) / rho, u = v in descending order,
 * rho = max {j : u_j + (1 - sum_{i <= j} u_i) / j > 0}
 *
 * @param v finite, [K] with K >= 1
 *
 * @example
 * projectSimplex(Float64Array.of(0.9, 0.5, -1)); // 0.7, 0.3, 0
 */
export function projectSimplex(v: Float64Array): Float64Array {
  // Relative to the largest element, so that large v lose no digits of tau and the sum stays near 1.
  const largest = v.reduce((a, b) => Math.max(a, b), -Infinity);
  const shifted = v.map((x) => x - largest);
  const u = shifted.slice().sort().reverse();
  let [sum, tau] = [0, 0];
  for (let j = 1; j <= u.length; j++) {
    sum += u[j - 1];
    if (u[j - 1] + (1 - sum) / j > 0) tau = (sum - 1) / j;
  }
  return shifted.map((x) => Math.max(x - tau, 0));
}

/** A point of the simplex, all equally likely: Dirichlet(1, ..., 1). Takes K numbers. */
export function drawSimplex(rng: Rng, K: number): Float64Array {
  // Exponential numbers over their sum: the softmax of their logarithms.
  const draw = () => Math.log(-Math.log1p(-rng.next()) + Number.MIN_VALUE);
  return softmax(Float64Array.from({ length: K }, draw));
}

/**
 * softmax(x)_k = exp(x_k) / sum_j exp(x_j), without overflow.
 *
 * @example
 * softmax(Float64Array.of(0, Math.log(3))); // 0.25, 0.75
 */
export function softmax(x: Float64Array): Float64Array {
  const largest = x.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = x.map((v) => Math.exp(v - largest));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / total);
}
