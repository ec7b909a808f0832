// Qin et al., "Towards consistent multi-task learning: unlocking the potential of task-specific parameters", CVPR 2025, as the program
// of DiBS-MTL's comparison has it.
import { nonNegative, type OptionsOf, optionTable } from "../../options.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";
import { type FairGradOptions, fairGrad, fairGradOptions } from "./fair-grad.js";

export interface ConsMtlOptions extends FairGradOptions, OptionsOf<typeof consMtlOptions> {}

export const consMtlOptions = optionTable("consMtl", {
  /** Weight of the agreement; default 1. */
  lambda: nonNegative.default(1),
  /** The largest norm of what a head gets besides its own gradient, relative to that; default 0.1. */
  headLimit: nonNegative.default(0.1),
  ...fairGradOptions.rows,
});

/**
 * ConsMTL: FairGrad in the shared parameters, and heads that are trained to send agreeing gradients into the representation z.
 *
 * w and d as of {@link fairGrad}; head k steps along grad L_k + c_k grad(-lambda <dL_k/dz, D>), D = sum_j x_j dL_j/dz as a constant with the
 * solution x of FairGrad's equation, whatever `scale` says,
 * c_k = min(1, headLimit ||grad L_k|| / ||grad(...)||)
 *
 * The second gradient is exact, through the heads alone. The trainer's option `representation` gives z: one tensor for all tasks, or
 * one of the same shape for each. Degenerate gradients are those of FairGrad.
 *
 * @throws OptionError; from the trainer without `representation`; ShapeError for representations of different shapes; NumericalError for a loss
 *   or gradient that is not finite, naming its task
 *
 * @example
 * const gramian = ndarray(Float64Array.of(18, -22, -22, 38), [2, 2]);
 * const input = { losses: Float64Array.of(2, 0.5), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * consMtl({ scale: "mean" }).combine(input, null).weights; // 0.4714, 0.3195
 */
export function consMtl(options: ConsMtlOptions = {}): MultiTaskMethod<null> {
  const { lambda, headLimit, ...shared } = consMtlOptions.read(options);
  return checkedMethod({
    ...fairGrad(shared),
    name: "consMtl",
    headAlignment: { lambda, limit: headLimit, reduction: shared.scale === "sum" ? "mean" : "sum" },
  });
}
