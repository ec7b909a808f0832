// X. Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, arXiv 2302.06675, program 1.
import { mapTree } from "../graph/autodiff.js";
import { add, mul } from "../graph/ops/arithmetic.js";
import { sign } from "../graph/ops/elementary.js";
import type { Tensor } from "../graph/tensor.js";
import { listOf, nonNegative, type OptionsOf, optionTable, smoothing } from "../options.js";
import { chain, type GradientTransform } from "./chain.js";
import { shrink } from "./decay.js";
import type { Optimizer } from "./optimizer.js";

/** Options of {@link signOfMean}. */
export interface SignOfMeanOptions extends OptionsOf<typeof signOfMeanOptions> {}

export interface LionOptions extends OptionsOf<typeof lionOptions> {}

export const lionOptions = optionTable("lion", {
  /** b1 and b2 in [0, 1): weight of the mean in a step, and its smoothing; default [0.9, 0.99]. */
  betas: listOf(smoothing, { length: 2 }).default([0.9, 0.99]),
  /** lambda, separate from the gradient; default 0. */
  weightDecay: nonNegative.default(0),
});

/**
 * Lion: steps of one size for every weight, in the sign of a running mean of gradients.
 *
 * w <- w - eta (sign(b1 m + (1 - b1) g) + lambda w)
 * m <- b2 m + (1 - b2) g
 *
 * eta: the learning rate, 3 to 10 times smaller than AdamW's; [b1, b2]: `betas`; lambda: `weightDecay`, 3 to 10 times larger.
 * State: `m`.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * const { loss } = await minimize(
 *   { loss: (w) => sum(square(w)), start: array([3, -4], "float64") },
 *   { optimizer: lion(), learningRate: 0.5, steps: 4 },
 * );
 * console.log(Array.from(loss, (l) => l.toFixed(3)).join(" "));
 * // 25.000 18.500 13.000 8.500 5.000
 */
export function lion(options: LionOptions = {}): Optimizer {
  const { weightDecay, ...settings } = lionOptions.read(options);
  return chain("lion", [shrink({ weightDecay }), signOfMean(settings)]);
}

const signOfMeanOptions = optionTable("signOfMean", {
  /** b1 and b2 in [0, 1): weight of the mean in a step, and its smoothing; default [0.9, 0.99]. */
  betas: lionOptions.rows.betas,
});

/**
 * A part of a {@link chain}: Lion's direction, sign(b1 m + (1 - b1) g). See {@link lion} for its options and state.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * chain("clipped Lion", [clip({ norm: 1 }), signOfMean()]).name; // clipped Lion
 */
export function signOfMean(options: SignOfMeanOptions = {}): GradientTransform {
  const {
    betas: [b1, b2],
  } = signOfMeanOptions.read(options);
  const mix = (b: number) => (m: Tensor, g: Tensor) => add(mul(b, m), mul(1 - b, g));
  return {
    name: "signOfMean",
    trees: { m: { moment: { power: 1, kind: "average" } } },
    keepsGradients: false,
    apply: (gradients, { trees }) => ({
      direction: mapTree((m, g) => sign(mix(b1)(m, g)), trees.m, gradients),
      trees: { m: mapTree(mix(b2), trees.m, gradients) },
    }),
  };
}
