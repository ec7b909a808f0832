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
  const { leaves, paths } = flatten(params, isTensor);
  const rates = flatten(symmetry.derivative(params, T, batch, context), isTensor);
  const at = paths.findIndex(
    (path, i) => rates.paths[i] !== path || !sameShape(rates.leaves[i].shape, leaves[i].shape),
  );
  if (at < 0 && rates.paths.length === paths.length) return rates.leaves;
  const got = rates.leaves.map((x, i) => `${rates.paths[i] || "no path"}: ${formatType(x)}`).join(", ");
  const wanted = leaves.map((x, i) => `${paths[i]}: ${formatType(x)}`).join(", ");
  throw new ShapeError(
    `The derivative of "${symmetry.name}" must return a tree like the parameters, ${wanted}; got ${got}.`,
  );
}
