// B. Liu et al., "Conflict-averse gradient descent for multi-task learning", NeurIPS 2021, algorithm 1.
import { nonNegative, type OptionsOf, oneOf, optionTable } from "../../options.js";
import { type CaGradInner, caGradInner } from "../kernels/ca-grad-inner.js";
import { gramianOf, rowNorms, type Square, squaredNorm, uniform } from "../kernels/gramian.js";
import { type Combination, type MultiTaskMethod, statelessMethod } from "../method.js";

export interface CaGradOptions extends OptionsOf<typeof caGradOptions> {}

export const caGradOptions = optionTable("caGrad", {
  /** Radius of the ball around g_0, in units of ||g_0||; 0 is the mean. Default 0.4. */
  c: nonNegative.default(0.4),
  /** Divisor of d: 1 for 0, 1 + c^2 for 1 (default), 1 + c for 2. */
  rescale: oneOf([0, 1, 2]).default(1),
  /** Whether d has the scale of the gradients' mean (`mean`) or of their sum (`sum`, default: K times). */
  scale: oneOf(["sum", "mean"]).default("sum"),
  /** ||g_w|| up to this fraction of sqrt(trace G) counts as 0, too; default 0. */
  stationaryBelow: nonNegative.default(0),
  /** d where g_w is 0: g_0 divided as above (`mean`, default) or 0 (`zero`). */
  whenStationary: oneOf(["mean", "zero"]).default("mean"),
  /** Largest norm of the shared gradient; 0: no limit. Default 1. */
  clipNorm: nonNegative.default(1),
});

type GivenCaGrad = ReturnType<typeof caGradOptions.read<CaGradOptions>>;

/**
 * CAGrad: the direction that improves the worst task most, within a ball around the mean gradient.
 *
 * w = argmin over the simplex of g_w . g_0 + c ||g_0|| ||g_w||; d = (g_0 + c ||g_0|| / ||g_w|| g_w) / (1 + c^2),
 * g_0 = mean of the g_k, g_w = sum_k w_k g_k
 *
 * w is exact, by `caGradInner`.
 *
 * A zero row or opposite gradients can make g_w = 0 optimal, where the formula is undefined: see
 * `whenStationary`; the combination then has a note. All rows 0, or mean 0: d = 0. Dependent gradients: d is
 * unique. K = 1: (1 + c) g, divided.
 *
 * @throws OptionError; NumericalError for a loss or gradient that is not finite, naming its task
 *
 * @example
 * const gramian = ndarray(Float64Array.of(18, -22, -22, 38), [2, 2]);
 * const input = { losses: Float64Array.of(2, 0.5), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * caGrad({ c: 0.5, rescale: 0, scale: "mean" }).combine(input, null).weights; // 0.7041, 0.5
 */
export function caGrad(options: CaGradOptions = {}): MultiTaskMethod<null> {
  const given = caGradOptions.read(options);
  const { clipNorm } = given;
  return statelessMethod({
    name: "caGrad",
    needs: "gramian",
    headGradient: "unweighted",
    clipNorm,
    combine(input) {
      const G = gramianOf(input);
      return aroundMean(G, (radius) => caGradInner(G, radius), given);
    },
  });
}

/** (g_0 + c ||g_0|| / ||g_w|| g_w), divided and scaled, for the w that `inner` gives. */
export function aroundMean(
  G: Square,
  inner: (c: number) => CaGradInner,
  { c, rescale, scale, stationaryBelow, whenStationary }: GivenCaGrad,
): Pick<Combination<null>, "weights" | "note"> {
  const K = G.shape[0];
  const factor = (scale === "sum" ? K : 1) / [1, 1 + c * c, 1 + c][rescale];
  const mean = uniform(K);
  // The ball is too small to change d.
  if (c < 1e-12) return { weights: mean.map((x) => x * factor) };
  const { weights: w, norm } = inner(c);
  const size = Math.hypot(...rowNorms(G));
  if (norm <= stationaryBelow * size) {
    return {
      weights: mean.map((x) => (whenStationary === "mean" ? x * factor : 0)),
      note: `The gradients have a convex combination of length ${norm.toExponential(2)}: the direction is the ${whenStationary} instead.`,
    };
  }
  const lambda = (c * Math.sqrt(squaredNorm(G, mean))) / norm;
  return { weights: mean.map((x, k) => (x + lambda * w[k]) * factor) };
}
