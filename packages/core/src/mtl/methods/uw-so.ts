// L. Kirchdorfer et al., "Analytical uncertainty-based loss weighting in multi-task learning", 2024, section 3: UW-SO.
import { type OptionsOf, optionTable, positive } from "../../options.js";
import { softmax } from "../kernels/simplex.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";

export interface UwSoOptions extends OptionsOf<typeof uwSoOptions> {}

export const uwSoOptions = optionTable("uwSo", {
  /** T: large for equal weights; default 1. */
  temperature: positive.default(1),
});

/** Above it, 1 / L takes all the weight at any temperature of use. */
const largest = 1e300;

/**
 * UW-SO: the uncertainties of uncertainty weighting at their optimum for each step, 1 / L_k, through a softmax.
 *
 * w = softmax((1 / L) / T)
 *
 * Losses of 0 share the weight. Zero gradients need no special case. K = 1: weight 1.
 *
 * @throws OptionError; NumericalError for a loss that is negative or not finite, naming its task
 *
 * @example
 * const input = { losses: Float64Array.of(1, 0.5), step: 0, epoch: 0, rng: createRng(0) };
 * uwSo().combine(input, null).weights; // 0.269, 0.731
 */
export function uwSo(options: UwSoOptions = {}): MultiTaskMethod<null> {
  const { temperature } = uwSoOptions.read(options);
  return statelessMethod({
    name: "uwSo",
    needs: "losses",
    headGradient: "weighted",
    losses: "non-negative",
    combine: ({ losses }) => ({
      weights: softmax(losses.map((loss) => Math.min(largest, 1 / loss / temperature))),
    }),
  });
}
