// Q. Zhang, H. Li, "MOEA/D: a multiobjective evolutionary algorithm based on decomposition", IEEE Transactions on Evolutionary
// Computation 11, 2007, section II.C: the boundary intersection approach with a penalty.
import {
  finite,
  listOf,
  nonNegative,
  type OptionsOf,
  oneOrEach,
  optionTable,
  positive,
} from "../../options.js";
import { eachTask } from "../kernels/per-task.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";

export interface PbiOptions extends OptionsOf<typeof pbiOptions> {}

export const pbiOptions = optionTable("pbi", {
  /** The ray on which losses should lie, one number > 0 a task; default equal. */
  preference: listOf(positive, { least: 1 }).otherwise("equal"),
  /** z: where the ray begins, the best losses that are thinkable; one for all, or one per task; default 0. */
  reference: oneOrEach(finite).default(0),
  /** theta: penalty on the distance from the ray; default 5. */
  penalty: nonNegative.default(5),
});

/**
 * PBI: losses go down along a ray, and distance from the ray is penalized.
 *
 * d_1 = (L - z) . u, d_2 = sqrt(|L - z - d_1 u|^2 + 1e-12), d_1 + theta d_2, u = preference / |preference|
 * so w_k = u_k + theta (L_k - z_k - d_1 u_k) / d_2
 *
 * A weight is negative where a task is far below the ray: its loss rises. Zero gradients need no special case. K = 1: w = 1.
 *
 * @throws OptionError, also where `preference` or `reference` is not one number a task; NumericalError for a loss that is not
 *   finite, naming its task
 *
 * @example
 * const input = { losses: Float64Array.of(2, 1), step: 0, epoch: 0, rng: createRng(0) };
 * pbi({ penalty: 0.5 }).combine(input, null).weights; // 1.061, 0.354
 */
export function pbi(options: PbiOptions = {}): MultiTaskMethod<null> {
  const { preference, reference, penalty } = pbiOptions.read(options);
  const read = (tasks: number) => ({
    ray: eachTask("pbi: preference", preference ?? 1, tasks),
    z: eachTask("pbi: reference", reference, tasks),
  });
  return statelessMethod({
    name: "pbi",
    needs: "losses",
    headGradient: "weighted",
    requireTasks: read,
    combine({ losses }) {
      const { ray, z } = read(losses.length);
      const length = Math.hypot(...ray);
      const u = ray.map((x) => x / length);
      const f = losses.map((loss, k) => loss - z[k]);
      const along = f.reduce((sum, x, k) => sum + x * u[k], 0);
      const across = f.map((x, k) => x - along * u[k]);
      // sqrt(|across|^2 + 1e-12), without overflow.
      const distance = Math.hypot(...across, 1e-6);
      return { weights: u.map((x, k) => x + (penalty * across[k]) / distance) };
    },
  });
}
