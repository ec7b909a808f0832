// Pseudo-inverses of matrices of full rank, without a singular value decomposition.
import type { NdArray } from "../array.js";
import { invertPositive, rowProducts, transposed } from "./dense.js";

/** The largest element of I - A X before the correction, which squares it. */
const mostError = 1e-6;

/**
 * The pseudo-inverse of a matrix of full rank, by the inverse Gram matrix of its shorter side, A^+ = A' (A A')^-1 for a wide
 * one, and one step of Newton's iteration, X + X (I - A X). The Gram matrix has the square of A's condition number; the
 * step takes back what that costs.
 *
 * @param a float64 [m, n] of finite numbers
 * @returns float64 [n, m]; undefined where the rank is not full, or nearly so: then `pinv` tells
 */
export function fullRankPinv({ shape: [m, n], data }: NdArray): NdArray<Float64Array> | undefined {
  const a = data as Float64Array;
  if (m > n) {
    const x = wideInverse(transposed(a, m, n), n, m);
    return x && { shape: [n, m], data: x };
  }
  const x = wideInverse(a, m, n);
  return x && { shape: [n, m], data: transposed(x, m, n) };
}

/** X' of X = A^+ for A [m, n] with m <= n. */
function wideInverse(a: Float64Array, m: number, n: number): Float64Array | undefined {
  const inverse = invertPositive(rowProducts(a, a, m, m, n), m);
  if (inverse === undefined) return undefined;
  const x = rowProducts(inverse, transposed(a, m, n), m, n, m);
  // I - (A X)' = I - X' A'.
  const error = rowProducts(x, a, m, m, n);
  let largest = 0;
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < m; j++) {
      const e = (i === j ? 1 : 0) - error[i * m + j];
      error[i * m + j] = e;
      largest = Math.max(largest, Math.abs(e));
    }
  }
  if (!(largest <= mostError)) return undefined;
  // X' + (I - X' A') X'.
  const correction = rowProducts(error, transposed(x, m, n), m, n, m);
  return x.map((value, i) => value + correction[i]);
}
