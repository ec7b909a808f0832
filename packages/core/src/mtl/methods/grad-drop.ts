// Z. Chen et al., "Just pick a sign: optimizing deep multitask models with gradient sign dropout", NeurIPS 2020,
// equation 1 and algorithm 1.

import type { NdArray } from "../../array.js";
import { nonNegative, type OptionsOf, oneOrEach, optionTable, share } from "../../options.js";
import { eachTask } from "../kernels/per-task.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";

export interface GradDropOptions extends OptionsOf<typeof gradDropOptions> {}

export const gradDropOptions = optionTable("gradDrop", {
  /** Part of a gradient that is never dropped, in [0, 1]: one for all, or one per task; default 0. */
  leak: oneOrEach(share).default(0),
  /** Largest norm of the shared gradient; 0: no limit. Default 1, as in the implementations for the published benchmarks. */
  clipNorm: nonNegative.default(1),
});

/**
 * GradDrop: every shared parameter uses the gradients of one sign, drawn with a probability given by that
 * sign's fraction.
 *
 * P_p = 1/2 (1 + sum_k g_kp / sum_k |g_kp|), U_p uniform on [0, 1)
 * M_kp = [g_kp > 0] where P_p > U_p, [g_kp < 0] elsewhere;  d_p = sum_k (l_k + (1 - l_k) M_kp) g_kp
 *
 * l: `leak`. Takes one number from the step's `rng` for every shared parameter, in order. A parameter without gradients has
 * d = 0. K = 1: d is the gradient. Losses do not matter.
 *
 * @throws OptionError; NumericalError for numbers that are not finite, naming their task
 *
 * @example
 * const jacobian = array([[3, 1], [-1, 1]], "float64") as NdArray<Float64Array>;
 * const input = { losses: Float64Array.of(1, 1), jacobian, step: 0, epoch: 0, rng: createRng(0) };
 * const { direction } = gradDrop().combine(input, null); // 3 or -1, three times out of four 3; and 2
 */
export function gradDrop(options: GradDropOptions = {}): MultiTaskMethod<null> {
  const { leak, clipNorm } = gradDropOptions.read(options);
  const leaksOf = (tasks: number) => eachTask("gradDrop: leak", leak, tasks);
  return statelessMethod({
    name: "graddrop",
    needs: "jacobian",
    headGradient: "unweighted",
    clipNorm,
    requireTasks: leaksOf,
    combine({ jacobian, rng }) {
      const { data, shape } = jacobian as NdArray<Float64Array>;
      const [tasks, width] = shape;
      const leaks = leaksOf(tasks);
      const direction = new Float64Array(width);
      for (let p = 0; p < width; p++) {
        const u = rng.next();
        let [sum, total] = [0, 0];
        for (let k = 0; k < tasks; k++) {
          sum += data[k * width + p];
          total += Math.abs(data[k * width + p]);
        }
        const positives = total > 0 && (1 + sum / total) / 2 > u;
        for (let k = 0; k < tasks; k++) {
          const g = data[k * width + p];
          direction[p] += g > 0 === positives ? g : leaks[k] * g;
        }
      }
      return { direction };
    },
  });
}
