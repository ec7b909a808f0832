// Y. Dai, N. Fei, Z. Lu, "Improvable gap balancing for multi-task learning", UAI 2023, section 3.2: IGBv1.

import { ratio } from "../kernels/ratio.js";
import { softmax } from "../kernels/simplex.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";
import { inverseLoss, noteOfZeros } from "./scale-invariant.js";

export interface IgbState {
  /** Mean losses of the first epoch, [K]; null before its end. */
  readonly first: Float64Array | null;
}

/**
 * IGBv1: more weight for tasks whose loss has fallen little since the first epoch, on the logarithms of the losses.
 *
 * sum_k a_k log L_k with a = K softmax(L / Lbar(1)), taken as constants, so w_k = a_k / L_k; a = 1 in the first epoch
 *
 * Lbar(1): mean losses of the first epoch. A loss of 0 has weight 0 and a note; a mean of 0 counts as L / Lbar = 1. Without calls of `endEpoch` a stays 1.
 * Zero gradients need no special case. K = 1: weight 1 / L.
 *
 * @throws NumericalError for a loss that is negative or not finite, naming its task
 *
 * @example
 * const method = igb();
 * const state = method.endEpoch?.(Float64Array.of(2, 1), method.init(2)) ?? method.init(2);
 * const input = { losses: Float64Array.of(1, 1), step: 0, epoch: 1, rng: createRng(0) };
 * method.combine(input, state).weights; // 0.755, 1.245
 */
export function igb(): MultiTaskMethod<IgbState> {
  return checkedMethod<IgbState>({
    name: "igb",
    needs: "losses",
    headGradient: "weighted",
    losses: "non-negative",
    init: () => ({ first: null }),
    combine({ losses }, state) {
      const { first } = state;
      const share = first ? softmax(losses.map((loss, k) => ratio(loss, first[k]))) : undefined;
      const weights = losses.map((loss, k) => inverseLoss(loss) * (share ? losses.length * share[k] : 1));
      return { weights, state, ...noteOfZeros(losses) };
    },
    endEpoch: (meanLosses, { first }) => ({ first: first ?? meanLosses.slice() }),
  });
}
