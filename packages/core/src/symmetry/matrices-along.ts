// Matrices that act on the spaces of parameters, one for each copy of a space.
import type { NdArray, Shape } from "../array.js";
import { sizeOf, stridesOf } from "../array.js";
import { matmul } from "../graph/ops/matmul.js";
import { reshape, transpose } from "../graph/ops/reshape.js";
import type { Tensor } from "../graph/tensor.js";
import type { ParameterAxis } from "./discovery/descriptors.js";
import type { Matrix } from "./matrix.js";
import { changeAlong, elementsAlong, rateAlongAxis } from "./parameter-axes.js";

/** Matrices [copies, n, n]. */
export type Matrices = Matrix;

/** An axis of a parameter along which a space is, and the one along which its copies are. */
export type SpaceAxis = ParameterAxis & { readonly copyAxis?: number | undefined };

/** Permutation of a view's axes that puts the copies and the space first. */
function frontOrder({ view, axis, copyAxis }: SpaceAxis): number[] {
  const front = copyAxis === undefined ? [axis] : [copyAxis, axis];
  return [...front, ...view.map((_, d) => d).filter((d) => !front.includes(d))];
}

const inverseOrder = (order: readonly number[]): number[] => order.map((_, d) => order.indexOf(d));

/** Each matrix [copies, n, n], or its transpose, times the elements along a space; zero outside of the axis's part. Traced. */
export function appliedAlong(
  w: Tensor,
  parameterAxis: SpaceAxis,
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
export function multipliedAlong(array: NdArray, parameterAxis: SpaceAxis, matrices: Matrices): NdArray {
  const { view, axis, copyAxis } = parameterAxis;
  const n = view[axis];
  const strides = stridesOf(view);
  const rest = view.map((size, d) => (d === axis ? 1 : size));
  return changeAlong(array, parameterAxis, (data) => {
    const column = new Float64Array(n);
    forEachIndex(rest, (index) => {
      const start = index.reduce((a, i, d) => a + i * strides[d], 0);
      const g = (copyAxis === undefined ? 0 : index[copyAxis]) * n * n;
      for (let j = 0; j < n; j++) column[j] = data[start + j * strides[axis]];
      for (let i = 0; i < n; i++) {
        let sum = 0;
        for (let j = 0; j < n; j++) sum += matrices.data[g + i * n + j] * column[j];
        data[start + i * strides[axis]] = sum;
      }
    });
    return data;
  });
}

/** The vectors along a space as the rows of a matrix, one matrix for each copy. */
export function vectorsAlong(array: NdArray, parameterAxis: SpaceAxis, copies: number): Matrix[] {
  const { view, axis, copyAxis } = parameterAxis;
  const n = view[axis];
  const strides = stridesOf(view);
  const data = elementsAlong(array, parameterAxis);
  const rows = data.length / n / copies;
  const all = Array.from({ length: copies }, () => new Float64Array(rows * n));
  const filled = new Int32Array(copies);
  const rest = view.map((size, d) => (d === axis ? 1 : size));
  forEachIndex(rest, (index) => {
    const start = index.reduce((a, i, d) => a + i * strides[d], 0);
    const copy = copyAxis === undefined ? 0 : index[copyAxis];
    for (let i = 0; i < n; i++) all[copy][filled[copy]++] = data[start + i * strides[axis]];
  });
  return all.map((own) => ({ shape: [rows, n], data: own }));
}

/** Sums of v v' over the vectors v along a space, one for each copy. */
export function gramsAlong(array: NdArray, parameterAxis: SpaceAxis, copies: number): Matrices {
  const { view, axis, copyAxis } = parameterAxis;
  const n = view[axis];
  const strides = stridesOf(view);
  const data = elementsAlong(array, parameterAxis);
  const grams = new Float64Array(copies * n * n);
  const rest = view.map((size, d) => (d === axis ? 1 : size));
  forEachIndex(rest, (index) => {
    const start = index.reduce((a, i, d) => a + i * strides[d], 0);
    const at = (copyAxis === undefined ? 0 : index[copyAxis]) * n * n;
    for (let i = 0; i < n; i++) {
      const v = data[start + i * strides[axis]];
      for (let j = 0; j < n; j++) grams[at + i * n + j] += v * data[start + j * strides[axis]];
    }
  });
  return { shape: [copies, n, n], data: grams };
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
