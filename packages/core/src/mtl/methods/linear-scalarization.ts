// The weighted sum of the losses: the baseline "LS" of A. Navon et al., "Multi-task learning as a bargaining game",
// ICML 2022, and "EW" of libraries.
import { listOf, nonNegative, type OptionsOf, oneOf, optionTable } from "../../options.js";
import { eachTask } from "../kernels/per-task.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";

export interface LinearScalarizationOptions extends OptionsOf<typeof linearScalarizationOptions> {}

export const linearScalarizationOptions = optionTable("linearScalarization", {
  /** `sum` (default) or `mean` of the weighted losses. */
  reduction: oneOf(["sum", "mean"]).default("sum"),
  /** Weight of each task, >= 0; default 1. */
  weights: listOf(nonNegative, { least: 1 }).otherwise("1 each"),
});

/**
 * Linear scalarization: one loss, the sum of all.
 *
 * sum_k w_k L_k, or that over K
 *
 * K = 1: the task alone. Zero or dependent gradients need no special case.
 *
 * @throws OptionError; NumericalError for a loss that is not finite, naming its task
 *
 * @example
 * const input = { losses: Float64Array.of(2, 0.5), step: 0, epoch: 0, rng: createRng(0) };
 * linearScalarization({ reduction: "mean" }).combine(input, null).weights; // 0.5, 0.5
 */
export function linearScalarization(options: LinearScalarizationOptions = {}): MultiTaskMethod<null> {
  const { reduction, weights } = linearScalarizationOptions.read(options);
  return statelessMethod({
    name: "linear-scalarization",
    needs: "losses",
    headGradient: "weighted",
    combine({ losses: { length: K } }) {
      const w = eachTask("linearScalarization: weights", weights ?? 1, K);
      return { weights: reduction === "mean" ? w.map((x) => x / K) : w };
    },
  });
}
