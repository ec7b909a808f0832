// P. Xiao, H. Ban, K. Ji, "Direction-oriented multi-objective learning: simple and provable stochastic algorithms",
// NeurIPS 2023, algorithm 1.
import { integerFrom, nonNegative, type OptionsOf, optionTable, smoothing } from "../../options.js";
import { sum, times } from "../kernels/gramian.js";
import { crossGramian, samplesOf } from "../kernels/jacobian-rows.js";
import { projectSimplex } from "../kernels/simplex.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";

export interface SdmGradOptions extends OptionsOf<typeof sdmGradOptions> {}

export const sdmGradOptions = optionTable("sdmGrad", {
  /** Pull toward the mean gradient; default 0.3. */
  lambda: nonNegative.default(0.3),
  /** Inner steps on w; default 20. */
  iterations: integerFrom(0).default(20),
  /** Rate of the inner steps; default 10. */
  rate: nonNegative.default(10),
  /** Momentum of the inner steps; default 0.5. */
  momentum: smoothing.default(0.5),
});

/** State of {@link sdmGrad}: w of the last step, 1 / K before the first. */
export interface SdmGradState {
  readonly w: Float64Array;
}

/**
 * SDMGrad: the least norm combination, pulled toward the mean gradient, from three independent batches.
 *
 * d = (g_w + lambda g_0) / (1 + lambda) on the first batch, g_w = J_1' w, g_0 the mean; w from projected stochastic
 * gradient steps with momentum on 1/2 ||J' w + lambda g_0||^2 over the simplex: gradient J_2 (J_3' w + lambda g_0), divided
 * by s^2 + 1e-8 with s the mean of sqrt(max(0, g_k of batch 2 . g_k of batch 3))
 *
 * The momentum restarts at every step, w does not.
 *
 * Zero rows attract weight, as in MGDA; dependent gradients need no special case; all rows 0: w stays. K = 1: w = 1.
 *
 * @throws OptionError; ShapeError without three samples; NumericalError for a loss or gradient that is not finite,
 *   naming its task
 *
 * @example
 * const jacobian = ndarray(Float64Array.of(-4, 1, 1, 6, 1, 1), [2, 3]);
 * const samples = [jacobian, jacobian, jacobian];
 * const input = { losses: Float64Array.of(2, 0.5), jacobian, samples, step: 0, epoch: 0, rng: createRng(0) };
 * const method = sdmGrad();
 * const { weights } = method.combine(input, method.init(2)); // sum 1
 */
export function sdmGrad(options: SdmGradOptions = {}): MultiTaskMethod<SdmGradState> {
  const { lambda, iterations, rate, momentum } = sdmGradOptions.read(options);
  return checkedMethod<SdmGradState>({
    name: "sdmGrad",
    needs: "jacobian",
    headGradient: "unweighted",
    samplesPerStep: 3,
    init: (tasks) => ({ w: new Float64Array(tasks).fill(1 / tasks) }),
    combine(input, state) {
      const [, second, third] = samplesOf("sdmGrad", input, 3);
      const K = input.losses.length;
      const GG = crossGramian(second, third);
      const roots = Float64Array.from({ length: K }, (_, k) => Math.sqrt(Math.max(0, GG.data[k * K + k])));
      const divisor = (sum(roots) / K) ** 2 + 1e-8;
      const scaled = { shape: GG.shape, data: GG.data.map((x) => x / divisor) };
      const mean = times(scaled, new Float64Array(K).fill(1 / K));

      let w = state.w;
      let velocity = new Float64Array(K);
      for (let i = 0; i < iterations; i++) {
        const gradient = times(scaled, w).map((x, k) => x + lambda * mean[k]);
        velocity = gradient.map((g, k) => (i === 0 ? g : momentum * velocity[k] + g));
        w = projectSimplex(w.map((x, k) => x - rate * velocity[k]));
      }
      return { weights: w.map((x) => (x + lambda / K) / (1 + lambda)), state: { w } };
    },
  });
}
