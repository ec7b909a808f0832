// Q. Liu et al., "ConFIG: toward conflict-free training of physics informed neural networks", arXiv 2408.11104, 2024,
// equations 2 and 3, in the form that needs the Gramian alone.
import { finite, listOf, type OptionsOf, optionTable } from "../../options.js";
import { cosines, dot, gramianOf, precision, rowNorms, times } from "../kernels/gramian.js";
import { eachTask } from "../kernels/per-task.js";
import { applySpectrum, spectrum } from "../kernels/symmetric.js";
import { type MultiTaskMethod, statelessMethod } from "../method.js";

export interface ConfigOptions extends OptionsOf<typeof configOptions> {}

export const configOptions = optionTable("config", {
  /** Desired cosine for each task, up to a common factor; default 1. */
  preference: listOf(finite, { least: 1 }).otherwise("1 each"),
});

/**
 * ConFIG: the direction with the same cosine with every gradient; its length is the sum of all gradients'
 * projections on it.
 *
 * x = pinv(U) 1 = U' pinv(U U') 1, v = x / ||x||; d = (sum_k g_k . v) v, u_k = g_k / ||g_k||
 *
 * Zero rows are left out: w_k = 0. Gradients that are dependent to the rounding of float32: least squares cosines. Opposite gradients, or all rows 0: w = 0.
 * K = 1: w = 1.
 *
 * @throws OptionError; NumericalError for a loss or gradient that is not finite, naming its task
 *
 * @example
 * const gramian = ndarray(Float64Array.of(18, -22, -22, 38), [2, 2]);
 * const input = { losses: Float64Array.of(2, 0.5), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * config().combine(input, null).weights; // 1.2265, 0.8441
 */
export function config(options: ConfigOptions = {}): MultiTaskMethod<null> {
  const { preference } = configOptions.read(options);
  return statelessMethod({
    name: "config",
    needs: "gramian",
    headGradient: "unweighted",
    combine(input) {
      const G = gramianOf(input);
      const K = G.shape[0];
      const n = rowNorms(G);
      const C = cosines(G, n);
      const p = eachTask("config: preference", preference ?? 1, K).map((x, k) => (n[k] > 0 ? x : 0));
      const q = applySpectrum(spectrum(C, precision), p, (l) => 1 / l);
      const Cq = times(C, q);
      const squared = dot(q, Cq);
      if (!(squared > precision * dot(p, p))) return { weights: new Float64Array(K) };
      const factor = dot(n, Cq) / squared;
      return { weights: q.map((x, k) => (n[k] > 0 ? (factor * x) / n[k] : 0)) };
    },
  });
}
