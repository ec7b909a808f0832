import { concatenated, dtypeOf, isNdArray, type NdArray, ones } from "../../array.js";
import { NumericalError, OptionError, ShapeError } from "../../errors.js";
import { mapTree } from "../../graph/autodiff.js";
import { cast, mul } from "../../graph/ops/arithmetic.js";
import { constant } from "../../graph/ops/leaf.js";
import { isFloat, isTensor, sameShape, type Tensor } from "../../graph/tensor.js";
import { type Optimizer, requireOptimizer, seeing } from "../../optim/optimizer.js";
import { inCode, type OptionsOf, oneOf, optionTable, share } from "../../options.js";
import { flatten, leavesByPath, unflatten } from "../../tree.js";

export interface PrunedOptions extends OptionsOf<typeof prunedOptions> {}

const prunedOptions = optionTable("pruned", {
  /** Share of the weights that become zero, 0 to 1: the nearest whole number of them. */
  fraction: share.required(),
  /** The score by which the least go: `magnitude` (default), |w|; `lamp`, w^2 by the squares of its layer that are not smaller. */
  by: oneOf<PrunedBy>(["magnitude", "lamp"]).default("magnitude"),
  /** Which parameters are pruned, by their path; default: floats with two axes or more, which leaves biases and norms. */
  isPruned: inCode<(path: string, value: NdArray) => boolean>(
    "a function of a path and an array, such as (path) => path.endsWith('weight')",
    (value) => typeof value === "function",
  ).default((_path, { shape }) => shape.length > 1),
});

/** Parameters of which some are zero. */
export interface Pruned<P> {
  /** New arrays where there are pruned weights; the others are the same. */
  readonly params: P;
  /** A tree like the parameters, in their dtypes: 0 where a weight was pruned, else 1. `masked` keeps them zero in training. */
  readonly mask: P;
  /** How many weights were pruned, of how many that could be. */
  readonly pruned: number;
  readonly of: number;
}

/**
 * Sets the weights with the least scores to zero, ranked over all layers together:
 *
 * magnitude: |w_u|;    lamp: w_u^2 / (sum of w_v^2 over the weights v of the layer with |w_v| >= |w_u|)
 *
 * Of equal scores the first in the order of the tree go; among equal weights of a layer, LAMP takes an earlier one as
 * smaller. The number that go is the nearest integer to fraction times the number of weights.
 *
 * Neither score is invariant under all scalings that keep the function: magnitude changes with the scale of layers and
 * units, LAMP with that of units. Pruning `await balanced(params, found)` instead of `params` removes the dependence.
 *
 * @param params a tree of arrays
 * @throws OptionError for a fraction outside of [0, 1], or where no weights are selected; NumericalError when weights are not finite
 *
 * Sources: S. Han et al., NeurIPS 2015, for magnitude; J. Lee et al., ICLR 2021, eq. 4, for LAMP.
 *
 * @example
 * const { params: sparse, mask } = pruned(await balanced(params, found), { fraction: 0.8, by: "lamp" });
 * const optimizer = masked(adam(), mask);
 */
export function pruned<P>(params: P, options: PrunedOptions): Pruned<P> {
  const { fraction, by, isPruned } = prunedOptions.read(options);
  const { leaves, paths, def } = flatten<NdArray>(params, isNdArray);
  const chosen = leaves.map((leaf, i) => isFloat(dtypeOf(leaf)) && isPruned(paths[i], leaf));
  leaves.forEach((leaf, i) => {
    if (chosen[i]) requireFinite(paths[i], leaf);
  });
  const scores = leaves.map((leaf, i) => (chosen[i] ? scoresOf[by](leaf) : new Float64Array()));
  const of = scores.reduce((sum, own) => sum + own.length, 0);
  if (of === 0) {
    throw new OptionError(
      `pruned: there are no weights to prune: the parameters are ${paths.join(", ") || "none"}. Select some by isPruned.`,
    );
  }
  const count = Math.round(fraction * of);
  const masks = masksOf(leaves, scores, count);
  const kept = leaves.map((leaf, i) => (chosen[i] ? product(leaf, masks[i]) : leaf));
  return { params: unflatten(def, kept) as P, mask: unflatten(def, masks) as P, pruned: count, of };
}

function requireFinite(path: string, { data }: NdArray): void {
  if (!(data as Float64Array).every(Number.isFinite))
    throw new NumericalError(`pruned: the weights "${path}" are not all finite.`);
}

