import { eigenSymmetric } from "../../math/linalg.js";
import type { Square } from "./gramian.js";

/** Eigenvalues above a fraction of the largest, and their eigenvectors. */
export interface Spectrum {
  /** Kept eigenvalues, ascending, [r]. */
  readonly values: Float64Array;
  /** Kept unit eigenvectors, each [K]. */
  readonly vectors: readonly Float64Array[];
}

/**
 * The part of A = V diag(l) V' with l > tolerance max(l), for a positive semi-definite A; empty for A = 0.
 *
 * @example
 * spectrum({ shape: [2, 2], data: Float64Array.of(1, 1, 1, 1) }).values; // 2
 */
export function spectrum(A: Square, tolerance: number = A.shape[0] * Number.EPSILON): Spectrum {
  const K = A.shape[0];
  const { values, vectors } = eigenSymmetric(A);
  const cut = Math.max(0, values.data[K - 1]) * tolerance;
  const kept = [...values.data.keys()].filter((j) => values.data[j] > cut);
  return {
    values: Float64Array.from(kept, (j) => values.data[j]),
    vectors: kept.map((j) => Float64Array.from({ length: K }, (_, k) => vectors.data[k * K + j])),
  };
}

/**
 * sum_j f(l_j) (v_j . x) v_j over a spectrum: f(A) x, so the pseudo-inverse for f(l) = 1 / l and the projection on the
 * range of A for f = 1.
 */
export function applySpectrum(
  { values, vectors }: Spectrum,
  x: Float64Array,
  f: (l: number) => number,
): Float64Array {
  const out = new Float64Array(x.length);
  vectors.forEach((v, j) => {
    let along = 0;
    for (let k = 0; k < x.length; k++) along += v[k] * x[k];
    along *= f(values[j]);
    for (let k = 0; k < x.length; k++) out[k] += along * v[k];
  });
  return out;
}
