import type { BatchTensors } from "../batch.js";
import { ShapeError } from "../errors.js";
import { formatType, isTensor, sameShape, type Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import { flatten } from "../tree.js";
import type { Symmetry } from "./symmetry.js";

/**
 * The derivative of an action at the identity, one tensor per parameter. Traced.
 *
 * @throws ShapeError when the symmetry's `derivative` does not return a tree like the parameters
 */
export function tangentOf<P>(
  symmetry: Symmetry<P>,
  params: TensorsOf<P>,
  T: readonly Tensor[],
  batch: BatchTensors,
  context: readonly Tensor[],
): Tensor[] {
  const rates = symmetry.derivative(params, T, batch, context);
  return leavesLike(`The derivative of "${symmetry.name}"`, rates, params);
}

/**
 * The tensors of a tree that must be one like the parameters.
 *
 * @param what the tree, at the beginning of the message
 * @throws ShapeError unless it has the same paths and shapes
 */
export function leavesLike(what: string, tree: unknown, params: unknown): Tensor[] {
  const { leaves, paths } = flatten<Tensor>(params, isTensor);
  const given = flatten<Tensor>(tree, isTensor);
  const at = paths.findIndex(
    (path, i) => given.paths[i] !== path || !sameShape(given.leaves[i].shape, leaves[i].shape),
  );
  if (at < 0 && given.paths.length === paths.length) return given.leaves;
  const got = given.leaves.map((x, i) => `${given.paths[i] || "no path"}: ${formatType(x)}`).join(", ");
  const wanted = leaves.map((x, i) => `${paths[i]}: ${formatType(x)}`).join(", ");
  throw new ShapeError(`${what} must return a tree like the parameters, ${wanted}; got ${got}.`);
}
