// X. Lin et al., "Smooth Tchebycheff scalarization for multi-objective optimization", ICML 2024, equation 6.
import {
  finite,
  integerFrom,
  listOf,
  type OptionsOf,
  oneOf,
  oneOrEach,
  optionTable,
  positive,
  refuseGiven,
} from "../../options.js";
import { eachTask } from "../kernels/per-task.js";
import { softmax } from "../kernels/simplex.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";
import { inverseLoss, noteOfZeros } from "./scale-invariant.js";

export interface StchOptions extends OptionsOf<typeof stchOptions> {}

export const stchOptions = optionTable("stch", {
  /** `nadir` (default): as in the authors' runs of several tasks; `published`: the paper's equation, on the losses themselves. */
  variant: oneOf(["nadir", "published"]).default("nadir"),
  /** Smoothing mu: as it approaches 0, only the worst task counts; default 1. */
  mu: positive.default(1),
  /** With `nadir`: the epoch, from 0, whose mean losses become it; default 4. */
  warmupEpoch: integerFrom(0).default(4),
  /** lambda of `published`, one number > 0 a task; default 1 / K. */
  preference: listOf(positive, { least: 1 }).otherwise("1 / K each"),
  /** z of `published`: the best losses that are thinkable; one for all, or one per task; default 0. */
  reference: oneOrEach(finite).default(0),
});

export interface StchState {
  /** Number of finished epochs. */
  readonly epochs: number;
  /** n, [K]; null in the warm-up. */
  readonly nadir: Float64Array | null;
}

const tiny = 1e-20;

/**
 * Smooth Tchebycheff scalarization: the worst loss, smoothed; by default of the logarithms of the losses relative to those of
 * an early epoch, the nadir n.
 *
 * K mu log sum_k exp(y_k / mu), y_k = log(L_k / n_k + 1e-20), so w_k = K softmax(y / mu)_k / (L_k + 1e-20 n_k)
 * until the end of epoch `warmupEpoch`: sum_k log L_k, so w_k = 1 / L_k
 * `published`: mu log sum_k exp(lambda_k (L_k - z_k) / mu), so w_k = lambda_k softmax(lambda (L - z) / mu)_k
 *
 * With `nadir`, a loss of 0 has weight 0 and a note; a nadir of 0 counts as 1e-20. Zero gradients need no special case. Without calls
 * of `endEpoch` the warm-up does not end. K = 1: weight 1 / L; with `published` lambda.
 *
 * @throws OptionError, also for an option of the other variant, and where `preference` or `reference` is not one number a task; NumericalError for a loss that is not
 *   finite or, with `nadir`, negative, naming its task
 *
 * @example
 * const method = stch({ warmupEpoch: 0 });
 * const state = method.endEpoch?.(Float64Array.of(2, 1), method.init(2)) ?? method.init(2);
 * const input = { losses: Float64Array.of(1, 0.5), step: 0, epoch: 1, rng: createRng(0) };
 * method.combine(input, state).weights; // 1, 2
 */
export function stch(options: StchOptions = {}): MultiTaskMethod<StchState> {
  const { variant, mu, warmupEpoch, preference, reference } = stchOptions.read(options);
  if (variant === "published") {
    refuseGiven("stch", options, ["warmupEpoch"], 'is for variant "nadir"; this is "published"');
    return published(mu, preference, reference);
  }
  refuseGiven("stch", options, ["preference", "reference"], 'is for variant "published"; this is "nadir"');
  return checkedMethod<StchState>({
    name: "stch",
    needs: "losses",
    headGradient: "weighted",
    losses: "non-negative",
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
  });
}

function published(
  mu: number,
  preference: readonly number[] | undefined,
  reference: number | readonly number[],
): MultiTaskMethod<StchState> {
  const read = (tasks: number) => ({
    lambda: eachTask("stch: preference", preference ?? 1 / tasks, tasks),
    z: eachTask("stch: reference", reference, tasks),
  });
  return checkedMethod<StchState>({
    name: "stch",
    needs: "losses",
    headGradient: "weighted",
    init(tasks) {
      read(tasks);
      return { epochs: 0, nadir: null };
    },
    combine({ losses }, state) {
      const { lambda, z } = read(losses.length);
      const share = softmax(losses.map((loss, k) => (lambda[k] * (loss - z[k])) / mu));
      return { weights: lambda.map((x, k) => x * share[k]), state };
    },
  });
}
