import { isNdArray, type NdArray } from "../../array.js";
import { flatten, leavesByPath, unflatten } from "../../tree.js";
import { constant } from "../ops/leaf.js";
import { isTensor, type Tensor } from "../tensor.js";

/** A tree taken apart. */
export interface Leaves<T> {
  readonly tensors: readonly Tensor[];
  /** Path of each tensor. */
  readonly paths: readonly string[];
  /** A tree of the same structure. */
  rebuild(tensors: readonly Tensor[]): T;
}

const isLeaf = (value: unknown): value is Tensor | NdArray => isTensor(value) || isNdArray(value);

/** The tensors of a tree; an array becomes a constant. */
export function leavesOf<T>(tree: T): Leaves<T> {
  const { leaves, paths, def } = flatten(tree, isLeaf);
  return {
    tensors: leaves.map(asTensor),
    paths,
    rebuild: (tensors) => unflatten(def, tensors) as T,
  };
}

/**
 * The tensors of a tree that must have the entries of `like`, in the order of `like`.
 *
 * @param what begins the message
 * @throws ShapeError unless it has these entries
 */
export const leavesLike = <T>(like: Leaves<T>, tree: T, what: string): readonly Tensor[] =>
  leavesByPath(like.paths, tree, isLeaf, what).map(asTensor);

const asTensor = (x: Tensor | NdArray): Tensor => (isTensor(x) ? x : constant(x));
