import { DTypeError, ShapeError } from "../../errors.js";
import {
  apply,
  formatShape,
  formatType,
  type Op,
  requireFloat,
  requireTensor,
  type Tensor,
} from "../tensor.js";
import { neg } from "./arithmetic.js";
import { inverseByElimination } from "./elimination.js";
import { matmul } from "./matmul.js";

const inverseOp: Op<Record<string, never>> = {
  name: "inverse",
  infer: ([a]) => ({ shape: a.shape, dtype: a.dtype }),
  // d(A^-1) = -A^-1 dA A^-1.
  vjp: (g, node) => [neg(matmul(matmul(node, g, { transposeA: true }), node, { transposeB: true }))],
  js: {
    wholes: true,
    kernel(w, node) {
      w.line(`${w.result("")}.set(${w.whole(0)});invertStack(${w.result("")},${node.shape.at(-1)});`);
    },
  },
  onnx: {
    // ONNX Runtime has an operator of its own, by LU decomposition; the standard has none.
    emit: (e, [a], node) =>
      e.portable
        ? e.value(inverseByElimination(node.inputs[0]))
        : e.emit("Inverse", [a], {}, { domain: "com.microsoft" }),
  },
  flops: ({ size, shape }) => 2 * size * (shape.at(-1) as number),
};

/**
 * Throws unless `a` is a float tensor of square matrices.
 *
 * @returns their size
 */
export function requireSquare(op: string, a: Tensor): number {
  requireTensor(op, a);
  requireFloat(op, a);
  const [m, n] = a.shape.slice(-2);
  if (a.rank >= 2 && m === n && n > 0) return n;
  throw new ShapeError(`${op} takes square matrices, [..., n, n] with n >= 1; got ${formatShape(a.shape)}.`);
}

/**
 * The inverse of square matrices, batched over the axes before the last two:
 *
 * Y = A^-1,  dY = -Y dA Y
 *
 * By elimination with row pivots; relative errors are about the rounding error times A's condition number. For a
 * singular matrix the result is not finite: all NaN in JavaScript, NaN or infinities in ONNX Runtime. Other matrices
 * of the batch are not affected. ONNX Runtime computes it by an operator of its own, on the CPU and as WebAssembly;
 * an exported file has a loop of standard operators.
 *
 * @param a float [..., n, n]
 * @returns [..., n, n]
 * @throws ShapeError unless the last two axes are equal; DTypeError unless `a` is a float
 *
 * @example
 * const gram = matmul(x, x, { transposeB: true });
 * const projection = matmul(matmul(x, matrixInverse(gram), { transposeA: true }), x); // on the rows of x
 */
export function matrixInverse(a: Tensor): Tensor {
  requireSquare("matrixInverse", a);
  return apply(inverseOp, [a], {});
}

/**
 * The solution X of A X = B, batched over the axes before the last two, which broadcast: A^-1 B. Several systems of
 * one matrix share its {@link matrixInverse}, whose notes on singular matrices hold here, too.
 *
 * @param a float [..., n, n]
 * @param b [..., n, k], of a's dtype
 * @returns [..., n, k]
 * @throws ShapeError, DTypeError
 *
 * @example
 * const gram = matmul(x, x, { transposeB: true });
 * const coefficients = solveLinear(gram, x); // gram^-1 x
 */
export function solveLinear(a: Tensor, b: Tensor): Tensor {
  requireSquare("solveLinear", a);
  requireTensor("solveLinear", b);
  if (b.dtype !== a.dtype) {
    throw new DTypeError(
      `solveLinear takes two tensors of one float dtype; got ${formatType(a)} and ${formatType(b)}.`,
    );
  }
  if (b.rank < 2 || b.shape.at(-2) !== a.shape.at(-1)) {
    throw new ShapeError(
      `solveLinear: the right side must have the matrix's rows, [..., ${a.shape.at(-1)}, k]; got ${formatShape(b.shape)}. ` +
        "Reshape a vector to [n, 1] first.",
    );
  }
  return matmul(matrixInverse(a), b);
}
