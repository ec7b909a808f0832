// D. Lopez-Paz, M. Ranzato, "Gradient episodic memory for continual learning", NeurIPS 2017, equations 8 to 11.
import { listOf, nonNegative, type OptionsOf, optionTable } from "../../options.js";
import { dualCone, type ProjectorOptions, projectorOf, projectorOptions } from "../kernels/dual-cone.js";
import { gramianOf } from "../kernels/gramian.js";
import { eachTask } from "../kernels/per-task.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";

export interface DualProjOptions extends ProjectorOptions, OptionsOf<typeof dualProjOptions> {}

export const dualProjOptions = optionTable("dualProj", {
  /** Weight p_k >= 0 of each task; default 1 / K. */
  preference: listOf(nonNegative, { least: 1 }).otherwise("1 / K each"),
  ...projectorOptions.rows,
});

/**
 * DualProj: the weighted sum of the gradients, projected on the cone of directions that harm no task.
 *
 * w = argmin v' G v subject to v >= p; d = sum_k w_k g_k
 *
 * d . g_k >= 0 for all k: exactly for `projector: "exact"`, nearly for the defaults, which work on
 * G / trace G + regEpsilon I.
 *
 * Zero rows have w_k = p_k; dependent gradients: d is unique. All rows 0 (or a trace below `normEpsilon`): w = p. K = 1: w = p.
 *
 * @throws OptionError; NumericalError for a loss or gradient that is not finite, naming its task
 *
 * @example
 * const gramian = ndarray(Float64Array.of(18, -22, -22, 38), [2, 2]);
 * const input = { losses: Float64Array.of(2, 0.5), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * dualProj({ projector: "exact" }).combine(input, null).weights; // 0.6111, 0.5
 */
export function dualProj(options: DualProjOptions = {}): MultiTaskMethod<null> {
  const { preference, ...projector } = dualProjOptions.read(options);
  const matrixOf = projectorOf("dualProj", options, projector);
  return statelessMethod({
    name: "dual-proj",
    needs: "gramian",
    headGradient: "unweighted",
    combine(input) {
      const G = matrixOf(gramianOf(input));
      return {
        weights: dualCone(G, eachTask("dualProj: preference", preference ?? 1 / G.shape[0], G.shape[0])),
      };
    },
  });
}
