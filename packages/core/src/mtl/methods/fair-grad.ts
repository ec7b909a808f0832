// H. Ban, K. Ji, "Fair resource allocation in multi-task learning", ICML 2024, equation 6 and algorithm 1.
import { nonNegative, type OptionsOf, oneOf, optionTable, positive } from "../../options.js";
import { bargain, noteOf } from "../kernels/bargaining.js";
import { gramianOf } from "../kernels/gramian.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";

export interface FairGradOptions extends OptionsOf<typeof fairGradOptions> {}

export const fairGradOptions = optionTable("fairGrad", {
  /**
   * Fairness: 1 is proportional (Nash-MTL's weights); towards 0 it approaches the sum, towards infinity max-min.
   * Default 2, as in the authors' runs.
   */
  alpha: positive.default(2),
  /** Whether d is sum_k w_k g_k (`mean`) or K times that (`sum`, default). */
  scale: oneOf(["sum", "mean"]).default("sum"),
  /** Largest norm of the shared gradient; 0: no limit. Default 1. */
  clipNorm: nonNegative.default(1),
});

/**
 * FairGrad: the direction that is alpha-fair to the rates at which the losses fall.
 *
 * G w = w^{-1/alpha}, w > 0; d = K sum_k w_k g_k
 *
 * The solution is unique and found to rounding, by `powerRoot`.
 *
 * Zero rows are left out: w_k = 0, with a note. No solution (a Pareto stationary point: opposite gradients, say): the
 * weights of the combination that is 0, so d = 0 to rounding, with a note. All rows 0: w = 0. Dependent gradients that
 * are not stationary need no special case. K = 1: w = ||g||^{-2 alpha / (1 + alpha)}.
 *
 * @throws OptionError; NumericalError for a loss or gradient that is not finite, naming its task
 *
 * @example
 * const gramian = ndarray(Float64Array.of(18, -22, -22, 38), [2, 2]);
 * const input = { losses: Float64Array.of(2, 0.5), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * fairGrad({ scale: "mean" }).combine(input, null).weights; // 0.4714, 0.3195
 */
export function fairGrad(options: FairGradOptions = {}): MultiTaskMethod<null> {
  const { alpha, scale, clipNorm } = fairGradOptions.read(options);
  return statelessMethod({
    name: "fairGrad",
    needs: "gramian",
    headGradient: "unweighted",
    clipNorm,
    combine(input) {
      const G = gramianOf(input);
      const K = G.shape[0];
      const result = bargain(G, 1 / alpha);
      const factor = scale === "sum" ? K : 1;
      return {
        weights: result.weights.map((x) => x * factor),
        ...noteOf(result, K, "weights of that combination"),
      };
    },
  });
}
