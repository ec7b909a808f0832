// L. Liu et al., "Towards impartial multi-task learning", ICLR 2021, section 3.2, equation 10: IMTL-L.
import { finite, type OptionsOf, optionTable, positive } from "../../options.js";
import { adamOnHost, type HostAdamState, startAdam } from "../kernels/adam-on-host.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";

export interface ImtlLOptions extends OptionsOf<typeof imtlLOptions> {}

export const imtlLOptions = optionTable("imtlL", {
  /** Learning rate of Adam for s; default 0.025. */
  learningRate: positive.default(0.025),
  /** s before the first step; default 0. */
  initial: finite.default(0),
});

export interface ImtlLState {
  /** Logarithms of the losses' scales, [K]. */
  readonly s: Float64Array;
  readonly adam: HostAdamState;
}

/**
 * IMTL-L: every loss has a trained scale exp(s_k) that brings it to 1.
 *
 * sum_k (exp(s_k) L_k - s_k), so w_k = exp(s_k);  dL/ds_k = exp(s_k) L_k - 1
 *
 * s takes a step of Adam after each step, with the gradient from the losses before it. For L_k <= 0 there is no best s_k:
 * its weight grows without bound, exp(0.025) a step. Gradients do not matter; K = 1 needs no special case.
 *
 * @throws OptionError; NumericalError for a loss that is not finite, naming its task
 *
 * @example
 * const method = imtlL();
 * const input = { losses: Float64Array.of(2, 0.5), step: 0, epoch: 0, rng: createRng(0) };
 * const { weights, state } = method.combine(input, method.init(2)); // 1, 1
 * state.s; // -0.025, 0.025
 */
export function imtlL(options: ImtlLOptions = {}): MultiTaskMethod<ImtlLState> {
  const { learningRate, initial } = imtlLOptions.read(options);
  return checkedMethod({
    name: "imtl-l",
    needs: "losses",
    headGradient: "weighted",
    init: (tasks) => startScales(tasks, initial),
    combine: ({ losses }, state) => ({
      weights: state.s.map(Math.exp),
      state: trainScales(losses, state, learningRate),
    }),
  });
}

/** The state of K equal scales exp(initial). */
export const startScales = (tasks: number, initial: number): ImtlLState => ({
  s: new Float64Array(tasks).fill(initial),
  adam: startAdam(tasks),
});

/** The scales after a step of Adam on sum_k (exp(s_k) L_k - s_k). */
export function trainScales(
  losses: Float64Array,
  { s, adam: before }: ImtlLState,
  learningRate: number,
): ImtlLState {
  const gradient = s.map((value, k) => Math.exp(value) * losses[k] - 1);
  const { params, adam } = adamOnHost(s, gradient, before, { learningRate });
  return { s: params, adam };
}
