// Matrices that act on the spaces of parameters, one for each copy of a space.
import { type NdArray, stridesOf } from "../array.js";
import { placesOf } from "../graph/copies.js";
import { matmul } from "../graph/ops/matmul.js";
import { reshape, transpose } from "../graph/ops/reshape.js";
import type { Tensor } from "../graph/tensor.js";
import { addGram } from "../math/dense.js";
import type { ParameterAxis } from "./discovery/descriptors.js";
import { type Matrix, product, transposed } from "./matrix.js";
import { changeAlong, elementsAlong, rateAlongAxis, unitAxes } from "./parameter-axes.js";

/** Matrices [copies, n, n]. */
export type Matrices = Matrix;

/** Permutation of a view's axes that puts the copies and the space first. */
function frontOrder(parameterAxis: ParameterAxis): number[] {
  const front = unitAxes(parameterAxis);
  return [...front, ...parameterAxis.view.map((_, d) => d).filter((d) => !front.includes(d))];
}

const inverseOrder = (order: readonly number[]): number[] => order.map((_, d) => order.indexOf(d));

/** Each matrix [copies, n, n], or its transpose, times the elements along a space; zero outside of the axis's part. Traced. */
export function appliedAlong(
  w: Tensor,
  parameterAxis: ParameterAxis,
  matrices: Tensor,
  { transposed = false }: { readonly transposed?: boolean } = {},
): Tensor {
  const order = frontOrder(parameterAxis);
  return rateAlongAxis(w, parameterAxis, (view) => {
    const turned = transpose(view, order);
    const [copies, n] = matrices.shape;
    const columns = reshape(turned, [copies, n, view.size / (copies * n)]);
    const changed = matmul(matrices, columns, { transposeA: transposed });
    return transpose(reshape(changed, turned.shape), inverseOrder(order));
  });
}

/** Multiplies an array along a space by its matrices, in float64 before it is rounded to the array's type. */
export function multipliedAlong(array: NdArray, parameterAxis: ParameterAxis, matrices: Matrices): NdArray {
  const [copies] = matrices.shape;
  return changeAlong(array, parameterAxis, (data) => {
    const changed = gathered(data, parameterAxis, copies).map((rows, copy) =>
      product(rows, transposed(matrixOf(matrices, copy))),
    );
    exchange(data, parameterAxis, changed, false);
    return data;
  });
}

/** The vectors along a space as the rows of a matrix, one matrix for each copy. */
export const vectorsAlong = (array: NdArray, parameterAxis: ParameterAxis, copies: number): Matrix[] =>
  gathered(elementsAlong(array, parameterAxis), parameterAxis, copies);

/** The vectors along a space in the elements of its axis's view. */
function gathered(data: Float64Array, parameterAxis: ParameterAxis, copies: number): Matrix[] {
  const n = parameterAxis.view[parameterAxis.axis];
  const vectors = Array.from({ length: copies }, () => ({
    shape: [data.length / n / copies, n],
    data: new Float64Array(data.length / copies),
  }));
  exchange(data, parameterAxis, vectors, true);
  return vectors;
}

/** Adds v v' for all vectors v along a space, to a matrix for each copy. */
export function addGramsAlong(sums: Matrices, array: NdArray, parameterAxis: ParameterAxis): void {
  const [copies, n] = sums.shape;
  vectorsAlong(array, parameterAxis, copies).forEach(({ shape, data }, copy) => {
    addGram(matrixOf(sums, copy).data, data, shape[0], n);
  });
}

/** Copies elements of an axis's view into the rows of each copy's vectors, or back. */
function exchange(
  data: Float64Array,
  parameterAxis: ParameterAxis,
  vectors: readonly Matrix[],
  isGathering: boolean,
): void {
  const { view, axis } = parameterAxis;
  const n = view[axis];
  const stride = stridesOf(view)[axis];
  if (stride === 1 && vectors.length === 1) {
    const [{ data: rows }] = vectors;
    if (isGathering) rows.set(data);
    else data.set(rows);
    return;
  }
  startsOf(parameterAxis, vectors.length).forEach((starts, copy) => {
    const own = vectors[copy].data;
    // A few elements of all vectors at a time: those of neighboring vectors are side by side.
    for (let first = 0; first < n; first += 8) {
      const count = Math.min(8, n - first);
      for (let row = 0; row < starts.length; row++) {
        const [at, from] = [row * n + first, starts[row] + first * stride];
        if (isGathering) for (let i = 0; i < count; i++) own[at + i] = data[from + i * stride];
        else for (let i = 0; i < count; i++) data[from + i * stride] = own[at + i];
      }
    }
  });
}

/** Where the vectors along a space begin, for each copy. */
function startsOf({ view, axis, copyAxes = [] }: ParameterAxis, copies: number): number[][] {
  const strides = stridesOf(view);
  const starts = Array.from({ length: copies }, (): number[] => []);
  const rest = view.map((size, d) => (d === axis ? 1 : size));
  const byCopy = stridesOf(copyAxes.map((d) => view[d]));
  const copyOf = placesOf(
    rest,
    view.map((_, d) => byCopy[copyAxes.indexOf(d)] ?? 0),
  );
  placesOf(rest, strides).forEach((start, k) => {
    starts[copyOf[k]].push(start);
  });
  return starts;
}

export const matrixOf = ({ shape: [, n], data }: Matrices, copy: number): Matrix => ({
  shape: [n, n],
  data: data.subarray(copy * n * n, (copy + 1) * n * n),
});

/** A stack of matrices [copies, n, n], each made of its number. */
export function stackOf(copies: number, n: number, make: (copy: number) => Matrix): Matrices {
  const data = new Float64Array(copies * n * n);
  for (let c = 0; c < copies; c++) data.set(make(c).data, c * n * n);
  return { shape: [copies, n, n], data };
}

/** Applies a function to each matrix of a stack. */
export const mapMatrices = (stack: Matrices, f: (matrix: Matrix) => Matrix): Matrices =>
  stackOf(stack.shape[0], stack.shape[1], (copy) => f(matrixOf(stack, copy)));
