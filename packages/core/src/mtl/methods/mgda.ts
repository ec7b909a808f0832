// J.-A. Desideri, "Multiple-gradient descent algorithm (MGDA)", C. R. Acad. Sci. Paris 350, 2012; O. Sener, V. Koltun,
// "Multi-task learning as multi-objective optimization", NeurIPS 2018, equation 3.
import { type OptionsOf, oneOf, optionTable } from "../../options.js";
import { gramianOf, rowNorms, type Square } from "../kernels/gramian.js";
import { minNorm } from "../kernels/min-norm.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";

export interface MgdaOptions extends OptionsOf<typeof mgdaOptions> {}

export const mgdaOptions = optionTable("mgda", {
  /** Divisor of each gradient before the minimization of the norm: 1, ||g_k||, L_k or L_k ||g_k||. Default `none`. */
  normalization: oneOf(["none", "l2", "loss", "loss+"]).default("none"),
  /** Whether w combines the gradients themselves (`raw`, default) or divided as above (`normalized`). */
  combine: oneOf(["raw", "normalized"]).default("raw"),
  /** Sum of w before the division: 1 (`mean`, default) or K (`sum`). */
  scale: oneOf(["mean", "sum"]).default("mean"),
});

/**
 * MGDA: the shortest vector in the convex hull of the gradients, which descends all losses or is 0.
 *
 * w = argmin ||sum_k w_k g_k / c_k||^2 over the simplex; d = sum_k w_k g_k, or sum_k w_k g_k / c_k
 *
 * Exact, by `minNorm`. d . g_k >= ||d||^2 for all k (`none`, weights of sum 1).
 *
 * A zero row takes all the weight, so that d = 0; dependent gradients: d is unique, w need not be; K = 1: w = 1. A
 * divisor c_k that is not positive (a zero row, a loss <= 0) is replaced by 1, with a note.
 *
 * @throws OptionError; NumericalError for a loss or gradient that is not finite, naming its task
 *
 * @example
 * const gramian = ndarray(Float64Array.of(18, -22, -22, 38), [2, 2]);
 * const input = { losses: Float64Array.of(2, 0.5), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * mgda().combine(input, null).weights; // 0.6, 0.4
 */
export function mgda(options: MgdaOptions = {}): MultiTaskMethod<null> {
  const { normalization, combine, scale } = mgdaOptions.read(options);
  return statelessMethod({
    name: "mgda",
    needs: "gramian",
    headGradient: "weighted",
    combine(input) {
      const G = gramianOf(input);
      const K = G.shape[0];
      const norms = normalization === "l2" || normalization === "loss+" ? rowNorms(G) : null;
      const losses = normalization === "loss" || normalization === "loss+" ? input.losses : null;
      const given = Float64Array.from({ length: K }, (_, k) => (norms?.[k] ?? 1) * (losses?.[k] ?? 1));
      const c = given.map((x) => (x > 0 ? x : 1));
      const { weights: w } = minNorm(divideRows(G, c));
      const factor = scale === "sum" ? K : 1;
      const replaced = [...given.keys()].filter((k) => !(given[k] > 0));
      return {
        weights: w.map((x, k) => (factor * x) / (combine === "normalized" ? c[k] : 1)),
        ...(replaced.length > 0 && {
          note: `Left undivided, as the divisor is not positive: task ${replaced.join(", ")}.`,
        }),
      };
    },
  });
}

function divideRows({ shape, data }: Square, c: Float64Array): Square {
  const K = c.length;
  return { shape, data: data.map((x, at) => x / c[Math.floor(at / K)] / c[at % K]) };
}