/** Zeros for the `count` least scores, and ones. */
function masksOf(leaves: readonly NdArray[], scores: readonly Float64Array[], count: number): NdArray[] {
  const sorted = concatenated(scores).sort();
  const limit = count === 0 ? Number.NEGATIVE_INFINITY : sorted[count - 1];
  // Of those at the limit, as many go as are left.
  let left = count;
  for (let k = 0; k < count && sorted[k] < limit; k++) left--;
  return leaves.map((leaf, i) => {
    const mask = ones(leaf.shape, dtypeOf(leaf));
    for (const [e, score] of scores[i].entries()) {
      if (score < limit || (score === limit && left-- > 0)) mask.data[e] = 0;
    }
    return mask;
  });
}

/** The weights where the mask is 1; elsewhere 0, whatever the sign. */
export const product = ({ shape, data }: NdArray, mask: NdArray): NdArray => ({
  shape,
  data: (data as Float64Array).map((w, e) => (mask.data[e] === 0 ? 0 : w)),
});

// Scores of weights: magnitude, and LAMP (Lee, Park, Mo, Ahn and Shin, "Layer-adaptive sparsity for the magnitude-based
// pruning", ICLR 2021, eq. 4).

export type PrunedBy = "magnitude" | "lamp";

/** Scores of all weights of one layer, in their order; the least go first. */
const scoresOf: Readonly<Record<PrunedBy, (layer: NdArray) => Float64Array>> = {
  magnitude: ({ data }) => Float64Array.from(data as Float64Array, Math.abs),
  lamp,
};

/**
 * w_u^2 / sum of w_v^2 over the weight itself and all that come after it in the order of magnitude; of equal weights the
 * earlier element comes first. 0 for a layer of zeros.
 */
function lamp({ data }: NdArray): Float64Array {
  const magnitudes = Float64Array.from(data as Float64Array, Math.abs);
  const order = magnitudes.slice().sort();
  const largest = order[order.length - 1];
  if (!(largest > 0)) return magnitudes;
  // Relative to the largest: no square overflows, or is lost.
  const scores = order.map((magnitude) => (magnitude / largest) ** 2);
  for (let k = scores.length - 1, sum = 0; k >= 0; k--) {
    sum += scores[k];
    scores[k] = scores[k] === 0 ? 0 : scores[k] / sum;
  }
  const taken = new Uint32Array(order.length);
  return magnitudes.map((magnitude) => {
    const first = firstAt(order, magnitude);
    return scores[first + taken[first]++];
  });
}

/** The place of the first of the sorted values that is not below `value`. */
function firstAt(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * An optimizer that keeps pruned weights at zero: it sees gradients that are zero where the mask is, and what it returns
 * is multiplied by the mask,
 *
 * w <- m * update(m * g, w)
 *
 * Its state is that of the optimizer, so that checkpoints work as without. Teleports that scale weights keep zeros; others, such
 * as level sets, rotations and COST's adapters, fill them, and the step after a teleport clears them again.
 *
 * @param optimizer such as `adam()`
 * @param mask a tree like the parameters with 0 and 1, such as `pruned` returns
 * @throws OptionError unless `optimizer` is one; ShapeError, where it is traced, for a mask of other parameters
 *
 * @example
 * const { params: start, mask } = pruned(params, { fraction: 0.8 });
 * const optimizer = masked(adam(), mask);
 * const step = await jit(
 *   (p, state, b) => optimizer.update(grad(loss)(p, b), state, p, 0.01),
 *   [start, optimizer.init(start), batch],
 * );
 * const next = await step(start, optimizer.init(start), batch); // next.params is zero where the mask is
 */
export function masked<S>(optimizer: Optimizer<S>, mask: unknown): Optimizer<S> {
  requireOptimizer("masked", optimizer);
  const { leaves, paths, def } = flatten<NdArray>(mask, isNdArray);
  const kept = <P>(tree: P): P => {
    const own = leavesByPath(paths, tree, isTensor, "masked: the parameters");
    const constants = leaves.map((leaf, i) => maskLike(paths[i], leaf, own[i]));
    return mapTree((x, m) => mul(x, m), tree, unflatten(def, constants) as P);
  };
  const inner = seeing(optimizer, kept);
  return {
    ...inner,
    name: `masked ${optimizer.name}`,
    baseOf: (path) => optimizer.baseOf?.(path) ?? (optimizer as Optimizer),
    update(gradients, state, params, learningRate, gradientAt) {
      const next = inner.update(gradients, state, params, learningRate, gradientAt);
      return { ...next, params: kept(next.params) };
    },
  };
}

function maskLike(path: string, mask: NdArray, like: Tensor): Tensor {
  if (sameShape(mask.shape, like.shape)) return cast(constant(mask), like.dtype);
  throw new ShapeError(
    `masked: the mask of "${path}" has the shape [${mask.shape.join(", ")}], the parameter [${like.shape.join(", ")}].`,
  );
}
