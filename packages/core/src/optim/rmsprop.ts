// T. Tieleman, G. Hinton, Coursera lecture 6e, 2012; centered and with momentum: A. Graves, arXiv 1308.0850, eqs. 38-45.

import { mapTree } from "../graph/autodiff.js";
import { add, div, maximum, mul, sub } from "../graph/ops/arithmetic.js";
import { sqrt, square } from "../graph/ops/elementary.js";
import type { Tensor } from "../graph/tensor.js";
import { flag, nonNegative, type OptionsOf, optionTable, smoothing } from "../options.js";
import { chain, type GradientTransform } from "./chain.js";
import { penalty } from "./decay.js";
import type { Optimizer } from "./optimizer.js";
import { velocity } from "./sgd.js";

/** Options of {@link scaleByRms}. */
export interface RmsScalingOptions extends OptionsOf<typeof scaleByRmsOptions> {}

export interface RmspropOptions extends OptionsOf<typeof rmspropOptions> {}

export const rmspropOptions = optionTable("rmsprop", {
  /** alpha in [0, 1): smoothing of the squares (and, centered, of the gradients); default 0.99. */
  decay: smoothing.default(0.99),
  /** Added to the root; default 1e-8. */
  epsilon: nonNegative.default(1e-8),
  /** mu in [0, 1); default 0. */
  momentum: smoothing.default(0),
  /** Divides by the running standard deviation instead of the root mean square; default false. */
  centered: flag.default(false),
  /** lambda of an L2 penalty lambda/2 ||w||^2; default 0. */
  weightDecay: nonNegative.default(0),
});

/**
 * RMSprop: gradients divided by their running root mean square.
 *
 * g <- g + lambda w
 * s <- alpha s + (1 - alpha) g^2
 * d = g / (sqrt(s) + epsilon); with `centered` a <- alpha a + (1 - alpha) g, and s - a^2 replaces s
 * w <- w - eta d; with momentum b <- mu b + d and w <- w - eta b
 *
 * eta: the learning rate; lambda: `weightDecay`; alpha: `decay`; mu: `momentum`.
 * State: `square` (s); with `centered` `mean` (a); with momentum `velocity` (b).
 * As in PyTorch epsilon is added to the root; Graves, and TensorFlow, add it under the root.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * const { loss } = await minimize(
 *   { loss: (w) => sum(square(w)), start: array([3, -4], "float64") },
 *   { optimizer: rmsprop({ decay: 0.9 }), learningRate: 0.3, steps: 4 },
 * );
 * console.log(Array.from(loss, (l) => l.toFixed(3)).join(" "));
 * // 25.000 13.518 8.276 5.272 3.409
 */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  const { momentum, weightDecay, ...settings } = rmspropOptions.read(options);
  return chain("rmsprop", [
    penalty({ weightDecay }),
    scaleByRms(settings),
    ...(momentum > 0 ? [velocity({ momentum })] : []),
  ]);
}

const { momentum: _, weightDecay: __, ...scalingRows } = rmspropOptions.rows;

const scaleByRmsOptions = optionTable("scaleByRms", scalingRows);

/**
 * A part of a {@link chain}: RMSprop's scaling, g / (sqrt(s) + epsilon). See {@link rmsprop} for its options and state.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * chain("RMSprop with Nesterov", [scaleByRms(), velocity({ nesterov: true })]).name; // RMSprop with Nesterov
 */
export function scaleByRms(options: RmsScalingOptions = {}): GradientTransform {
  const { decay, epsilon, centered } = scaleByRmsOptions.read(options);
  const average = (past: Tensor, x: Tensor) => add(mul(decay, past), mul(1 - decay, x));
  return {
    name: "scaleByRms",
    trees: {
      square: { moment: { power: 2, kind: "average" } },
      ...(centered ? { mean: { moment: { power: 1, kind: "center" } } } : {}),
    },
    keepsGradients: false,
    apply(gradients, { trees }) {
      const s = mapTree((past, g) => average(past, square(g)), trees.square, gradients);
      const a = centered ? mapTree(average, trees.mean, gradients) : undefined;
      // A variance near zero may round to a negative number.
      const spread = a ? mapTree((x, m) => maximum(sub(x, square(m)), 0), s, a) : s;
      return {
        direction: mapTree((g, v) => div(g, add(sqrt(v), epsilon)), gradients, spread),
        trees: { square: s, ...(a ? { mean: a } : {}) },
      };
    },
  };
}
