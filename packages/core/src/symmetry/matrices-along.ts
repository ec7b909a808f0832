// Matrices that act on the spaces of parameters, one for each copy of a space.
import { type NdArray, sizeOf, stridesOf } from "../array.js";
import { placesOf } from "../graph/copies.js";
import { matmul } from "../graph/ops/matmul.js";
import { reshape, transpose } from "../graph/ops/reshape.js";
import type { Tensor } from "../graph/tensor.js";
import { addGram, multiplyColumns, multiplyRows } from "../math/dense.js";
import type { ParameterAxis } from "./discovery/descriptors.js";
import { type Matrix, transposed } from "./matrix.js";
import { changeAlong, elementsAlong, rateAlongAxis, requireView, unitAxes } from "./parameter-axes.js";

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

/** An array multiplied along a space by its matrices, in float64 before it is rounded to the array's type. */
export const multipliedAlong = (array: NdArray, parameterAxis: ParameterAxis, matrices: Matrices): NdArray =>
  changeAlong(array, parameterAxis, (data) => {
    multiplyView(data, parameterAxis, matrices);
    return data;
  });

/** Multiplies an array in float64 along a space by its matrices, in place: fresh memory may take longer than the product. */
export function multiplyAlong(
  array: NdArray<Float64Array>,
  parameterAxis: ParameterAxis,
  matrices: Matrices,
): void {
  if (parameterAxis.part === undefined) multiplyView(array.data, parameterAxis, matrices);
  else array.data.set(multipliedAlong(array, parameterAxis, matrices).data as Float64Array);
}

/** Multiplies the elements of an axis's view in place. */
function multiplyView(data: Float64Array, parameterAxis: ParameterAxis, matrices: Matrices): void {
  const [copies, n] = matrices.shape;
  if (areColumns(parameterAxis)) {
    multiplyColumns(data, matrices.data, n);
    return;
  }
  const vectors = gathered(data, parameterAxis, copies);
  vectors.forEach((rows, copy) => {
    multiplyRows(rows.data, transposed(matrixOf(matrices, copy)).data, n);
  });
  if (!areRows(parameterAxis)) exchange(data, parameterAxis, vectors, false);
}

/** Whether the vectors along a space are the columns of one matrix, or its rows, which then need no copy. */
const areColumns = ({ axis, copyAxes = [] }: ParameterAxis): boolean => axis === 0 && copyAxes.length === 0;
const areRows = ({ view, axis, copyAxes = [] }: ParameterAxis): boolean =>
  copyAxes.length === 0 && sizeOf(view.slice(axis + 1)) === 1;

/** The vectors along a space as the rows of a matrix, one matrix for each copy. */
export const vectorsAlong = (array: NdArray, parameterAxis: ParameterAxis, copies: number): Matrix[] =>
  gathered(elementsAlong(array, parameterAxis), parameterAxis, copies);

/** The vectors along a space in the elements of its axis's view, which may be these elements themselves. */
function gathered(data: Float64Array, parameterAxis: ParameterAxis, copies: number): Matrix[] {
  const n = parameterAxis.view[parameterAxis.axis];
  if (areRows(parameterAxis)) return [{ shape: [data.length / n, n], data }];
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
  requireView(array, parameterAxis);
  const isWhole = parameterAxis.part === undefined && array.data instanceof Float64Array;
  const view = isWhole ? (array.data as Float64Array) : elementsAlong(array, parameterAxis);
  if (areColumns(parameterAxis)) {
    addGram(sums.data, view, view.length / n, n, { areColumns: true });
    return;
  }
  gathered(view, parameterAxis, copies).forEach(({ shape, data }, copy) => {
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
