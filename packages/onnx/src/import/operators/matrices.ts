import type { Tensor } from "isoloss";
import {
  abs,
  add,
  argmax,
  div,
  einsum,
  expandDims,
  fill,
  matmul,
  mul,
  oneHot,
  reshape,
  slice,
  sub,
} from "isoloss/ops";
import type { Call, Operator } from "../call.js";

/** alpha A' B' + beta C. */
function gemm(call: Call): Tensor {
  const product = matmul(call.tensor(0), call.tensor(1), {
    transposeA: call.int("transA", 0) === 1,
    transposeB: call.int("transB", 0) === 1,
  });
  const scaled = (x: Tensor, by: number) => (by === 1 ? x : mul(by, x));
  const result = scaled(product, call.float("alpha", 1));
  return call.has(2) ? add(result, scaled(call.tensor(2), call.float("beta", 1))) : result;
}

/** Product as in NumPy: a vector on the left is a row, on the right a column. */
function matMul(call: Call): Tensor {
  const [a, b] = [call.tensor(0), call.tensor(1)];
  const product = matmul(
    a.rank === 1 ? reshape(a, [1, a.size]) : a,
    b.rank === 1 ? reshape(b, [b.size, 1]) : b,
  );
  const { shape } = product;
  const isKept = (d: number) =>
    !(a.rank === 1 && d === shape.length - 2) && !(b.rank === 1 && d === shape.length - 1);
  return reshape(
    product,
    shape.filter((_, d) => isKept(d)),
  );
}

/**
 * Determinants of the last two axes, by elimination with the largest element of the first column as pivot. Its row and
 * the first one change places, which changes the sign unless they are the same.
 */
function determinant(x: Tensor): Tensor {
  const n = x.shape[x.rank - 1];
  if (n === 0) return fill(x.shape.slice(0, -2), 1, x.dtype);
  const column = part(x, 0, n, 0, 1);
  const chosen = oneHot(argmax(abs(reshape(column, column.shape.slice(0, -1))), { axis: -1 }), n, x.dtype);
  const pick = expandDims(chosen, -2);
  const row = matmul(pick, x);
  const [pivot, first] = [reshape(part(row, 0, 1, 0, 1), x.shape.slice(0, -2)), part(x, 0, 1, 0, n)];
  if (n === 1) return pivot;
  const swapped = add(x, matmul(pick, sub(first, row), { transposeA: true }));
  const [below, across] = [part(swapped, 1, n, 0, 1), part(row, 0, 1, 1, n)];
  const rest = sub(part(swapped, 1, n, 1, n), matmul(div(below, part(row, 0, 1, 0, 1)), across));
  const isFirst = reshape(part(pick, 0, 1, 0, 1), pivot.shape);
  return mul(mul(pivot, sub(mul(2, isFirst), 1)), determinant(rest));
}

/** Rows and columns of the last two axes. */
function part(x: Tensor, top: number, bottom: number, left: number, right: number): Tensor {
  const others = x.shape.slice(0, -2);
  return slice(x, { starts: [...others.map(() => 0), top, left], ends: [...others, bottom, right] });
}

export const matrices: Readonly<Record<string, Operator>> = {
  Det: (call) => determinant(call.tensor(0)),
  Einsum: (call) => einsum(call.text("equation", ""), call.tensors()),
  Gemm: gemm,
  MatMul: matMul,
};
