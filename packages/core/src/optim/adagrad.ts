// J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR 2011.
import { mapTree } from "../graph/autodiff.js";
import { add, div, mul, sub } from "../graph/ops/arithmetic.js";
import { sqrt, square } from "../graph/ops/elementary.js";
import type { Tensor } from "../graph/tensor.js";
import { checkOptions, filledLike, type Optimizer, scalarLike, withDecay, zeroSteps } from "./optimizer.js";

export interface AdagradOptions {
  /** Default 1e-10. */
  readonly epsilon?: number;
  /** delta: the rate falls as eta / (1 + delta t); default 0. */
  readonly rateDecay?: number;
  /** Start of the sum of squares; default 0. */
  readonly initialSum?: number;
  readonly weightDecay?: number;
}

/**
 * AdaGrad: each weight's rate falls with the squares of its gradients so far.
 *
 * g <- g + lambda w;  s <- s + g^2;  w <- w - eta / (1 + delta t) g / (sqrt(s) + epsilon),  t = 0, 1, ...
 *
 * @example
 * const optimizer = adagrad({ epsilon: 1e-10 });
 */
export function adagrad({
  epsilon = 1e-10,
  rateDecay = 0,
  initialSum = 0,
  weightDecay = 0,
}: AdagradOptions = {}): Optimizer {
  checkOptions("adagrad", {
    epsilon: [epsilon, 0, Infinity],
    rateDecay: [rateDecay, 0, Infinity],
    initialSum: [initialSum, 0, Infinity],
    weightDecay: [weightDecay, 0, Infinity],
  });
  return {
    name: "adagrad",
    moments: { sum: 2 },
    init: (params) => ({
      ...(rateDecay > 0 ? { step: zeroSteps() } : {}),
      sum: filledLike(params, initialSum),
    }),
    update(gradients, state, params, learningRate) {
      const g = withDecay(gradients, params, weightDecay);
      const step = state.step as Tensor | undefined;
      const slower = step && scalarLike(add(1, mul(rateDecay, step)), learningRate);
      const rate = slower ? div(learningRate, slower) : learningRate;
      const sum = mapTree((s, x) => add(s, square(x)), state.sum as typeof params, g);
      return {
        params: mapTree((w, x, s) => sub(w, mul(rate, div(x, add(sqrt(s), epsilon)))), params, g, sum),
        state: { ...(step ? { step: add(step, 1) } : {}), sum },
      };
    },
  };
}
