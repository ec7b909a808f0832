// Balanced sharpness: Z. Zhou et al., NeurIPS 2025, arXiv 2503.04046, equations 8-10; the direction of steepest ascent
// instead of random ones: P. Foret et al., "Sharpness-aware minimization", ICLR 2021, eq. 2.

import { grad, mapTree } from "../../../graph/autodiff.js";
import { add, div, maximum, mul, sub } from "../../../graph/ops/arithmetic.js";
import { abs, cos, log, sqrt, square } from "../../../graph/ops/elementary.js";
import { randomUniform } from "../../../graph/ops/random.js";
import { mean, sum } from "../../../graph/ops/reduce.js";
import { stopGradient } from "../../../graph/ops/stop-gradient.js";
import { isTensor, type Tensor } from "../../../graph/tensor.js";
import { flag, integerFrom, oneOf, positive } from "../../../option-kinds.js";
import { type OptionRows, optionTable } from "../../../options.js";
import { flatten, unflatten } from "../../../tree.js";
import { stacked } from "../shared-losses.js";

export interface BalancedSharpnessOptions {
  /** n; default 5. */
  readonly samples?: number | undefined;
  /** delta, the length of a perturbation; default 1e-4. */
  readonly radius?: number | undefined;
  /** Whether delta is the length in every tensor (`tensor`, default) or over all of them (`global`). */
  readonly scale?: "tensor" | "global" | undefined;
  /** The `loss` at the perturbed point, the paper's, or its `change` over delta, the authors' program; default `loss`. */
  readonly form?: "loss" | "change" | undefined;
  /** Random directions, or that of the steepest `ascent`, for which one sample suffices; default `sampled`. */
  readonly direction?: "sampled" | "ascent" | undefined;
  /**
   * Whether the perturbed loss is differentiated; default true. False is a defect of the authors' program, which perturbs
   * a copy: of the form `change` a gradient of random sign over delta is left, of the form `loss` none.
   */
  readonly differentiated?: boolean | undefined;
}

export const balancedSharpnessOptions = optionTable("cost: sharpness", {
  samples: integerFrom(1).default(5),
  radius: positive.default(1e-4),
  scale: oneOf(["tensor", "global"]).default("tensor"),
  form: oneOf(["loss", "change"]).default("loss"),
  direction: oneOf(["sampled", "ascent"]).default("sampled"),
  differentiated: flag.default(true),
} satisfies OptionRows<BalancedSharpnessOptions>);

/** What sharpness is measured with. */
export interface SharpnessInputs {
  /** Task losses on a batch, as functions of the shared parameters. */
  losses(shared: unknown): readonly Tensor[];
  /** R_k, [K]. */
  readonly balance: Tensor;
  /** Of the directions: an int64 scalar. */
  readonly seed: Tensor;
}

/**
 * How high balanced task losses lie around a point,
 *
 * L_g = max over j of mean_k R_k L_k(theta + eps_j),  ||eps_j|| = delta;
 * with the form `change` mean_k R_k |L_k(theta + eps_j) - L_k(theta)| / delta
 *
 * To first order that is the losses and delta times the norm of the balanced gradient: raising it raises the gradients of
 * tasks that have small ones.
 *
 * @throws OptionError for values out of range
 */
export function balancedSharpness(
  options: BalancedSharpnessOptions = {},
): (shared: unknown, inputs: SharpnessInputs) => Tensor {
  const { samples, radius, scale, form, direction, differentiated } = balancedSharpnessOptions.read(options);
  return (shared, { losses, balance, seed }) => {
    const here = form === "change" ? stacked(losses(shared)) : undefined;
    const directions =
      direction === "ascent"
        ? [grad((p: unknown) => mean(mul(balance, stacked(losses(p)))))(shared)]
        : Array.from({ length: samples }, (_, j) => normalLike(shared, seed, j));
    return directions
      .map((d) => {
        // The derivative of a unit vector is orthogonal to it: without it, that of L_g errs by O(delta^2) only.
        const eps = mapTree((v) => mul(radius, stopGradient(v)), unit(d, scale));
        const moved = stacked(losses(mapTree((w, e) => add(w, e), shared, eps)));
        const perturbed = differentiated ? moved : stopGradient(moved);
        return mean(mul(balance, here ? div(abs(sub(perturbed, here)), radius) : perturbed));
      })
      .reduce((a, b) => maximum(a, b));
  };
}

/** Independent standard normal numbers in the shapes of a tree, by Box-Muller. */
function normalLike(tree: unknown, seed: Tensor, index: number): unknown {
  const { leaves, def } = flatten(tree, isTensor);
  const numbers = leaves.map(({ shape, dtype }, i) => {
    const stream = 2 * (index * leaves.length + i);
    const draw = (offset: number) =>
      randomUniform(seed, shape, { dtype: dtype as "float32" | "float64", stream: stream + offset });
    return mul(sqrt(mul(-2, log(sub(1, draw(0))))), cos(mul(2 * Math.PI, draw(1))));
  });
  return unflatten(def, numbers);
}

/** A tree of length 1, over all leaves or in each of them. */
function unit(tree: unknown, scale: "tensor" | "global"): unknown {
  const { leaves, def } = flatten(tree, isTensor);
  const squares = leaves.map((x) => sum(square(x)));
  const whole = squares.reduce((a, b) => add(a, b));
  const scaled = leaves.map((x, i) => div(x, sqrt(maximum(scale === "global" ? whole : squares[i], 1e-30))));
  return unflatten(def, scaled);
}
