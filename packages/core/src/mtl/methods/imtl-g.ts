// L. Liu et al., "Towards impartial multi-task learning", ICLR 2021, equation 4.
import { type OptionsOf, oneOf, optionTable } from "../../options.js";
import { solveDefinite } from "../kernels/cholesky.js";
import {
  cosines,
  dot,
  gramianOf,
  precision,
  restrict,
  rowNorms,
  type Square,
  spread,
  sum,
  times,
} from "../kernels/gramian.js";
import { applySpectrum, spectrum } from "../kernels/symmetric.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";

export interface ImtlGOptions extends OptionsOf<typeof imtlGOptions> {}

export const imtlGOptions = optionTable("imtlG", {
  /**
   * Dependent gradients: `classical` (default) keeps equal projections, which may then be 0; `pinv` takes the least
   * squares v = pinv(G) (||g_1||, ..., ||g_K||), w = v / sum v. The same for independent gradients.
   */
  form: oneOf(["classical", "pinv"]).default("classical"),
});

/**
 * IMTL-G: the combination with the same projection on every task's gradient.
 *
 * u_k . d equal for all k, u_k = g_k / ||g_k||, d = sum_k w_k g_k, sum_k w_k = 1
 *
 * Weights may be negative, and so may the common projection, as the weights sum to 1: d then increases every
 * loss. The lengths of the gradients change the length and the sign of d, not its line.
 *
 * Zero rows are left out: w_k = 0, and 1 / K for the task's head, which would never move otherwise. Dependent gradients:
 * see `form`. If no such combination exists (its weights sum to 0), all weights are 0, with a note. K = 1: w = 1.
 *
 * @throws OptionError; NumericalError for a loss or gradient that is not finite, naming its task
 *
 * @example
 * const gramian = ndarray(Float64Array.of(18, -22, -22, 38), [2, 2]);
 * const input = { losses: Float64Array.of(2, 0.5), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * imtlG().combine(input, null).weights; // 0.5923, 0.4077
 */
export function imtlG(options: ImtlGOptions = {}): MultiTaskMethod<null> {
  const { form } = imtlGOptions.read(options);
  return statelessMethod({
    name: "imtl-g",
    needs: "gramian",
    headGradient: "weighted",
    combine(input) {
      const all = gramianOf(input);
      const K = all.shape[0];
      const kept = [...rowNorms(all).keys()].filter((k) => all.data[k * K + k] > 0);
      if (kept.length === 0) {
        return { weights: new Float64Array(K), headWeights: new Float64Array(K).fill(1 / K) };
      }
      const G = restrict(all, kept);
      const v = equalProjections(G, form);
      const total = sum(v);
      const solvable = Math.abs(total) > 1e-12 * sum(v.map(Math.abs));
      const w = solvable ? v.map((x) => x / total) : v.fill(0);
      return {
        weights: spread(w, kept, K),
        ...(kept.length < K && { headWeights: spread(w, kept, K, 1 / K) }),
        ...(!solvable && { note: "No combination with weights of sum 1 has equal projections: weights 0." }),
      };
    },
  });
}

/** v with U J' v the same for all tasks, of any length. */
function equalProjections(G: Square, form: "classical" | "pinv"): Float64Array {
  const n = rowNorms(G);
  const C = cosines(G, n);
  const ones = n.map(() => 1);
  // How many gradients are independent does not follow from G, whose eigenvalues differ as their lengths do.
  const range = spectrum(C, precision);
  const rank = range.values.length;
  const unique = rank === n.length ? solveDefinite(C, ones) : null;
  if (unique) return unique.map((q, k) => q / n[k]);
  if (form === "pinv") {
    const { values, vectors } = spectrum(G, 0);
    const largest = { values: values.slice(-rank), vectors: vectors.slice(-rank) };
    return applySpectrum(largest, n, (l) => 1 / l);
  }

  // In q_k = w_k n_k: C q = lambda 1 with sum q_k / n_k != 0, by lambda = 1 if that can be, else by lambda = 0.
  const q = applySpectrum(range, ones, (l) => 1 / l);
  const fits = times(C, q).every((x) => Math.abs(x - 1) <= precision);
  if (fits) return q.map((x, k) => x / n[k]);
  const a = n.map((x) => n.reduce((m, y) => Math.min(m, y), Infinity) / x);
  const inRange = applySpectrum(range, a, () => 1);
  const inKernel = a.map((x, k) => x - inRange[k]);
  return dot(inKernel, inKernel) > precision ** 2 ? inKernel.map((x, k) => x * a[k]) : ones.fill(0);
}
