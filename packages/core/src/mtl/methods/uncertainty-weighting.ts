// A. Kendall, Y. Gal, R. Cipolla, "Multi-task learning using uncertainty to weigh losses for scene geometry and
// semantics", CVPR 2018, equation 10 with s = log sigma^2.
import { type OptionsOf, optionTable } from "../../options.js";
import { adamOnHost, type HostAdamState, startAdam } from "../kernels/adam-on-host.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";
import { imtlLOptions } from "./imtl-l.js";

export interface UncertaintyWeightingOptions extends OptionsOf<typeof uncertaintyWeightingOptions> {}

export const uncertaintyWeightingOptions = optionTable("uncertaintyWeighting", imtlLOptions.rows);

export interface UncertaintyWeightingState {
  /** s_k = log sigma_k^2, [K]. */
  readonly s: Float64Array;
  readonly adam: HostAdamState;
}

/**
 * Uncertainty weighting: every task has a trained variance sigma_k^2, s_k = log sigma_k^2, and noisy tasks count less.
 *
 * 1/2 sum_k (exp(-s_k) L_k + s_k), so w_k = exp(-s_k) / 2;  dL/ds_k = (1 - exp(-s_k) L_k) / 2
 *
 * s takes a step of Adam after each step, with the gradient from the losses before it. For L_k <= 0 there is no best s_k:
 * its weight grows without bound, exp(0.025) a step. Gradients do not matter; K = 1 needs no special case.
 *
 * @throws OptionError; NumericalError for a loss that is not finite, naming its task
 *
 * @example
 * const method = uncertaintyWeighting();
 * const input = { losses: Float64Array.of(2, 0.5), step: 0, epoch: 0, rng: createRng(0) };
 * const { weights, state } = method.combine(input, method.init(2)); // 0.5, 0.5
 * state.s; // 0.025, -0.025
 */
export function uncertaintyWeighting(
  options: UncertaintyWeightingOptions = {},
): MultiTaskMethod<UncertaintyWeightingState> {
  const { learningRate, initial } = uncertaintyWeightingOptions.read(options);
  return checkedMethod<UncertaintyWeightingState>({
    name: "uncertainty-weighting",
    needs: "losses",
    headGradient: "weighted",
    init: (tasks) => ({ s: new Float64Array(tasks).fill(initial), adam: startAdam(tasks) }),
    combine({ losses }, { s, adam: before }) {
      const gradient = s.map((value, k) => (1 - Math.exp(-value) * losses[k]) / 2);
      const { params, adam } = adamOnHost(s, gradient, before, { learningRate });
      return { weights: s.map((value) => Math.exp(-value) / 2), state: { s: params, adam } };
    },
  });
}
