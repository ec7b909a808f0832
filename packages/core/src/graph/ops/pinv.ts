import { ShapeError } from "../../errors.js";
import { formatShape, requireFloat, requireTensor, type Tensor } from "../tensor.js";
import { add, cast, sub } from "./arithmetic.js";
import { identity } from "./elimination.js";
import { matrixInverse } from "./inverse.js";
import { matmul } from "./matmul.js";

/**
 * The pseudo-inverse A^+ of matrices of full rank, batched over the axes before the last two. For m <= n, where A A^+
 * = I,
 *
 * X = A' (A A')^-1,  A^+ = X + X (I - A X)
 *
 * and the same with A' for m > n. The product A A' has the square of A's condition number; the second step, one of
 * Newton's iteration, takes back the digits lost to it. It is computed in float64, also for float32. Relative errors
 * are about the rounding error times A's condition number, for condition numbers up to 1e5; far beyond, or without
 * full rank, the result is meaningless or not finite: `pinv` of `isoloss/linalg` takes such matrices, on the host.
 * Runs where {@link matrixInverse} does; not on WebGPU, which has no float64.
 *
 * @param a float [..., m, n]
 * @returns [..., n, m]
 * @throws ShapeError for less than two axes or empty ones; DTypeError unless `a` is a float
 *
 * @example
 * const plus = matrixPinv(x); // x [4, 3]: plus [3, 4]
 */
export function matrixPinv(a: Tensor): Tensor {
  return cast(corrected(pinvParts(a)), a.dtype);
}

/** X of {@link matrixPinv} in float64, and I - A X, or I - X A for m > n. */
export interface PinvParts {
  readonly x: Tensor;
  readonly residual: Tensor;
  readonly isWide: boolean;
}

/** The pseudo-inverse before the correction, in float64. */
export function pinvParts(a: Tensor): PinvParts {
  requireTensor("matrixPinv", a);
  requireFloat("matrixPinv", a);
  const [m, n] = a.shape.slice(-2);
  if (a.rank < 2 || a.size === 0) {
    throw new ShapeError(
      `matrixPinv takes matrices of at least 1 x 1, [..., m, n]; got ${formatShape(a.shape)}.`,
    );
  }
  const A = cast(a, "float64");
  const isWide = m <= n;
  const I = identity(Math.min(m, n), "float64");
  const gram = matrixInverse(
    isWide ? matmul(A, A, { transposeB: true }) : matmul(A, A, { transposeA: true }),
  );
  const x = isWide ? matmul(A, gram, { transposeA: true }) : matmul(gram, A, { transposeB: true });
  return { x, residual: sub(I, isWide ? matmul(A, x) : matmul(x, A)), isWide };
}

/** X after one step of Newton's iteration. */
export function corrected({ x, residual, isWide }: PinvParts): Tensor {
  return add(x, isWide ? matmul(x, residual) : matmul(residual, x));
}
