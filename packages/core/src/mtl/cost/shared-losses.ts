import { dtypeOf, isNdArray, type NdArray } from "../../array.js";
import { ShapeError } from "../../errors.js";
import { jacobian } from "../../graph/autodiff.js";
import { add } from "../../graph/ops/arithmetic.js";
import { matmul } from "../../graph/ops/matmul.js";
import { reshape } from "../../graph/ops/reshape.js";
import { concat } from "../../graph/ops/slice.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import type { BatchTensors } from "../../symmetry/symmetry.js";
import { flatten } from "../../tree.js";
import { checkLosses, type TaskLosses } from "../task-losses.js";

/** Parameters of which some are shared; the rest are those of the heads. */
export interface SharedParams {
  readonly shared: unknown;
}

/** Parameters taken apart. A teleport moves the shared ones and leaves the rest alone. */
export interface Parts {
  readonly shared: unknown;
  readonly rest: Readonly<Record<string, unknown>>;
}

/** L_k as functions of the shared parameters, each a scalar. Traced. */
export type SharedLosses = (shared: unknown, rest: unknown, batch: BatchTensors) => readonly Tensor[];

/**
 * Takes parameters apart.
 *
 * @throws ShapeError when nothing is shared
 */
export function partsOf(params: unknown): Parts {
  if (typeof params !== "object" || params === null || !("shared" in params)) {
    throw new ShapeError(
      "COST: parameters must be { shared, heads }, of which it moves the shared ones; there is no `shared`.",
    );
  }
  const { shared, ...rest } = params;
  return { shared, rest };
}

export const withShared = <P>(params: P, shared: unknown): P => ({ ...params, shared });

/** Task losses without dropout and batch statistics: before and after a move they must be the same function. */
export function sharedLosses<P>(losses: TaskLosses<P>): SharedLosses {
  return (shared, rest, batch) =>
    checkLosses(losses({ ...(rest as object), shared } as TensorsOf<P>, batch, { training: false })).map(
      (loss) => reshape(loss, []),
    );
}

/** Scalars as a vector, [K]. */
export const stacked = (scalars: readonly Tensor[]): Tensor =>
  concat(scalars.map((scalar) => reshape(scalar, [1])));

/**
 * Losses, and the Gramian of their gradients in the shared parameters, G = J J' [K, K]. Traced; differentiable.
 */
export function lossesAndGramian(
  losses: (shared: unknown) => readonly Tensor[],
  shared: unknown,
): { readonly losses: readonly Tensor[]; readonly gramian: Tensor } {
  const [values, rows] = jacobian(losses)(shared);
  const gramian = flatten(rows, isTensor)
    .leaves.map((row) => reshape(row, [values.length, row.size / values.length]))
    .map((row) => matmul(row, row, { transposeB: true }))
    .reduce(add);
  return { losses: values, gramian };
}

export const floatTypeOf = (tree: unknown): "float32" | "float64" =>
  dtypeOf(flatten<NdArray>(tree, isNdArray).leaves[0]) as "float32" | "float64";
