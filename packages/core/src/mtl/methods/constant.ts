import { finite, listOf, type OptionsOf, optionTable } from "../../options.js";
import { eachTask } from "../kernels/per-task.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";

export interface ConstantOptions extends OptionsOf<typeof constantOptions> {}

export const constantOptions = optionTable("constant", {
  /** w_k of each task, of any sign. */
  weights: listOf(finite, { least: 1 }).required(),
});

/**
 * The same given weights at every step: d = sum_k w_k g_k.
 *
 * Unlike {@link linearScalarization} it accepts negative weights, which increase a loss.
 *
 * @throws OptionError; NumericalError for a loss that is not finite, naming its task
 *
 * @example
 * const input = { losses: Float64Array.of(2, 0.5), step: 0, epoch: 0, rng: createRng(0) };
 * constant({ weights: [1, -0.5] }).combine(input, null).weights; // 1, -0.5
 */
export function constant(options: ConstantOptions): MultiTaskMethod<null> {
  const { weights } = constantOptions.read(options);
  return statelessMethod({
    name: "constant",
    needs: "losses",
    headGradient: "weighted",
    combine: ({ losses }) => ({ weights: eachTask("constant: weights", weights, losses.length) }),
  });
}
