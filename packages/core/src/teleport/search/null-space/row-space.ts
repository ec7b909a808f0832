// Orthonormal rows that span given rows, or their orthogonal complement, from inner products alone:
// Cholesky-QR, a pivoted Cholesky decomposition, and eigenvectors.

import type { NdArray } from "../../../array.js";
import { dotOf } from "../../../math/dense.js";
import { eigenSymmetric } from "../../../math/linalg.js";
import type { Rng } from "../../../math/rng.js";

type F64 = NdArray<Float64Array>;

/** Fraction of a row's square that must lie outside the span of the rows before it, so that it is not rounding. */
const independent = 1e-12;

/** K = L L' up to the rounding of its diagonal; [n, n], with zeros to the right. */
interface Pivoted {
  readonly L: Float64Array;
  /** Rows that are independent, in the order in which L is lower triangular. */
  readonly taken: readonly number[];
  /** Rows that depend on those. */
  readonly left: readonly number[];
}

/**
 * A Cholesky decomposition whose next pivot is the row with the largest part outside the span of the rows
 * before it.
 */
function pivotedCholesky({ shape: [n], data }: F64): Pivoted {
  const L = new Float64Array(n * n);
  const own = Float64Array.from({ length: n }, (_, i) => data[i * n + i]);
  const rest = own.slice();
  const left = new Set(own.keys());
  const taken: number[] = [];
  for (let k = 0; k < n; k++) {
    let pivot = -1;
    let most = independent;
    for (const i of left) {
      if (rest[i] > most * own[i]) [pivot, most] = [i, rest[i] / own[i]];
    }
    if (pivot < 0) break;
    left.delete(pivot);
    taken.push(pivot);
    const root = Math.sqrt(rest[pivot]);
    const row = pivot * n;
    L[row + k] = root;
    for (const i of left) {
      let value = data[i * n + pivot];
      for (let m = 0; m < k; m++) value -= L[i * n + m] * L[row + m];
      value /= root;
      L[i * n + k] = value;
      rest[i] -= value * value;
    }
  }
  return { L, taken, left: [...left] };
}

/** L^-1 of a lower triangular [n, n]. */
function inverseOfLower(L: Float64Array, n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = out.subarray(i * n, (i + 1) * n);
    for (let k = 0; k < i; k++) {
      const factor = L[i * n + k];
      for (let j = 0; j <= k; j++) row[j] -= factor * out[k * n + j];
    }
    const scale = 1 / L[i * n + i];
    for (let j = 0; j < i; j++) row[j] *= scale;
    row[i] = scale;
  }
  return out;
}

/**
 * C such that the rows of C H are orthonormal, followed by zero rows, and span the rows of H or their leading
 * part.
 */
export interface Combination {
  readonly matrix: F64;
  readonly rank: number;
}

/** C = L^-1 for HH' = L L', of the independent ones among the rows. */
export function independentRows(gram: F64): Combination {
  const n = gram.shape[0];
  const { L, taken } = pivotedCholesky(gram);
  const rank = taken.length;
  const lower = new Float64Array(rank * rank);
  taken.forEach((row, i) => {
    lower.set(L.subarray(row * n, row * n + rank), i * rank);
  });
  const inverse = inverseOfLower(lower, rank);
  const data = new Float64Array(n * n);
  for (let i = 0; i < rank; i++) {
    for (let j = 0; j <= i; j++) data[i * n + taken[j]] = inverse[i * rank + j];
  }
  return { matrix: { shape: [n, n], data }, rank };
}

/** C = S^-1 U' with H H' = U S^2 U', for the squares that are above rounding and contain the fraction `threshold`. */
export function leadingRows(gram: F64, threshold: number): Combination {
  const n = gram.shape[0];
  const { values, vectors } = eigenSymmetric(gram);
  const squares = values.data.slice().reverse();
  const rank = rankOf(squares, n * Number.EPSILON * squares[0], threshold);
  const data = new Float64Array(n * n);
  for (let k = 0; k < rank; k++) {
    const scale = 1 / Math.sqrt(squares[k]);
    for (let i = 0; i < n; i++) data[k * n + i] = scale * vectors.data[i * n + (n - 1 - k)];
  }
  return { matrix: { shape: [n, n], data }, rank };
}

/** How many squares, largest first, contain the fraction `threshold` of their sum; at 1: are above the cut-off. */
export function rankOf(squares: Float64Array, cutOff: number, threshold: number): number {
  const rank = squares.filter((x) => x > cutOff).length;
  if (threshold === 1) return rank;
  const total = squares.reduce((sum, x) => sum + Math.max(x, 0), 0);
  let [held, k] = [0, 0];
  while (k < rank && held < threshold * total) held += squares[k++];
  return k;
}

/** The matrix that makes rows with these inner products orthonormal, if the leading rows are nearly so. */
export function correction(gram: F64, rank: number): F64 | undefined {
  const n = gram.shape[0];
  let error = 0;
  for (let i = 0; i < rank; i++) {
    for (let j = 0; j < rank; j++) {
      error = Math.max(error, Math.abs(gram.data[i * n + j] - (i === j ? 1 : 0)));
    }
  }
  // A projection with rows of this error, applied twice, has the square of the error.
  return error < 1e-9 ? undefined : independentRows(gram).matrix;
}

/**
 * Orthonormal vectors that H maps to zero, for columns of H with H'H = L L'; none where the columns are independent. With
 * L = [L1; L2] for the independent columns and the others, L' z = 0 for z = [-L1'^-1 L2' z2; z2].
 */
export function nullVectors(gram: F64): Float64Array[] {
  const n = gram.shape[0];
  const { L, taken, left } = pivotedCholesky(gram);
  const found = left.map((i) => {
    const z = new Float64Array(n);
    z[i] = 1;
    for (let k = taken.length - 1; k >= 0; k--) {
      let value = -L[i * n + k];
      for (let m = k + 1; m < taken.length; m++) value -= L[taken[m] * n + k] * z[taken[m]];
      z[taken[k]] = value / L[taken[k] * n + k];
    }
    return z;
  });
  return orthonormal(found);
}

/** Gram-Schmidt, applied twice to each vector, which removes the rounding of the first time. */
function orthonormal(vectors: readonly Float64Array[]): Float64Array[] {
  const out: Float64Array[] = [];
  for (const vector of vectors) {
    for (let pass = 0; pass < 2; pass++) {
      for (const b of out) {
        const along = dotOf(b, vector);
        if (along !== 0) for (let i = 0; i < b.length; i++) vector[i] -= along * b[i];
      }
    }
    const length = Math.sqrt(dotOf(vector, vector));
    out.push(vector.map((v) => v / length));
  }
  return out;
}

/**
 * Random unit vectors in the span of orthonormal ones; the orthonormal ones themselves if there are no more
 * of them.
 */
export function probesOf(vectors: readonly Float64Array[], count: number, rng: Rng): Float64Array[] {
  if (vectors.length <= count) return [...vectors];
  return Array.from({ length: count }, () => {
    const weights = vectors.map(() => rng.next() - 0.5);
    const length = Math.sqrt(weights.reduce((sum, w) => sum + w * w, 0));
    return vectors[0].map((_, i) => vectors.reduce((sum, v, k) => sum + weights[k] * v[i], 0) / length);
  });
}
