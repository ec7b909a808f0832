// Z. Zhou et al., "Injecting imbalance sensitivity for multi-task learning", IJCAI 2025, algorithm 1.
import { optionTable } from "../../options.js";
import { type CaGradInner, caGradInner } from "../kernels/ca-grad-inner.js";
import { dot, gramianOf, type Square, squaredNorm, times, uniform } from "../kernels/gramian.js";
import { minNorm } from "../kernels/min-norm.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";
import { aroundMean, type CaGradOptions, caGradOptions } from "./ca-grad.js";

/** Those of {@link caGrad}. */
export type ImGradOptions = CaGradOptions;

export const imGradOptions = optionTable("imGrad", caGradOptions.rows);

/**
 * IMGrad: CAGrad, whose ball counts the less, the less the mean gradient agrees with the direction that descends all losses.
 *
 * w = argmin over the simplex of (1.5 - s) g_w . g_0 + s c ||g_0|| ||g_w||, s = cos(g_0, g_MGDA)
 * d = (g_0 + c ||g_0|| / ||g_w|| g_w) / (1 + c^2), g_0 = mean of the g_k, g_w = sum_k w_k g_k
 *
 * g_MGDA is the shortest vector in the convex hull of the g_k, so that s is in [0, 1]; s = 0 where it is 0. Otherwise as
 * {@link caGrad}: w is exact, as CAGrad's for c s / (1.5 - s).
 *
 * @throws OptionError; NumericalError for a loss or gradient that is not finite, naming its task
 *
 * @example
 * const gramian = ndarray(Float64Array.of(18, -22, -22, 38), [2, 2]);
 * const input = { losses: Float64Array.of(2, 0.5), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * imGrad({ c: 0.5, rescale: 0, scale: "mean" }).combine(input, null).weights; // 0.704, 0.5
 */
export function imGrad(options: ImGradOptions = {}): MultiTaskMethod<null> {
  const given = imGradOptions.read(options);
  return statelessMethod({
    name: "imGrad",
    needs: "gramian",
    headGradient: "unweighted",
    clipNorm: given.clipNorm,
    combine(input) {
      const G = gramianOf(input);
      return aroundMean(G, (c) => innerOf(G, c), given);
    },
  });
}

function innerOf(G: Square, c: number): CaGradInner {
  const mean = times(G, uniform(G.shape[0]));
  const s = cosineToMgda(G, mean);
  const radius = (c * s) / (1.5 - s);
  if (radius >= 1e-12) return caGradInner(G, radius);
  // Only g_w . g_0 counts: its least is at a corner.
  const worst = mean.indexOf(mean.reduce((a, b) => Math.min(a, b)));
  const weights = mean.map((_, k) => (k === worst ? 1 : 0));
  return { weights, norm: Math.sqrt(squaredNorm(G, weights)) };
}

/** cos(g_0, g_MGDA), in [0, 1]; 0 where one of them is 0. */
function cosineToMgda(G: Square, mean: Float64Array): number {
  const w = minNorm(G).weights;
  const size = Math.sqrt(squaredNorm(G, uniform(w.length))) * Math.sqrt(squaredNorm(G, w));
  return size > 0 ? Math.max(0, Math.min(1, dot(mean, w) / size)) : 0;
}
