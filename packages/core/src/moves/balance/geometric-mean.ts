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
    const [invertedP, invertedQ] = [invertedOf(p, n), invertedOf(q, n)];
    if (!invertedP || !invertedQ) return undefined;
    if (k === 0 && invertedP.share * invertedQ.share < leastShare) return undefined;
    const factor = Math.exp(-(invertedP.logDet + invertedQ.logDet) / (2 * n));
    const next = meanOf(p, invertedQ.data, factor, n);
    if (next.change <= settled) return { shape, data: next.data };
    p = next.data;
    q = meanOf(q, invertedP.data, factor, n).data;
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

interface Inverted {
  readonly data: Float64Array;
  /** The logarithm of the matrix's determinant. */
  readonly logDet: number;
  /** The least share of a diagonal element that the other rows do not explain, 1 / max_i A_ii (A^-1)_ii, whatever the rows' scales. */
  readonly share: number;
}

/** The inverse of a symmetric positive definite matrix; undefined for a singular one. */
function invertedOf(a: Float64Array, n: number): Inverted | undefined {
  const lower = cholesky(a, n, leastShare);
  if (!lower) return undefined;
  const data = new Float64Array(n * n);
  addGram(data, invertLower(lower, n), n, n);
  let [logDet, share] = [0, 1];
  for (let k = 0; k < n * n; k += n + 1) {
    logDet += 2 * Math.log(lower[k]);
    share = Math.min(share, 1 / (a[k] * data[k]));
  }
  return { data, logDet, share };
}
