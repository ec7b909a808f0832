// K. Maninis, I. Radosavovic, I. Kokkinos, "Attentive single-tasking of multiple tasks", CVPR 2019, equation
// 3, over metrics instead of tasks and with the opposite sign, as in A. Navon et al., ICML 2022, section 5.
import { NumericalError, ShapeError } from "../../errors.js";

/**
 * Delta_m: by how much a multi-task model is worse than single-task models, on average over all metrics.
 *
 * Delta_m = 100 mean_j (-1)^(s_j) (M_j - B_j) / B_j, s_j = 1 where higher is better
 *
 * All metrics have equal weight, also those of a task with several. Lower is better; negative means better
 * than single-task models.
 *
 * @param metrics M_j of the model
 * @param base B_j > 0 of the single-task models
 * @param higherIsBetter s_j
 * @returns percent
 * @throws ShapeError when the lengths differ; NumericalError for B_j <= 0 or numbers that are not finite
 *
 * @example
 * // CityScapes, linear scalarization: mIoU, pixel accuracy, absolute and relative error.
 * deltaM([0.7518, 0.9349, 0.0155, 46.77], [0.7401, 0.9316, 0.0125, 27.77], [true, true, false, false]); // 22.62
 */
export function deltaM(
  metrics: readonly number[],
  base: readonly number[],
  higherIsBetter: readonly boolean[],
): number {
  const count = metrics.length;
  if (count === 0 || base.length !== count || higherIsBetter.length !== count) {
    throw new ShapeError(
      `deltaM takes as many metrics as base values and directions, at least one; got ${count}, ${base.length} and ${higherIsBetter.length}.`,
    );
  }
  let sum = 0;
  metrics.forEach((m, j) => {
    const b = base[j];
    // With a negative base the quotient would have the wrong sign.
    if (!Number.isFinite(m) || !(b > 0 && b < Infinity)) {
      throw new NumericalError(
        `deltaM takes finite metrics and base values > 0; metric ${j} is ${m}, its base ${b}.`,
      );
    }
    sum += ((higherIsBetter[j] ? -1 : 1) * (m - b)) / b;
  });
  return (100 * sum) / count;
}
