// D. Yin, Y. Chen, K. Ramchandran, P. Bartlett, "Byzantine-robust distributed learning: towards optimal statistical rates",
// ICML 2018, definition 2.

import type { NdArray } from "../../array.js";
import { OptionError } from "../../errors.js";
import { integerFrom, type OptionsOf, optionTable } from "../../options.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";

export interface TrimmedMeanOptions extends OptionsOf<typeof trimmedMeanOptions> {}

export const trimmedMeanOptions = optionTable("trimmedMean", {
  /** b: how many of the largest and of the smallest numbers are left out in each parameter; default 1. */
  trim: integerFrom(0).default(1),
});

/**
 * Trimmed mean: in each shared parameter the mean of the tasks' gradients without the largest and the smallest ones.
 *
 * d_p = the mean of the K - 2 b numbers g_kp that remain without the b largest and the b smallest
 *
 * There must be at least 2 b + 1 tasks. b = 0 is the mean. Losses do not matter.
 *
 * @throws OptionError, also for fewer than 2 b + 1 tasks; NumericalError for numbers that are not finite, naming their task
 *
 * @example
 * const jacobian = array([[1, 5], [2, 7], [90, 6]], "float64") as NdArray<Float64Array>;
 * const input = { losses: Float64Array.of(1, 1, 1), jacobian, step: 0, epoch: 0, rng: createRng(0) };
 * trimmedMean().combine(input, null).direction; // 2, 6
 */
export function trimmedMean(options: TrimmedMeanOptions = {}): MultiTaskMethod<null> {
  const { trim } = trimmedMeanOptions.read(options);
  const requireTasks = (tasks: number): void => {
    if (tasks > 2 * trim) return;
    throw new OptionError(`trimmedMean with trim ${trim} needs ${2 * trim + 1} tasks or more; got ${tasks}.`);
  };
  return statelessMethod({
    name: "trimmedMean",
    needs: "jacobian",
    headGradient: "unweighted",
    requireTasks,
    combine({ jacobian }) {
      const { data, shape } = jacobian as NdArray<Float64Array>;
      const [tasks, width] = shape;
      requireTasks(tasks);
      const column = new Float64Array(tasks);
      const direction = Float64Array.from({ length: width }, (_, p) => {
        for (let k = 0; k < tasks; k++) column[k] = data[k * width + p];
        column.sort();
        let sum = 0;
        for (let k = trim; k < tasks - trim; k++) sum += column[k] / (tasks - 2 * trim);
        return sum;
      });
      return { direction };
    },
  });
}
