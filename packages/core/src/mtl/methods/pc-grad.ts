// T. Yu et al., "Gradient surgery for multi-task learning", NeurIPS 2020, algorithm 1.
import { flag, nonNegative, type OptionsOf, oneOf, optionTable } from "../../options.js";
import { gramianOf } from "../kernels/gramian.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";

export interface PcGradOptions extends OptionsOf<typeof pcGradOptions> {}

export const pcGradOptions = optionTable("pcGrad", {
  /** `sum` (default) or `mean` of the projected gradients. */
  scale: oneOf(["sum", "mean"]).default("sum"),
  /**
   * Whether a projected gradient that has turned against its own task is also projected on that task's gradient, as
   * most implementations do; the paper (default) leaves it out.
   */
  includeSelf: flag.default(false),
  /** Added to ||g_j||^2 in the projection; default 0. */
  epsilon: nonNegative.default(0),
  /** Largest norm of the shared gradient; 0: no limit. Default 1. */
  clipNorm: nonNegative.default(1),
});

/**
 * PCGrad: each gradient is projected on the normal planes of those it conflicts with, in random order; their sum.
 *
 * g_i' = g_i; for j != i in random order: g_i' <- g_i' - min(0, g_i' . g_j) / ||g_j||^2 g_j; d = sum_i g_i'
 *
 * The orders are drawn from the step's `rng`, one per task; K <= 2 does not depend on them.
 *
 * Zero rows conflict with nothing: weight as if alone. Dependent gradients need no special case. K = 1: w = 1.
 *
 * @throws OptionError; NumericalError for a loss or gradient that is not finite, naming its task
 *
 * @example
 * const gramian = ndarray(Float64Array.of(18, -22, -22, 38), [2, 2]);
 * const input = { losses: Float64Array.of(2, 0.5), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * pcGrad().combine(input, null).weights; // 2.2222, 1.5789
 */
export function pcGrad(options: PcGradOptions = {}): MultiTaskMethod<null> {
  const { scale, includeSelf, epsilon, clipNorm } = pcGradOptions.read(options);
  return statelessMethod({
    name: "pcGrad",
    needs: "gramian",
    headGradient: "unweighted",
    clipNorm,
    combine(input) {
      const { shape, data: G } = gramianOf(input);
      const K = shape[0];
      const w = new Float64Array(K);
      for (let i = 0; i < K; i++) {
        const c = new Float64Array(K);
        c[i] = 1;
        for (const j of input.rng.shuffle([...c.keys()])) {
          if (j === i && !includeSelf) continue;
          let inner = 0;
          for (let k = 0; k < K; k++) inner += G[j * K + k] * c[k];
          // In float32 the square of a tiny gradient can be 0 where its product with a large one is not.
          const square = G[j * K + j] + epsilon;
          if (inner < 0 && square > 0) c[j] -= inner / square;
        }
        for (let k = 0; k < K; k++) w[k] += c[k];
      }
      return { weights: scale === "mean" ? w.map((x) => x / K) : w };
    },
  });
}
