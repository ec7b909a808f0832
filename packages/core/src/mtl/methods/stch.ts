// X. Lin et al., "Smooth Tchebycheff scalarization for multi-objective optimization", ICML 2024, equation 6.
import { integerFrom, positive } from "../../option-kinds.js";
import { type OptionRows, optionTable } from "../../options.js";
import { checkedMethod } from "../checked-method.js";
import { softmax } from "../kernels/softmax.js";
import type { MultiTaskMethod } from "../method.js";
import { inverseLoss, noteOfZeros } from "./scale-invariant.js";

export interface StchOptions {
  /** Smoothing mu: as it approaches 0, only the worst task counts; default 1. */
  readonly mu?: number | undefined;
  /** The epoch, from 0, whose mean losses become the nadir; default 4. */
  readonly warmupEpoch?: number | undefined;
}

export const stchOptions = optionTable("stch", {
  mu: positive.default(1),
  warmupEpoch: integerFrom(0).default(4),
} satisfies OptionRows<StchOptions>);

export interface StchState {
  /** Number of finished epochs. */
  readonly epochs: number;
  /** n, [K]; null in the warm-up. */
  readonly nadir: Float64Array | null;
}

const tiny = 1e-20;

/**
 * Smooth Tchebycheff scalarization of the logarithms of the losses relative to those of an early epoch, the nadir n.
 *
 * K mu log sum_k exp(y_k / mu), y_k = log(L_k / n_k + 1e-20), so w_k = K softmax(y / mu)_k / (L_k + 1e-20 n_k)
 * until the end of epoch `warmupEpoch`: sum_k log L_k, so w_k = 1 / L_k
 *
 * A loss of 0 has weight 0 and a note; a nadir of 0 counts as 1e-20. Zero gradients need no special case. Without calls
 * of `endEpoch` the warm-up does not end. K = 1: weight 1 / L.
 *
 * @throws OptionError; NumericalError for a loss that is negative or not finite, naming its task
 *
 * @example
 * const method = stch({ warmupEpoch: 0 });
 * const state = method.endEpoch?.(Float64Array.of(2, 1), method.init(2)) ?? method.init(2);
 * const input = { losses: Float64Array.of(1, 0.5), step: 0, epoch: 1, rng: createRng(0) };
 * method.combine(input, state).weights; // 1, 2
 */
export function stch(options: StchOptions = {}): MultiTaskMethod<StchState> {
  const { mu, warmupEpoch } = stchOptions.read(options);
  return checkedMethod<StchState>(
    {
      name: "stch",
      needs: "losses",
      headGradient: "weighted",
      init: () => ({ epochs: 0, nadir: null }),
      combine({ losses }, state) {
        const inverse = losses.map(inverseLoss);
        const note = noteOfZeros(losses);
        if (state.nadir === null) return { weights: inverse, state, ...note };
        const n = state.nadir.map((x) => Math.max(x, tiny));
        const share = softmax(losses.map((loss, k) => Math.log(loss / n[k] + tiny) / mu));
        const weights = losses.map((loss, k) =>
          inverse[k] > 0 ? (losses.length * share[k]) / (loss + tiny * n[k]) : 0,
        );
        return { weights, state, ...note };
      },
      endEpoch: (meanLosses, { epochs, nadir }) => ({
        epochs: epochs + 1,
        nadir: epochs === warmupEpoch ? meanLosses.slice() : nadir,
      }),
    },
    { losses: "non-negative" },
  );
}
