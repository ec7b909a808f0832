// H. Fernando et al., "Mitigating gradient bias in multi-objective learning: a provably convergent approach", ICLR 2023,
// algorithm 1.

import type { NdArray } from "../../array.js";
import { nonNegative, type OptionsOf, optionTable } from "../../options.js";
import { blockGramian, rowNorms, rowsLike, weightedRows } from "../kernels/jacobian-rows.js";
import { softmax } from "../kernels/simplex.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";

export interface MocoOptions extends OptionsOf<typeof mocoOptions> {}

export const mocoOptions = optionTable("moco", {
  /** Step of the tracked gradients, divided by t^betaSigma at step t; default 0.5. */
  beta: nonNegative.default(0.5),
  /** Default 0.5. */
  betaSigma: nonNegative.default(0.5),
  /** Step of lambda, divided by t^gammaSigma at step t; default 0.1. */
  gamma: nonNegative.default(0.1),
  /** Default 0.5. */
  gammaSigma: nonNegative.default(0.5),
  /** Regularization of lambda; default 0. */
  rho: nonNegative.default(0),
});

export interface MocoState {
  /** Steps done. */
  readonly step: number;
  /** Y, [K * P] row by row; null before the first step. */
  readonly y: Float64Array | null;
  /** Weights of Y's rows, [K]. */
  readonly lambda: Float64Array;
}

/**
 * MoCo: tracks gradients over the steps, to reduce the bias from solving with noisy ones, and adapts the
 * weights slowly.
 *
 * g_k <- L_k g_k / (||g_k|| + 1e-8), Y <- Y - beta / t^betaSigma (Y - g)
 * lambda <- softmax(lambda - gamma / t^gammaSigma (Y Y' + rho I) lambda), d = Y' lambda
 *
 * Y = 0 and lambda = 1/K at first, t = 1, 2, ... The paper projects lambda to the simplex; this is the softmax of the
 * implementation that the published comparisons used. A zero gradient adds nothing; all zero: d = 0. K = 1: lambda = 1.
 * The state holds K P numbers.
 *
 * @throws OptionError; NumericalError for a loss that is negative or a number that is not finite, naming its task;
 *   ShapeError when P does not fit the state
 *
 * @example
 * const method = moco();
 * const jacobian = array([[3, 0], [0, 1]], "float64") as NdArray<Float64Array>;
 * const input = { losses: Float64Array.of(1, 1), jacobian, step: 0, epoch: 0, rng: createRng(0) };
 * method.combine(input, method.init(2)).direction; // 0.25, 0.25
 */
export function moco(options: MocoOptions = {}): MultiTaskMethod<MocoState> {
  const { beta, betaSigma, gamma, gammaSigma, rho } = mocoOptions.read(options);
  return checkedMethod<MocoState>({
    name: "moco",
    needs: "jacobian",
    headGradient: "unweighted",
    losses: "non-negative",
    init: (tasks) => ({ step: 0, y: null, lambda: new Float64Array(tasks).fill(1 / tasks) }),
    combine({ losses, jacobian }, state) {
      const j = jacobian as NdArray<Float64Array>;
      const step = state.step + 1;
      const [track, follow] = [beta / step ** betaSigma, gamma / step ** gammaSigma];
      const norms = rowNorms(j);
      const scale = losses.map((loss, k) => loss / (norms[k] + 1e-8));
      const y = rowsLike("moco", j.shape, state.y);
      y.forEach((past, i) => {
        y[i] = past - track * (past - scale[Math.floor(i / j.shape[1])] * j.data[i]);
      });
      const tracked = { shape: j.shape, data: y };
      const slope = weightedRows(blockGramian(tracked), state.lambda);
      const lambda = softmax(state.lambda.map((l, k) => l - follow * (slope[k] + rho * l)));
      return { direction: weightedRows(tracked, lambda), state: { step, y, lambda } };
    },
  });
}
