// J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods", JMLR 12, 2011, figure 1 with a diagonal matrix.

import { mapTree } from "../graph/autodiff.js";
import { add, div, mul } from "../graph/ops/arithmetic.js";
import { sqrt, square } from "../graph/ops/elementary.js";
import type { Tensor } from "../graph/tensor.js";
import { nonNegative } from "../option-kinds.js";
import { type OptionRows, optionTable } from "../options.js";
import {
  checkUpdate,
  descend,
  filledLike,
  type Optimizer,
  scalarOf,
  withDecay,
  zeroSteps,
} from "./optimizer.js";

export interface AdagradOptions {
  /** Added to the root; default 1e-10. */
  readonly epsilon?: number | undefined;
  /** delta: the rate falls as eta / (1 + delta t); default 0. */
  readonly rateDecay?: number | undefined;
  /** Initial value of s; default 0. */
  readonly initialSum?: number | undefined;
  /** lambda of an L2 penalty lambda/2 ||w||^2; default 0. */
  readonly weightDecay?: number | undefined;
}

export const adagradOptions = optionTable("adagrad", {
  epsilon: nonNegative.default(1e-10),
  rateDecay: nonNegative.default(0),
  initialSum: nonNegative.default(0),
  weightDecay: nonNegative.default(0),
} satisfies OptionRows<AdagradOptions>);

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
 * const optimizer = adagrad();
 * let params = array([3, -4], "float64");
 * let state = optimizer.init(params);
 * const step = await jit((p, s, rate) => {
 *   const [loss, gradients] = valueAndGrad((w) => sum(square(w)))(p);
 *   return { loss, ...optimizer.update(gradients, s, p, rate) };
 * }, [params, state, spec([], "float64")]);
 * for (let t = 0; t < 5; t++) {
 *   const result = await step(params, state, array(1, "float64"));
 *   ({ params, state } = result);
 *   console.log(item(result.loss).toFixed(3));
 * }
 * // 25.000 13.000 7.849 5.022 3.318
 */
export function adagrad(options: AdagradOptions = {}): Optimizer {
  const { epsilon, rateDecay, initialSum, weightDecay } = adagradOptions.read(options);
  return {
    name: "adagrad",
    moments: { sum: { power: 2, kind: "sum" } },
    init: (params) => ({
      ...(rateDecay > 0 ? { step: zeroSteps() } : {}),
      sum: filledLike(params, initialSum),
    }),
    update(gradients, state, params, learningRate) {
      checkUpdate("adagrad", params, learningRate, { gradients, sum: state.sum });
      const g = withDecay(gradients, params, weightDecay);
      const sum = mapTree((s, x) => add(s, square(x)), state.sum as typeof params, g);
      const direction = mapTree((x, s) => div(x, add(sqrt(s), epsilon)), g, sum);
      if (rateDecay === 0) return { params: descend(params, direction, learningRate), state: { sum } };
      const step = state.step as Tensor;
      const rate = div(scalarOf(learningRate, "float64"), add(1, mul(rateDecay, step)));
      return { params: descend(params, direction, rate), state: { step: add(step, 1), sum } };
    },
  };
}
