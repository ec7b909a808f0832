// Balanced sharpness: Z. Zhou et al., NeurIPS 2025, arXiv 2503.04046, equations 8-10; the direction of steepest ascent
// instead of random ones: P. Foret et al., "Sharpness-aware minimization", ICLR 2021, eq. 2.

import { grad } from "../../../graph/autodiff.js";
import { add, div, maximum, mul, sub } from "../../../graph/ops/arithmetic.js";
import { abs, cos, log, sqrt, square } from "../../../graph/ops/elementary.js";
import { randomUniforms } from "../../../graph/ops/random.js";
import { mean, sum } from "../../../graph/ops/reduce.js";
import { reshape } from "../../../graph/ops/reshape.js";
import { sliceAlong, vectorOf } from "../../../graph/ops/slice.js";
import { stopGradient } from "../../../graph/ops/stop-gradient.js";
import { formatType, isTensor, type Tensor } from "../../../graph/tensor.js";
import { groupBy } from "../../../group-by.js";
import { flag, integerFrom, type OptionsOf, oneOf, optionTable, positive } from "../../../options.js";
import { flatten, replaced, unflatten } from "../../../tree.js";

export interface BalancedSharpnessOptions extends OptionsOf<typeof balancedSharpnessOptions> {}

export const balancedSharpnessOptions = optionTable("cost: sharpness", {
  /** n, the number of directions; default 5. */
  samples: integerFrom(1).default(5),
  /** delta, the length of a perturbation; default 1e-4. */
  radius: positive.default(1e-4),
  /** Whether delta is the length in every tensor (`tensor`, default) or over all tensors (`global`). */
  scale: oneOf(["tensor", "global"]).default("tensor"),
  /**
   * Form of the sharpness: the `loss` at the perturbed point on the batch of the inner step, as in the paper; or the `change`
   * over delta on the batch with the conflict, of each task at its own worst perturbation, of the heads as well, as in the
   * authors' program. Default `loss`.
   */
  form: oneOf(["loss", "change"]).default("loss"),
  /**
   * Directions of the perturbations: random ones, or that of steepest `ascent`, for which one sample
   * suffices; default `sampled`.
   */
  direction: oneOf(["sampled", "ascent"]).default("sampled"),
  /**
   * Whether the perturbed loss is differentiated; default true. False is a defect of the authors' program, which perturbs
   * a copy: the form `change` then has a gradient of random sign over delta, the form `loss` none.
   */
  differentiated: flag.default(true),
});

/** The inputs of the sharpness. */
export interface SharpnessInputs {
  /** Task losses on the batch of the inner step, as functions of the shared parameters. */
  losses(shared: unknown): readonly Tensor[];
  /** Task losses on the batch with the conflict, of the heads too: default the given ones. */
  conflicting(shared: unknown, heads?: unknown): readonly Tensor[];
  /** The heads' parameters, and what else is not shared. */
  readonly heads: unknown;
  /** R_k, [K]. */
  readonly balance: Tensor;
  /** Seed of the directions, an int64 scalar. */
  readonly seed: Tensor;
  /** Leaves of the shared parameters that training changes, which alone of these are perturbed; default: all. */
  readonly trained?: readonly number[] | undefined;
}

/**
 * The largest balanced mean of the task losses around a point,
 *
 * L_g = max over j of mean_k R_k L_k(theta + eps_j),  ||eps_j|| = delta;
 * with the form `change` mean_k R_k max over j of |L_k(theta + eps_j) - L_k(theta)| / delta, theta with the heads
 *
 * To first order that is the losses plus delta times the norm of the balanced gradient: maximizing it
 * enlarges the gradients of tasks with small ones.
 *
 * @throws OptionError for values out of range
 */
export function balancedSharpness(
  options: BalancedSharpnessOptions = {},
): (shared: unknown, inputs: SharpnessInputs) => Tensor {
  const { samples, radius, scale, form, direction, differentiated } = balancedSharpnessOptions.read(options);
  const isChange = form === "change";
  return (shared, { losses, conflicting, heads, balance, seed, trained }) => {
    const { leaves, def } = flatten(shared, isTensor);
    const own = flatten(isChange ? heads : {}, isTensor);
    const perturbable = trained ?? [...leaves.keys()];
    const theta = [...perturbable.map((leaf) => leaves[leaf]), ...own.leaves];
    const lossesAt = (parts: readonly Tensor[]) => {
      const there = unflatten(def, replaced(leaves, perturbable, parts));
      if (!isChange) return vectorOf(losses(there));
      return vectorOf(conflicting(there, unflatten(own.def, parts.slice(perturbable.length))));
    };
    const here = isChange ? lossesAt(theta) : undefined;
    const directions =
      direction === "ascent"
        ? [grad((parts: readonly Tensor[]) => mean(mul(balance, lossesAt(parts))))(theta)]
        : Array.from({ length: samples }, (_, j) => normalLike(theta, seed, j));
    const largest = directions
      .map((d) => {
        // The derivative of a unit vector is orthogonal to it, so leaving it out changes that of L_g only by
        // O(delta^2).
        const eps = unit(d, scale).map((v) => mul(radius, stopGradient(v)));
        const moved = lossesAt(theta.map((w, i) => add(w, eps[i])));
        const perturbed = differentiated ? moved : stopGradient(moved);
        return here ? mul(balance, div(abs(sub(perturbed, here)), radius)) : mean(mul(balance, perturbed));
      })
      .reduce((a, b) => maximum(a, b));
    return isChange ? mean(largest) : largest;
  };
}

/** Independent standard normal numbers in the shapes of tensors, by Box-Muller: tensors of equal shapes at once. */
function normalLike(leaves: readonly Tensor[], seed: Tensor, index: number): readonly Tensor[] {
  const normal: Tensor[] = [];
  for (const equal of groupBy(leaves.keys(), (i) => formatType(leaves[i])).values()) {
    const { shape } = leaves[equal[0]];
    const draw = (offset: number) => {
      const streams = equal.map((i) => 2 * (index * leaves.length + i) + offset);
      return randomUniforms(seed, streams, leaves[equal[0]]);
    };
    const all = mul(sqrt(mul(-2, log(sub(1, draw(0))))), cos(mul(2 * Math.PI, draw(1))));
    for (const [row, i] of equal.entries()) normal[i] = reshape(sliceAlong(all, 0, row, row + 1), shape);
  }
  return normal;
}

/** Scales tensors to length 1, over all of them or each. */
function unit(leaves: readonly Tensor[], scale: "tensor" | "global"): readonly Tensor[] {
  const squares = leaves.map((x) => sum(square(x)));
  const whole = squares.reduce((a, b) => add(a, b));
  return leaves.map((x, i) => div(x, sqrt(maximum(scale === "global" ? whole : squares[i], 1e-30))));
}
