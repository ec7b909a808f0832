// Inverses and pseudo-inverses for actions on the host: the operations, compiled once for each of the few shapes that occur.

import { sqrt, square } from "../../graph/ops/elementary.js";
import { matrixInverse } from "../../graph/ops/inverse.js";
import { corrected, pinvParts } from "../../graph/ops/pinv.js";
import { sum } from "../../graph/ops/reduce.js";
import { spec, trace } from "../../graph/trace.js";
import { requireRegular } from "../../math/linalg.js";
import { lazyExecutables } from "../../runtime/lazy.js";
import type { Matrix } from "../matrix.js";

export interface Inverses {
  /**
   * A^-1 of A [n, n].
   *
   * @throws NumericalError for a matrix that is singular to working precision or not finite
   */
  inverse(a: Matrix): Promise<Matrix>;
  /**
   * The pseudo-inverse of a matrix of full rank, as `matrixPinv` computes it.
   *
   * @param a [m, n], finite
   * @returns [n, m]; undefined if the rank is not full, or barely so: then use `pinv`
   */
  pseudoInverse(a: Matrix): Promise<Matrix | undefined>;
  dispose(): Promise<void>;
}

/** The largest norm of I - A X before the correction, which squares it. */
export const mostError = 1e-6;

export function createInverses(): Inverses {
  const executables = lazyExecutables();
  return {
    async inverse(a) {
      const compiled = await executables.get(
        `inverse ${a.shape}`,
        () => trace(({ a: x }) => matrixInverse(x), { a: spec(a.shape, "float64") }).graph,
      );
      const { result } = await compiled.run({ a });
      return { shape: a.shape, data: requireRegular(a, result.data as Float64Array, "inverse") };
    },
    async pseudoInverse(a) {
      const compiled = await executables.get(
        `plus ${a.shape}`,
        () => trace(({ a: x }) => plusAndError(pinvParts(x)), { a: spec(a.shape, "float64") }).graph,
      );
      const { plus, error } = await compiled.run({ a });
      return Number(error.data[0]) <= mostError ? (plus as Matrix) : undefined;
    },
    dispose: executables.dispose,
  };
}

const plusAndError = (parts: ReturnType<typeof pinvParts>) => ({
  plus: corrected(parts),
  error: sqrt(sum(square(parts.residual))),
});
