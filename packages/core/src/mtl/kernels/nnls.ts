// C. Lawson, R. Hanson, "Solving least squares problems", 1974, chapter 23, on the normal equations and with the
// warm start of R. Bro, S. de Jong, "A fast non-negativity-constrained least squares algorithm", 1997.
import { GrowingCholesky } from "./cholesky.js";
import { cosines, rowNorms, type Square } from "./gramian.js";

/**
 * Non-negative least squares on a Gramian: argmin 1/2 z' A z - b' z subject to z >= 0.
 *
 * An exact active-set method: the result solves A_SS z_S = b_S on its support S and has (A z - b)_k >= 0 elsewhere, to
 * rounding. A may be singular if the problem is bounded, that is, b in the range of A. z is then a basic solution: the
 * columns of A on S are independent. A zero row has z_k = 0.
 *
 * @param A positive semi-definite, [K, K]
 * @param b [K]
 *
 * @example
 * nnls({ shape: [2, 2], data: Float64Array.of(2, 1, 1, 2) }, Float64Array.of(1, -3)); // 0.5, 0
 */
export function nnls(A: Square, b: Float64Array): Float64Array {
  const n = rowNorms(A);
  const beta = b.map((x, k) => (n[k] > 0 ? x / n[k] : 0));
  return unitNnls(cosines(A, n), beta).map((z, k) => (n[k] > 0 ? z / n[k] : 0));
}

/**
 * {@link nnls} for a matrix whose diagonal is 1, or 0 in zero rows, where b is 0, too.
 *
 * @param factor of C; may be used again, for another b
 */
export function unitNnls(C: Square, b: Float64Array, factor = new GrowingCholesky(C)): Float64Array {
  const K = b.length;
  let scale = 0;
  for (let k = 0; k < K; k++) scale = Math.max(scale, Math.abs(b[k]));
  const noise = 16 * Number.EPSILON;
  factor.start(b);

  // Warm start: all indices that would enter from 0, without those that the least squares solution makes
  // negative. The steepest come first: they are the most likely to stay, and a factor changes from the first
  // dropped row on.
  const candidates = [...b.keys()].filter((k) => b[k] > noise * scale);
  for (const k of candidates.sort((i, j) => b[j] - b[i])) factor.add(k);
  let z = factor.solution();
  while (factor.indices.some((k) => z[k] <= 0)) {
    factor.keepPositive(z);
    z = factor.solution();
  }

  const refused = new Set<number>();
  for (let round = 0; round < 10 * K; round++) {
    const slope = negativeGradient(C, b, z, factor.indices);
    let tolerance = noise * scale;
    for (const k of factor.indices) tolerance += noise * z[k];
    let entering = -1;
    for (let k = 0; k < K; k++) {
      if (z[k] > 0 || slope[k] <= tolerance || refused.has(k)) continue;
      if (entering < 0 || slope[k] > slope[entering]) entering = k;
    }
    if (entering < 0) break;
    const next = factor.add(entering) ? descend(factor, z, entering) : z;
    if (next === z) refused.add(entering);
    else refused.clear();
    z = next;
  }
  return z;
}

/** b - C z, with z 0 outside the support. */
function negativeGradient(
  { data }: Square,
  b: Float64Array,
  z: Float64Array,
  support: readonly number[],
): Float64Array {
  const K = b.length;
  const out = b.slice();
  for (const j of support) {
    for (let k = 0; k < K; k++) out[k] -= data[j * K + k] * z[j];
  }
  return out;
}

/**
 * Moves to the least squares solution on the support, dropping indices that become 0 on the way; z itself if
 * there is no progress.
 */
function descend(factor: GrowingCholesky, z: Float64Array, entering: number): Float64Array {
  let current = z;
  for (;;) {
    const target = factor.solution();
    if (current === z && target[entering] <= 0) {
      // Only because of rounding can a column enter and then get a negative solution: z is 0 there.
      factor.keepPositive(z);
      return z;
    }
    let step = 1;
    let blocking = -1;
    for (const k of factor.indices) {
      if (target[k] > 0) continue;
      const length = current[k] > 0 ? current[k] / (current[k] - target[k]) : 0;
      if (length >= step && blocking >= 0) continue;
      step = length;
      blocking = k;
    }
    if (blocking < 0) return target;
    const moved = new Float64Array(z.length);
    for (const k of factor.indices) moved[k] = Math.max(0, current[k] + step * (target[k] - current[k]));
    moved[blocking] = 0;
    factor.keepPositive(moved);
    current = moved;
  }
}
