// B. Lin, F. Ye, Y. Zhang, I. Tsang, "Reasonable effectiveness of random weighting: a litmus test for multi-task
// learning", TMLR 2022, section 3.
import { type OptionsOf, oneOf, optionTable } from "../../options.js";
import { drawSimplex, softmax } from "../kernels/simplex.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";

export interface RandomLossWeightingOptions extends OptionsOf<typeof randomLossWeightingOptions> {}

export const randomLossWeightingOptions = optionTable("randomLossWeighting", {
  /** `normal`: softmax of standard normal numbers; `dirichlet`: uniform on the simplex. Default `normal`. */
  distribution: oneOf(["normal", "dirichlet"]).default("normal"),
});

/**
 * Random loss weighting: new random weights with sum 1 at every step.
 *
 * w = softmax(z), z ~ N(0, I_K); or w ~ Dirichlet(1, ..., 1)
 *
 * Takes K numbers from the step's `rng`. Losses and gradients do not matter; K = 1: weight 1.
 *
 * @throws OptionError; NumericalError for a loss that is not finite, naming its task
 *
 * @example
 * const input = { losses: Float64Array.of(2, 0.5), step: 0, epoch: 0, rng: createRng(0) };
 * const { weights } = randomLossWeighting().combine(input, null); // two numbers in (0, 1) with sum 1
 */
export function randomLossWeighting(options: RandomLossWeightingOptions = {}): MultiTaskMethod<null> {
  const { distribution } = randomLossWeightingOptions.read(options);
  return statelessMethod({
    name: "random-loss-weighting",
    needs: "losses",
    headGradient: "weighted",
    combine({ losses, rng }) {
      const isNormal = distribution === "normal";
      const weights = isNormal ? softmax(losses.map(() => rng.normal())) : drawSimplex(rng, losses.length);
      return { weights };
    },
  });
}
