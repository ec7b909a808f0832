import type { NdArray } from "../array.js";
import { addProduct } from "../math/dense.js";

/** A matrix in float64. */
export type Matrix = NdArray<Float64Array>;

/** A B. */
export function product(a: Matrix, b: Matrix): Matrix {
  const [rows, inner] = a.shape;
  const columns = b.shape[1];
  const data = new Float64Array(rows * columns);
  addProduct(data, a.data, b.data, [rows, inner, columns]);
  return { shape: [rows, columns], data };
}

/** A'. */
export function transposed({ shape: [rows, columns], data }: Matrix): Matrix {
  const moved = new Float64Array(data.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) moved[j * rows + i] = data[i * columns + j];
  return { shape: [columns, rows], data: moved };
}

/** A + value I in float64, for a square matrix or a stack of them [copies, n, n]. */
export function plusDiagonal({ shape, data }: NdArray, value: number): Matrix {
  const n = shape[shape.length - 1];
  const sum = Float64Array.from(data as Float64Array);
  for (let k = 0; k < sum.length; k += n * n) for (let i = 0; i < n; i++) sum[k + i * n + i] += value;
  return { shape, data: sum };
}

/** I + T. */
export const identityPlus = (T: NdArray): Matrix => plusDiagonal(T, 1);

/** V diag(values) V': a function of a symmetric matrix by its eigenvectors V. */
export function spectral(vectors: Matrix, values: readonly number[]): Matrix {
  const n = values.length;
  const scaled = vectors.data.map((v, i) => v * values[i % n]);
  return product({ shape: vectors.shape, data: scaled }, transposed(vectors));
}

/** A v for a vector v. */
export const times = (a: Matrix, v: ArrayLike<number>): Float64Array =>
  product(a, { shape: [v.length, 1], data: Float64Array.from(v) }).data;
