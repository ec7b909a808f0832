// J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods", JMLR 12, 2011, figure 1 with a diagonal matrix.

import { mapTree } from "../graph/autodiff.js";
import { add, div, mul } from "../graph/ops/arithmetic.js";
import { sqrt, square } from "../graph/ops/elementary.js";
import { nonNegative, type OptionsOf, optionTable } from "../options.js";
import { chain, type GradientTransform } from "./chain.js";
import { penalty } from "./decay.js";
import type { Optimizer } from "./optimizer.js";

/** Options of {@link scaleBySquares}. */
export interface SquaresScalingOptions extends OptionsOf<typeof scaleBySquaresOptions> {}

export interface AdagradOptions extends OptionsOf<typeof adagradOptions> {}

export const adagradOptions = optionTable("adagrad", {
  /** Added to the root; default 1e-10. */
  epsilon: nonNegative.default(1e-10),
  /** delta: the rate falls as eta / (1 + delta t); default 0. */
  rateDecay: nonNegative.default(0),
  /** Initial value of s; default 0. */
  initialSum: nonNegative.default(0),
  /** lambda of an L2 penalty lambda/2 ||w||^2; default 0. */
  weightDecay: nonNegative.default(0),
});

/**
 * AdaGrad: the rate of each weight falls with the squares of its gradients so far.
 *
 * g <- g + lambda w
 * s <- s + g^2
 * w <- w - eta / (1 + delta t) g / (sqrt(s) + epsilon), t = 0, 1, ...
 *
 * eta: the learning rate; lambda: `weightDecay`; delta: `rateDecay`; s starts at `initialSum`.
 * State: `sum` (s), and with `rateDecay` `step` (t).
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * const { loss } = await minimize(
 *   { loss: (w) => sum(square(w)), start: array([3, -4], "float64") },
 *   { optimizer: adagrad(), learningRate: 1, steps: 4 },
 * );
 * console.log(Array.from(loss, (l) => l.toFixed(3)).join(" "));
 * // 25.000 13.000 7.849 5.022 3.318
 */
export function adagrad(options: AdagradOptions = {}): Optimizer {
  const { weightDecay, ...settings } = adagradOptions.read(options);
  return chain("adagrad", [penalty({ weightDecay }), scaleBySquares(settings)]);
}

const { weightDecay: _, ...scalingRows } = adagradOptions.rows;

const scaleBySquaresOptions = optionTable("scaleBySquares", scalingRows);

/**
 * A part of a {@link chain}: AdaGrad's scaling, g / (1 + delta t) / (sqrt(s) + epsilon) with s the sum of all g^2. See
 * {@link adagrad} for its options and state.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * chain("AdaGrad with momentum", [scaleBySquares(), velocity()]).name; // AdaGrad with momentum
 */
export function scaleBySquares(options: SquaresScalingOptions = {}): GradientTransform {
  const { epsilon, rateDecay, initialSum } = scaleBySquaresOptions.read(options);
  return {
    name: "scaleBySquares",
    trees: { sum: { first: initialSum, moment: { power: 2, kind: "sum" } } },
    ...(rateDecay > 0 ? { scalars: { step: 0 } } : {}),
    keepsGradients: false,
    apply(gradients, { trees, scalars: { step } }) {
      const sum = mapTree((s, g) => add(s, square(g)), trees.sum, gradients);
      const direction = mapTree((g, s) => div(g, add(sqrt(s), epsilon)), gradients, sum);
      if (step === undefined) return { direction, trees: { sum } };
      const factor = div(1, add(1, mul(rateDecay, step)));
      return { direction, factor, trees: { sum }, scalars: { step: add(step, 1) } };
    },
  };
}
