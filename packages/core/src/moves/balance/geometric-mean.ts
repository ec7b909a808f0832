// The geometric mean of positive definite matrices, at which a sum over an orbit of GL(n) is least.
import { addGram, cholesky, invertLower } from "../../math/dense.js";
import type { Matrix } from "../../symmetry/matrix.js";

/** Where less than this share of a direction is its own, a matrix counts as singular. */
const leastShare = 1e-12;

/**
 * The G with G M+ G = M-, the geometric mean of M+^-1 and M-; undefined where a matrix is singular. By the iteration of Denman
 * and Beavers, Applied Mathematics and Computation 2 (1976), in its form for two matrices: of (P + Q^-1) / 2 and
 * (Q + P^-1) / 2, from M- and M+ on, the first goes to G and the second to G^-1. Factors by which det(P Q) = 1 keep it short.
 */
export function geometricMean(plus: Matrix, minus: Matrix): Matrix | undefined {
  const { shape } = plus;
  const [n] = shape;
  let [p, q] = [minus.data, plus.data];
  for (let k = 0; k < iterations; k++) {
    const [rootP, rootQ] = [cholesky(p, n, leastShare), cholesky(q, n, leastShare)];
    if (!rootP || !rootQ) return undefined;
    const inverseQ = inverseOf(rootQ, n);
    const factor = Math.exp(-(logDetOf(rootP, n) + logDetOf(rootQ, n)) / (2 * n));
    const next = meanOf(p, inverseQ, factor, n);
    // The last step needs no inverse of P.
    if (k > 0 && next.change <= settled) return { shape, data: next.data };
    const inverseP = inverseOf(rootP, n);
    if (k === 0 && shareOf(p, inverseP, n) * shareOf(q, inverseQ, n) < leastShare) return undefined;
    p = next.data;
    q = meanOf(q, inverseP, factor, n).data;
  }
  return undefined;
}

/** Iterations at most; each of the first ones halves the logarithm of the ratio of eigenvalues, of which 1e24 is the largest. */
const iterations = 50;

/** The relative change behind which G is known to its square, far below the tolerance. */
const settled = 1e-5;

/** (f A + B / f) / 2, and its largest difference from f A in units in which its diagonal is 1. */
function meanOf(a: Float64Array, b: Float64Array, f: number, n: number) {
  const data = new Float64Array(n * n);
  for (let k = 0; k < data.length; k++) data[k] = (f * a[k] + b[k] / f) / 2;
  const lengths = Float64Array.from({ length: n }, (_, i) => Math.sqrt(data[i * n + i]));
  let change = 0;
  for (let i = 0, k = 0; i < n; i++) {
    for (let j = 0; j < n; j++, k++) {
      change = Math.max(change, Math.abs(data[k] - f * a[k]) / (lengths[i] * lengths[j]));
    }
  }
  return { data, change };
}

/** The inverse of L L' for a lower triangular L. */
function inverseOf(lower: Float64Array, n: number): Float64Array {
  const data = new Float64Array(n * n);
  addGram(data, invertLower(lower, n), n, n);
  return data;
}

/** The logarithm of the determinant of L L'. */
function logDetOf(lower: Float64Array, n: number): number {
  let sum = 0;
  for (let k = 0; k < n * n; k += n + 1) sum += 2 * Math.log(lower[k]);
  return sum;
}

/** The least share of a diagonal element that the other rows do not explain, 1 / max_i A_ii (A^-1)_ii, whatever the rows' scales. */
function shareOf(a: Float64Array, inverse: Float64Array, n: number): number {
  let share = 1;
  for (let k = 0; k < n * n; k += n + 1) share = Math.min(share, 1 / (a[k] * inverse[k]));
  return share;
}
