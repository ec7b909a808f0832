import { flattenTree, type Model, Tensor, unflattenTree } from "isoloss";
import type { Tree } from "../problems.js";

/** Whether a parameter multiplies: biases and the scales of normalizations have one axis. */
const isWeight = ({ rank }: Tensor): boolean => rank > 1;

const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;

/** A model that computes with a function of each of its weights. */
export function withWeights(model: Model<Tree, Tree>, change: (weight: Tensor) => Tensor): Model<Tree, Tree> {
  return {
    ...model,
    apply(params, x, context) {
      const { leaves, def } = flattenTree<Tensor>(params, isTensor);
      const changed = leaves.map((leaf) => (isWeight(leaf) ? change(leaf) : leaf));
      return model.apply(unflattenTree(def, changed) as typeof params, x, context);
    },
  };
}
