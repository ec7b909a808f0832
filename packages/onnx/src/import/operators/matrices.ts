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
  transpose,
} from "isoloss/ops";
import type { Call, Operator } from "../call.js";
import { range } from "./reductions.js";

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
function matMul(a: Tensor, b: Tensor, options?: Parameters<typeof matmul>[2]): Tensor {
  const product = matmul(
    a.rank === 1 ? reshape(a, [1, a.size]) : a,
    b.rank === 1 ? reshape(b, [b.size, 1]) : b,
    options,
  );
  const { shape } = product;
  const isKept = (d: number) =>
    !(a.rank === 1 && d === shape.length - 2) && !(b.rank === 1 && d === shape.length - 1);
  return reshape(
    product,
    shape.filter((_, d) => isKept(d)),
  );
}

/** alpha A B, whose operands may be transposed first: in their last two axes, and with the first axis as the last but one. */
function fusedMatMul(call: Call): Tensor {
  const is = (name: string) => call.int(name, 0) === 1;
  const operand = (index: number, batch: string) => {
    const x = call.tensor(index);
    if (!is(batch) || x.rank < 3) return x;
    return transpose(x, [...range(x.rank - 2).map((d) => d + 1), 0, x.rank - 1]);
  };
  const [a, b] = [operand(0, "transBatchA"), operand(1, "transBatchB")];
  const options = { transposeA: is("transA") && a.rank > 1, transposeB: is("transB") && b.rank > 1 };
  const alpha = call.float("alpha", 1);
  const product = matMul(a, b, options);
  return alpha === 1 ? product : mul(alpha, product);
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
  MatMul: (call) => matMul(call.tensor(0), call.tensor(1)),
  "com.microsoft.FusedMatMul": fusedMatMul,
};
