// T. Tieleman, G. Hinton, Coursera lecture 6e, 2012; centered and with momentum: A. Graves, arXiv 1308.0850, eqs. 38-45.

import { mapTree } from "../graph/autodiff.js";
import { add, div, maximum, mul, sub } from "../graph/ops/arithmetic.js";
import { sqrt, square } from "../graph/ops/elementary.js";
import type { Tensor } from "../graph/tensor.js";
import { flag, nonNegative, smoothing } from "../option-kinds.js";
import { type OptionRows, optionTable } from "../options.js";
import { checkUpdate, descend, filledLike, type Optimizer, withDecay } from "./optimizer.js";

export interface RmspropOptions {
  /** alpha in [0, 1): smoothing of the squares (and, centered, of the gradients); default 0.99. */
  readonly decay?: number | undefined;
  /** Added to the root; default 1e-8. */
  readonly epsilon?: number | undefined;
  /** mu in [0, 1); default 0. */
  readonly momentum?: number | undefined;
  /** Divides by the running standard deviation instead of the root mean square; default false. */
  readonly centered?: boolean | undefined;
  /** lambda of an L2 penalty lambda/2 ||w||^2; default 0. */
  readonly weightDecay?: number | undefined;
}

export const rmspropOptions = optionTable("rmsprop", {
  decay: smoothing.default(0.99),
  epsilon: nonNegative.default(1e-8),
  momentum: smoothing.default(0),
  centered: flag.default(false),
  weightDecay: nonNegative.default(0),
} satisfies OptionRows<RmspropOptions>);

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
 * const optimizer = rmsprop({ decay: 0.9 });
 * let params = array([3, -4], "float64");
 * let state = optimizer.init(params);
 * const step = await jit((p, s, rate) => {
 *   const [loss, gradients] = valueAndGrad((w) => sum(square(w)))(p);
 *   return { loss, ...optimizer.update(gradients, s, p, rate) };
 * }, [params, state, spec([], "float64")]);
 * for (let t = 0; t < 5; t++) {
 *   const result = await step(params, state, array(0.3, "float64"));
 *   ({ params, state } = result);
 *   console.log(item(result.loss).toFixed(3));
 * }
 * // 25.000 13.518 8.276 5.272 3.409
 */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  const { decay, epsilon, momentum, centered, weightDecay } = rmspropOptions.read(options);
  return {
    name: "rmsprop",
    moments: {
      square: { power: 2, kind: "average" },
      ...(centered ? { mean: { power: 1, kind: "center" } as const } : {}),
    },
    init: (params) => ({
      square: filledLike(params),
      ...(centered ? { mean: filledLike(params) } : {}),
      ...(momentum > 0 ? { velocity: filledLike(params) } : {}),
    }),
    update(gradients, state, params, learningRate) {
      type P = typeof params;
      checkUpdate("rmsprop", params, learningRate, {
        gradients,
        square: state.square,
        ...(centered ? { mean: state.mean } : {}),
        ...(momentum > 0 ? { velocity: state.velocity } : {}),
      });
      const g = withDecay(gradients, params, weightDecay);
      const average = (past: Tensor, x: Tensor) => add(mul(decay, past), mul(1 - decay, x));
      const s = mapTree((past, x) => average(past, square(x)), state.square as P, g);
      const a = centered ? mapTree(average, state.mean as P, g) : undefined;
      // A variance near zero may round to a negative number.
      const spread = a ? mapTree((x, m) => maximum(sub(x, square(m)), 0), s, a) : s;
      const d = mapTree((x, v) => div(x, add(sqrt(v), epsilon)), g, spread);
      const b =
        momentum > 0 ? mapTree((past, x) => add(mul(momentum, past), x), state.velocity as P, d) : undefined;
      return {
        params: descend(params, b ?? d, learningRate),
        state: { square: s, ...(a ? { mean: a } : {}), ...(b ? { velocity: b } : {}) },
      };
    },
  };
}
