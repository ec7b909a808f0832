// D. Senushkin et al., "Independent component alignment for multi-task learning", CVPR 2023, algorithm 1.
import { finite, listOf, type OptionsOf, oneOf, optionTable, share } from "../../options.js";
import { gramianOf } from "../kernels/gramian.js";
import { eachTask } from "../kernels/per-task.js";
import { applySpectrum, spectrum } from "../kernels/symmetric.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";

export interface AlignedMtlOptions extends OptionsOf<typeof alignedMtlOptions> {}

export const alignedMtlOptions = optionTable("alignedMtl", {
  /** The common length of all principal components: sqrt of the least (default), lower median or mean eigenvalue. */
  scaleMode: oneOf(["min", "median", "rmse"]).default("min"),
  /** Weight of each task; default 1 (`sum`) or 1 / K (`mean`), see `scale`. */
  preference: listOf(finite, { least: 1 }).otherwise("1 each, or 1 / K with scale: mean"),
  /** Without a preference: whether the tasks' weights are 1 (`sum`, default) or 1 / K (`mean`). */
  scale: oneOf(["sum", "mean"]).default("sum"),
  /** Eigenvalues up to K times this fraction of the largest are left out; default 1.19e-7, float32's epsilon. */
  epsilon: share.default(2 ** -23),
});

/**
 * Aligned-MTL: the gradients' principal components are made equally long, so that the system has condition number 1.
 *
 * G = V diag(l) V', B = sqrt(s) V diag(l^{-1/2}) V' over the l > max(l) K epsilon; w = B p, s = min, median or mean of these l
 *
 * Zero rows: w_k = 0. Dependent gradients: the least norm w. All rows 0: w = p. K = 1: w = p.
 *
 * @throws OptionError; NumericalError for a loss or gradient that is not finite, naming its task
 *
 * @example
 * const gramian = ndarray(Float64Array.of(18, -22, -22, 38), [2, 2]);
 * const input = { losses: Float64Array.of(2, 0.5), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * alignedMtl({ scale: "mean" }).combine(input, null).weights; // 0.5591, 0.4083
 */
export function alignedMtl(options: AlignedMtlOptions = {}): MultiTaskMethod<null> {
  const { scaleMode, preference, scale, epsilon } = alignedMtlOptions.read(options);
  return statelessMethod({
    name: "aligned-mtl",
    needs: "gramian",
    headGradient: "unweighted",
    combine(input) {
      const G = gramianOf(input);
      const K = G.shape[0];
      const p = eachTask("alignedMtl: preference", preference ?? (scale === "sum" ? 1 : 1 / K), K);
      const kept = spectrum(G, Math.min(1, K * epsilon));
      const l = kept.values;
      if (l.length === 0) return { weights: p };
      const s = {
        min: l[0],
        median: l[Math.floor((l.length - 1) / 2)],
        rmse: l.reduce((a, b) => a + b, 0) / l.length,
      }[scaleMode];
      return { weights: applySpectrum(kept, p, (x) => Math.sqrt(s / x)) };
    },
  });
}
