// Inverses and pseudo-inverses for actions. Few shapes occur, so each is compiled once; ONNX Runtime computes
// large ones.
import type { Graph } from "../../graph/graph.js";
import { add, sub } from "../../graph/ops/arithmetic.js";
import { sqrt, square } from "../../graph/ops/elementary.js";
import { constant } from "../../graph/ops/leaf.js";
import { matmul } from "../../graph/ops/matmul.js";
import { sum } from "../../graph/ops/reduce.js";
import type { Tensor } from "../../graph/tensor.js";
import { spec, trace } from "../../graph/trace.js";
import { invert } from "../../math/dense.js";
import { requireRegular } from "../../math/linalg.js";
import { lazy, lazyExecutables } from "../../runtime/lazy.js";
import { compileInverse, type InverseKernel } from "../../runtime/onnx/inverse.js";
import { identityPlus, type Matrix } from "../matrix.js";

export interface Inverses {
  /**
   * A^-1 of A [n, n].
   *
   * @throws NumericalError for a matrix that is singular to working precision or not finite
   */
  inverse(a: Matrix): Promise<Matrix>;
  /**
   * The pseudo-inverse of a matrix of full rank, by the inverse Gram matrix of its shorter side, A^+ = A' (A A')^-1 for a
   * wide one, and one step of Newton's iteration, X + X (I - A X). The Gram matrix has the square of A's condition number;
   * the step recovers the lost accuracy.
   *
   * @param a [m, n], finite
   * @returns [n, m]; undefined if the rank is not full, or barely so: then use `pinv`
   */
  pseudoInverse(a: Matrix): Promise<Matrix | undefined>;
  dispose(): Promise<void>;
}

/** The largest norm of I - A X before the correction, which squares it. */
export const mostError = 1e-6;

/** Number of rows below which our own elimination is as fast as ONNX Runtime's. */
const fewestRows = 48;

export function createInverses(): Inverses {
  const executables = lazyExecutables();
  const kernels = lazy<InverseKernel | undefined>();

  /** Undefined, NaN or meaningless where A is singular. */
  const inverted = async (a: Float64Array, n: number): Promise<Float64Array | undefined> => {
    const kernel = n < fewestRows ? undefined : await kernels.get(`${n}`, () => compileInverse(n));
    return kernel ? kernel.run(a) : invert(a, n);
  };

  return {
    async inverse(a) {
      const data = await inverted(a.data, a.shape[0]);
      return { shape: a.shape, data: requireRegular(a, data, "inverse") };
    },
    async pseudoInverse(a) {
      const { shape } = a;
      const gram = await executables.get(`gram ${shape}`, () => traceGram(shape));
      const { result } = await gram.run({ a });
      const n = Math.min(...shape);
      const inner = await inverted(result.data as Float64Array, n);
      if (inner === undefined) return undefined;
      const refined = await executables.get(`plus ${shape}`, () => tracePlus(shape));
      const { plus, error } = await refined.run({ a, inner: { shape: [n, n], data: inner } });
      return Number(error.data[0]) <= mostError ? (plus as Matrix) : undefined;
    },
    async dispose() {
      await executables.dispose();
      await kernels.dispose();
    },
  };
}

const isWide = ([m, n]: readonly number[]): boolean => m <= n;

/** A A' of a wide A, A' A of a tall one. */
function traceGram(shape: readonly number[]): Graph {
  const transposes = isWide(shape) ? { transposeB: true } : { transposeA: true };
  return trace(({ a }) => matmul(a, a, transposes), { a: spec(shape, "float64") }).graph;
}

/** Maps A and the inverse of its Gram matrix to the corrected `plus` and the `error` before the correction. */
function tracePlus(shape: readonly number[]): Graph {
  const n = Math.min(...shape);
  const I = constant(identityPlus({ shape: [n, n], data: new Float64Array(n * n) }), "float64");
  const f = ({ a, inner }: Readonly<Record<"a" | "inner", Tensor>>) => {
    const wide = isWide(shape);
    const x = wide ? matmul(a, inner, { transposeA: true }) : matmul(inner, a, { transposeB: true });
    const E = sub(I, wide ? matmul(a, x) : matmul(x, a));
    return { plus: add(x, wide ? matmul(x, E) : matmul(E, x)), error: sqrt(sum(square(E))) };
  };
  return trace(f, { a: spec(shape, "float64"), inner: spec([n, n], "float64") }).graph;
}
