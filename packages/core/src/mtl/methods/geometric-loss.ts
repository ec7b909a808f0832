// S. Chennupati et al., "MultiNet++: multi-stream feature aggregation and geometric loss strategy for multi-task
// learning", CVPR workshops 2019, equation 3.
import { type MultiTaskMethod, statelessMethod } from "../method.js";
import { inverseLoss, noteOfZeros } from "./scale-invariant.js";

/**
 * Geometric loss strategy: the geometric mean M of the losses.
 *
 * M = (prod_k L_k)^(1/K), so w_k = M / (K L_k)
 *
 * Tasks with loss 0 are left out of the mean, with weight 0 and a note; otherwise one solved task would stop
 * all of them. K = 1: weight 1. Zero gradients need no special case.
 *
 * @throws NumericalError for a loss that is negative or not finite, naming its task
 *
 * @example
 * const input = { losses: Float64Array.of(2, 0.5), step: 0, epoch: 0, rng: createRng(0) };
 * geometricLoss().combine(input, null).weights; // 0.25, 1
 */
export function geometricLoss(): MultiTaskMethod<null> {
  return statelessMethod({
    name: "geometric-loss",
    needs: "losses",
    headGradient: "weighted",
    losses: "non-negative",
    combine({ losses }) {
      const logs = losses.filter((loss) => inverseLoss(loss) > 0).map(Math.log);
      // The product itself would overflow for many tasks.
      const meanLog = logs.reduce((a, b) => a + b, 0) / logs.length;
      const weights = losses.map((loss) =>
        inverseLoss(loss) > 0 ? Math.exp(meanLog - Math.log(loss)) / logs.length : 0,
      );
      return { weights, ...noteOfZeros(losses) };
    },
  });
}
