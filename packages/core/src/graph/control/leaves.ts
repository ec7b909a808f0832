import { isNdArray, type NdArray } from "../../array.js";
import { flatten, unflatten } from "../../tree.js";
import { constant } from "../ops/leaf.js";
import { isTensor, type Tensor } from "../tensor.js";

/** A tree taken apart. */
export interface Leaves<T> {
  readonly tensors: readonly Tensor[];
  /** A tree of the same structure. */
  rebuild(tensors: readonly Tensor[]): T;
}

const isLeaf = (value: unknown): value is Tensor | NdArray => isTensor(value) || isNdArray(value);

/** The tensors of a tree; an array becomes a constant. */
export function leavesOf<T>(tree: T): Leaves<T> {
  const { leaves, def } = flatten(tree, isLeaf);
  return {
    tensors: leaves.map((x) => (isTensor(x) ? x : constant(x))),
    rebuild: (tensors) => unflatten(def, tensors) as T,
  };
}
