// Matrices that act on the spaces of parameters, one for each copy of a space.
import { type NdArray, type Shape, sizeOf, stridesOf } from "../array.js";
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
  const [copies, n] = matrices.shape;
  return changeAlong(array, parameterAxis, (data) => {
    const changed = gathered(data, parameterAxis, copies).map((rows, copy) =>
      product(rows, transposed(matrixOf(matrices, copy))),
    );
    const stride = stridesOf(parameterAxis.view)[parameterAxis.axis];
    forEachVector(parameterAxis, copies, (start, copy, row) => {
      for (let i = 0; i < n; i++) data[start + i * stride] = changed[copy].data[row * n + i];
    });
    return data;
  });
}

/** The vectors along a space as the rows of a matrix, one matrix for each copy. */
export const vectorsAlong = (array: NdArray, parameterAxis: ParameterAxis, copies: number): Matrix[] =>
  gathered(elementsAlong(array, parameterAxis), parameterAxis, copies);

/** The vectors along a space in the elements of its axis's view. */
function gathered(data: Float64Array, parameterAxis: ParameterAxis, copies: number): Matrix[] {
  const { view, axis } = parameterAxis;
  const n = view[axis];
  const stride = stridesOf(view)[axis];
  const shape = [data.length / n / copies, n];
  const all = Array.from({ length: copies }, () => new Float64Array(data.length / copies));
  forEachVector(parameterAxis, copies, (start, copy, row) => {
    const own = all[copy];
    for (let i = 0; i < n; i++) own[row * n + i] = data[start + i * stride];
  });
  return all.map((own) => ({ shape, data: own }));
}

/** Sums of v v' over the vectors v along a space, one for each copy. */
export function gramsAlong(array: NdArray, parameterAxis: ParameterAxis, copies: number): Matrices {
  const vectors = vectorsAlong(array, parameterAxis, copies);
  const n = parameterAxis.view[parameterAxis.axis];
  return stackOf(copies, n, (copy) => {
    const { shape, data } = vectors[copy];
    const gram = new Float64Array(n * n);
    addGram(gram, data, shape[0], n);
    return { shape: [n, n], data: gram };
  });
}

/** Visits the vectors along a space: where they begin, the number of the copy, and their number in it. */
function forEachVector(
  { view, axis, copyAxes = [] }: ParameterAxis,
  copies: number,
  visit: (start: number, copy: number, row: number) => void,
): void {
  const strides = stridesOf(view);
  const rest = view.map((size, d) => (d === axis ? 1 : size));
  const rows = new Int32Array(copies);
  forEachIndex(rest, (index) => {
    const start = index.reduce((a, i, d) => a + i * strides[d], 0);
    const copy = copyAxes.reduce((number, d) => number * view[d] + index[d], 0);
    visit(start, copy, rows[copy]++);
  });
}

function forEachIndex(shape: Shape, visit: (index: readonly number[]) => void): void {
  const index = shape.map(() => 0);
  for (let left = sizeOf(shape); left > 0; left--) {
    visit(index);
    for (let d = shape.length - 1; d >= 0 && ++index[d] === shape[d]; d--) index[d] = 0;
  }
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
