// "DiBS-MTL: transformation-invariant multitask learning with direction oracles", 2025: the form with one step, and with several.
import { OptionError } from "../../errors.js";
import { integerFrom, type OptionsOf, optionTable, positive, refuseGiven } from "../../options.js";
import { cosines, gramianOf, rowNorms } from "../kernels/gramian.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";

export interface DibsMtlOptions extends OptionsOf<typeof dibsMtlOptions> {}

export const dibsMtlOptions = optionTable("dibsMtl", {
  /** With one step: length of each gradient in the sum; default 1. The authors' is 0.01 times the learning rate. */
  length: positive.default(1),
  /** Steps of bargaining; default 1. The authors' form with several has 5. */
  steps: integerFrom(1).default(1),
  /** With several steps: rho, at most 1 / (2 K); default 0.001. The authors' is the learning rate. */
  radius: positive.default(1e-3),
});

/**
 * DiBS-MTL: the sum of the gradients' directions, which does not change when a loss is transformed by an increasing function.
 *
 * One step: w_k = length / ||g_k||
 *
 * Several: u_k = g_k / ||g_k||; x = 0, and N times x <- x - rho / N sum_k ||x + rho u_k|| u_k;
 * w_k = rho / N sum ||x + rho u_k|| / ||g_k||, over the x before each step; so J' w = -x. The shared gradient is clipped to norm 1.
 *
 * Each task prefers the state -rho u_k in a ball around the parameters, and moves x more the farther away that is. With
 * rho <= 1 / (2 K) x stays in the ball. Heads step along w_k grad L_k, as the authors differentiate sum_k w_k L_k. Zero rows have
 * weight 0. K = 1: the direction of the gradient. Losses do not matter.
 *
 * @throws OptionError, also for an option of the other form, and from `init` for rho > 1 / (2 K); NumericalError for a loss or gradient that is not finite, naming its task
 *
 * @example
 * const gramian = ndarray(Float64Array.of(4, 0, 0, 25), [2, 2]);
 * const input = { losses: Float64Array.of(2, 0.5), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * dibsMtl().combine(input, null).weights; // 0.5, 0.2
 */
export function dibsMtl(options: DibsMtlOptions = {}): MultiTaskMethod<null> {
  const { length, steps, radius } = dibsMtlOptions.read(options);
  if (steps === 1) refuseGiven("dibsMtl", options, ["radius"], "is for several steps; this is one");
  else refuseGiven("dibsMtl", options, ["length"], `is for one step; these are ${steps}`);
  return statelessMethod({
    name: "dibsMtl",
    needs: "gramian",
    headGradient: "weighted",
    clipNorm: steps > 1 ? 1 : 0,
    requireTasks(tasks) {
      if (steps > 1 && radius > 1 / (2 * tasks)) {
        throw new OptionError(
          `dibsMtl: with several steps radius must be at most 1 / (2 K), ${1 / (2 * tasks)} for ${tasks} tasks; got ${radius}.`,
        );
      }
    },
    combine(input) {
      const G = gramianOf(input);
      const norms = rowNorms(G);
      const lengths =
        steps === 1
          ? norms.map(() => length)
          : bargainingWeights(cosines(G, norms).data, norms.length, steps, radius);
      return { weights: norms.map((n, k) => (n === 0 ? 0 : lengths[k] / n)) };
    },
  });
}

/** a with x = -sum_k a_k u_k after some steps, from the cosines u_i . u_j [K, K]. */
function bargainingWeights(cosine: Float64Array, K: number, steps: number, rho: number): Float64Array {
  const a = new Float64Array(K);
  for (let step = 0; step < steps; step++) {
    // C a, whose entries are -x . u_k.
    const along = a.map((_, k) => a.reduce((sum, aj, j) => sum + cosine[k * K + j] * aj, 0));
    const squared = a.reduce((sum, ak, k) => sum + ak * along[k], 0);
    for (let k = 0; k < K; k++) {
      const own = cosine[k * K + k];
      const distance = Math.sqrt(Math.max(0, squared - 2 * rho * along[k] + rho * rho * own));
      a[k] += (rho / steps) * (own === 0 ? 0 : distance);
    }
  }
  return a;
}
