// M. Ruchte, J. Grabocka, "Scalable Pareto front approximation for deep multi-objective learning", ICDM 2021, equation 4.
import { listOf, nonNegative, type OptionsOf, optionTable, positive } from "../../options.js";
import { eachTask } from "../kernels/per-task.js";
import { drawSimplex } from "../kernels/simplex.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";

export interface CosmosOptions extends OptionsOf<typeof cosmosOptions> {}

export const cosmosOptions = optionTable("cosmos", {
  /** lambda: how much the direction of the losses counts beside their sum; default 1. The authors use 0.01 to 8. */
  lambda: nonNegative.default(1),
  /** r, one number > 0 a task; left out: drawn anew in each step, uniformly on the simplex. */
  preference: listOf(positive, { least: 1 }).otherwise("drawn in each step"),
});

/**
 * COSMOS: a weighted sum of the losses, and a vector of losses that points along the weights.
 *
 * sum_k r_k L_k - lambda cos(r, L), so w_k = r_k - lambda (r_k / (|r| |L|) - cos(r, L) L_k / |L|^2)
 *
 * With a drawn r, K numbers are taken from the step's `rng`. Losses that are all 0 have no cosine: w = r, with a note. Zero
 * gradients need no special case. K = 1: w = r, as the cosine is 1.
 *
 * @throws OptionError, also where `preference` is not one number a task; NumericalError for a loss that is not
 *   finite, naming its task
 *
 * @example
 * const input = { losses: Float64Array.of(3, 4), step: 0, epoch: 0, rng: createRng(0) };
 * cosmos({ preference: [1, 1] }).combine(input, null).weights; // 0.977, 1.017
 */
export function cosmos(options: CosmosOptions = {}): MultiTaskMethod<null> {
  const { lambda, preference } = cosmosOptions.read(options);
  return statelessMethod({
    name: "cosmos",
    needs: "losses",
    headGradient: "weighted",
    requireTasks: (tasks) => eachTask("cosmos: preference", preference ?? 1, tasks),
    combine({ losses, rng }) {
      const K = losses.length;
      const r = preference ? eachTask("cosmos: preference", preference, K) : drawSimplex(rng, K);
      const size = Math.hypot(...losses);
      if (size === 0) return { weights: r, note: "All losses are 0: the weights are the preference." };
      const length = Math.hypot(...r);
      const unit = losses.map((loss) => loss / size);
      const cosine = unit.reduce((sum, u, k) => sum + (u * r[k]) / length, 0);
      const weights = r.map((x, k) => x - (lambda * (x / length - cosine * unit[k])) / size);
      return { weights };
    },
  });
}
