import { DataError, decodeCheckpoint, flattenTree, isNdArray, type NdArray, unflattenTree } from "isoloss";
import type { StoredForm } from "../kind.js";

/** Runs that record a point a step, with checkpoints of a trainer. */
export const trainerForm: StoredForm = {
  stepsOf: (points) => points,
  tensorsOf: (checkpoint) => decodeCheckpoint(checkpoint).tensors,
};

/**
 * Trees of parameters and state as a checkpoint has them.
 *
 * @param like trees of the same structure, such as those of a new model
 * @throws DataError for a checkpoint of another model
 */
export function storedTrees<T extends object>(tensors: Readonly<Record<string, NdArray>>, like: T): T {
  const { paths, leaves, def } = flattenTree<NdArray>(like, isNdArray);
  const stored = paths.map((path, i) => {
    const [found, expected] = [tensors[path]?.shape, leaves[i].shape].map((shape) => shape?.join(", "));
    if (found === expected) return tensors[path];
    throw new DataError(
      `The checkpoint does not fit the run's model: "${path}" must be [${expected}]; got ${found === undefined ? "none" : `[${found}]`}.`,
    );
  });
  return unflattenTree(def, stored) as T;
}
