import type { NdArray } from "../../array.js";
import { ShapeError } from "../../errors.js";
import type { TaskInput } from "../method.js";

/** A symmetric matrix [K, K], or the Gramian G = J J'. */
export type Square = NdArray<Float64Array>;

/**
 * What rounding leaves uncertain in a Gramian of float32 gradients, 10 of its epsilons, as in TorchJD. Also for float64, as the
 * Gramian comes without the precision of its products.
 */
export const precision = 10 * 2 ** -23;

/** The Gramian of a step, whose presence {@link checkedMethod} ensures, made symmetric to the last bit. */
export function gramianOf({ gramian }: TaskInput): Square {
  if (!gramian) throw new ShapeError("A method that uses the Gramian needs it; got none.");
  const K = gramian.shape[0];
  const data = new Float64Array(K * K);
  for (let i = 0; i < K; i++) {
    for (let j = 0; j < K; j++) data[i * K + j] = gramian.data[i * K + j] / 2 + gramian.data[j * K + i] / 2;
  }
  return { shape: [K, K], data };
}

/** ||g_k||, [K]. */
export function rowNorms({ shape: [K], data }: Square): Float64Array {
  return Float64Array.from({ length: K }, (_, k) => Math.sqrt(Math.max(0, data[k * K + k])));
}

/** G w. */
export function times({ shape: [K], data }: Square, w: Float64Array): Float64Array {
  const out = new Float64Array(K);
  for (let i = 0; i < K; i++) {
    let sum = 0;
    for (let j = 0; j < K; j++) sum += data[i * K + j] * w[j];
    out[i] = sum;
  }
  return out;
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}

export function sum(a: Float64Array): number {
  let total = 0;
  for (let k = 0; k < a.length; k++) total += a[k];
  return total;
}

/** max(0, a_1, ..., a_K). */
export const largest = (a: Float64Array): number => a.reduce((x, y) => Math.max(x, y), 0);

/** ||J' w||^2 = w' G w, never negative. */
export const squaredNorm = (G: Square, w: Float64Array): number => Math.max(0, dot(w, times(G, w)));

/** Equal weights 1 / K. */
export const uniform = (K: number): Float64Array => new Float64Array(K).fill(1 / K);

/**
 * Cosines C_ij = g_i . g_j / (||g_i|| ||g_j||): the Gramian of the unit gradients. The diagonal is 1, or 0 for a zero
 * row. Working on C makes a result independent of the ratios of the gradients' norms.
 */
export function cosines(G: Square, n: Float64Array = rowNorms(G)): Square {
  const K = n.length;
  const data = new Float64Array(K * K);
  for (let i = 0; i < K; i++) {
    if (n[i] === 0) continue;
    for (let j = 0; j < i; j++) {
      if (n[j] === 0) continue;
      const cosine = G.data[i * K + j] / n[i] / n[j];
      const bounded = cosine > 1 ? 1 : Math.max(cosine, -1);
      data[i * K + j] = bounded;
      data[j * K + i] = bounded;
    }
    data[i * K + i] = 1;
  }
  return { shape: [K, K], data };
}

/** The rows and columns of G at some indices. */
export function restrict({ shape: [K], data }: Square, indices: readonly number[]): Square {
  const s = indices.length;
  const out = new Float64Array(s * s);
  indices.forEach((i, a) => {
    indices.forEach((j, b) => {
      out[a * s + b] = data[i * K + j];
    });
  });
  return { shape: [s, s], data: out };
}

/** Extends values for some of K tasks to K values, with `rest` elsewhere. */
export function spread(values: Float64Array, indices: readonly number[], K: number, rest = 0): Float64Array {
  const out = new Float64Array(K).fill(rest);
  indices.forEach((k, a) => {
    out[k] = values[a];
  });
  return out;
}
