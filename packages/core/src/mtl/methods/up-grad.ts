// P. Quinton, V. Rey, "Jacobian descent for multi-objective optimization", arXiv 2406.16232, 2024, equation 5.
import { listOf, nonNegative, type OptionsOf, optionTable } from "../../options.js";
import { dualConeEach, type ProjectorOptions, projectorOf, projectorOptions } from "../kernels/dual-cone.js";
import { gramianOf } from "../kernels/gramian.js";
import { eachTask } from "../kernels/per-task.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";

export interface UpGradOptions extends ProjectorOptions, OptionsOf<typeof upGradOptions> {}

export const upGradOptions = optionTable("upGrad", {
  /** Weight p_k >= 0 of each task; default 1 / K. */
  preference: listOf(nonNegative, { least: 1 }).otherwise("1 / K each"),
  ...projectorOptions.rows,
});

/**
 * UPGrad: the weighted sum of the gradients, each projected on the cone of directions that harm no task.
 *
 * w = sum_i argmin v' G v subject to v >= p_i e_i; d = sum_k w_k g_k
 *
 * d . g_k >= 0 for all k, and d is linear in the length of each gradient: exactly for `projector: "exact"`, nearly
 * for the defaults, which work on G / trace G + regEpsilon I as the authors' library does.
 *
 * Zero rows have w_k = p_k; dependent gradients: d is unique. All rows 0 (or a trace below `normEpsilon`): w = p. K = 1: w = p.
 *
 * @throws OptionError; NumericalError for a loss or gradient that is not finite, naming its task
 *
 * @example
 * const gramian = ndarray(Float64Array.of(18, -22, -22, 38), [2, 2]);
 * const input = { losses: Float64Array.of(2, 0.5), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * upGrad({ projector: "exact" }).combine(input, null).weights; // 1.1111, 0.7895
 */
export function upGrad(options: UpGradOptions = {}): MultiTaskMethod<null> {
  const { preference, ...projector } = upGradOptions.read(options);
  const matrixOf = projectorOf("upGrad", options, projector);
  return statelessMethod({
    name: "upGrad",
    needs: "gramian",
    headGradient: "unweighted",
    combine(input) {
      const G = matrixOf(gramianOf(input));
      const p = eachTask("upGrad: preference", preference ?? 1 / G.shape[0], G.shape[0]);
      return { weights: dualConeEach(G, p) };
    },
  });
}
