// A. Navon et al., "Multi-task learning as a bargaining game", ICML 2022, section 5: the baseline "scale-invariant".
import { type MultiTaskMethod, statelessMethod } from "../method.js";

/**
 * Scale invariance: the sum of the logarithms of the losses, unchanged when a loss is multiplied by a constant.
 *
 * sum_k log L_k, so w_k = 1 / L_k
 *
 * A loss of 0 (or too small for 1 / L) has weight 0 and a note: a loss that is never negative has no gradient there.
 * Zero gradients and K = 1 need no special case.
 *
 * @throws NumericalError for a loss that is negative or not finite, naming its task
 *
 * @example
 * const input = { losses: Float64Array.of(2, 0.5), step: 0, epoch: 0, rng: createRng(0) };
 * scaleInvariant().combine(input, null).weights; // 0.5, 2
 */
export function scaleInvariant(): MultiTaskMethod<null> {
  return statelessMethod({
    name: "scale-invariant",
    needs: "losses",
    headGradient: "weighted",
    losses: "non-negative",
    combine: ({ losses }) => ({ weights: losses.map(inverseLoss), ...noteOfZeros(losses) }),
  });
}

/** d log L / d L; 0 where L is 0, as the gradient of L is 0 there. */
export function inverseLoss(loss: number): number {
  const inverse = 1 / loss;
  return Number.isFinite(inverse) ? inverse : 0;
}

/** The note on zero losses for a method that takes logarithms. */
export function noteOfZeros(losses: Float64Array): { readonly note?: string | undefined } {
  const zeros = [...losses.keys()].filter((k) => inverseLoss(losses[k]) === 0);
  return zeros.length > 0 ? { note: `Loss 0, so weight 0: task ${zeros.join(", ")}.` } : {};
}
