import { add, mul } from "../../../graph/ops/arithmetic.js";
import { einsum } from "../../../graph/ops/einsum.js";
import { matmul } from "../../../graph/ops/matmul.js";
import { reshape } from "../../../graph/ops/reshape.js";
import type { Tensor } from "../../../graph/tensor.js";
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

export const matrices: Readonly<Record<string, Operator>> = {
  Einsum: (call) => einsum(call.text("equation", ""), call.tensors()),
  Gemm: gemm,
  MatMul: matMul,
};
