import { flattenTree, isNdArray, type Model, type NdArray, Tensor, unflattenTree } from "isoloss";
import type { Tree } from "../problems.js";

/** Whether a parameter multiplies: biases and the scales of normalizations have one axis. */
const isWeight = ({ shape }: { readonly shape: readonly number[] }): boolean => shape.length > 1;

/** The weights of a network by their paths. */
export function weightsOf(params: Tree): Readonly<Record<string, NdArray>> {
  const { leaves, paths } = flattenTree<NdArray>(params, isNdArray);
  return Object.fromEntries(leaves.flatMap((leaf, i) => (isWeight(leaf) ? [[paths[i], leaf]] : [])));
}

const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;

/** A model that computes with a function of each of its weights. */
export function withWeights(
  model: Model<Tree, Tree>,
  change: (weight: Tensor, path: string) => Tensor,
): Model<Tree, Tree> {
  return {
    ...model,
    apply(params, x, context) {
      const { leaves, paths, def } = flattenTree<Tensor>(params, isTensor);
      const changed = leaves.map((leaf, i) => (isWeight(leaf) ? change(leaf, paths[i]) : leaf));
      return model.apply(unflattenTree(def, changed) as typeof params, x, context);
    },
  };
}
