// L. Liu et al., "Towards impartial multi-task learning", ICLR 2021, section 3.3: IMTL.

import type { NdArray } from "../../array.js";
import { optionTable } from "../../options.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";
import { imtlG } from "./imtl-g.js";
import { type ImtlLOptions, type ImtlLState, imtlLOptions, startScales, trainScales } from "./imtl-l.js";

export const imtlHybridOptions = optionTable("imtlHybrid", imtlLOptions.rows);

/**
 * IMTL: {@link imtlL} for the heads, and for the shared parameters {@link imtlG} on the gradients of its losses.
 *
 * g'_k = exp(s_k) g_k, alpha by IMTL-G from g', w_k = alpha_k exp(s_k);  heads: exp(s_k) grad L_k
 * s takes a step of Adam on sum_k (exp(s_k) L_k - s_k)
 *
 * Zero gradients are as in IMTL-G, losses <= 0 as in IMTL-L. K = 1: weight exp(s).
 *
 * @throws OptionError; NumericalError for a number that is not finite, naming its task
 *
 * @example
 * const method = imtlHybrid();
 * const gramian = array([[4, 0], [0, 1]], "float64") as NdArray<Float64Array>;
 * const input = { losses: Float64Array.of(2, 0.5), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * method.combine(input, method.init(2)).weights; // 1/3, 2/3
 */
export function imtlHybrid(options: ImtlLOptions = {}): MultiTaskMethod<ImtlLState> {
  const { learningRate, initial } = imtlHybridOptions.read(options);
  const impartial = imtlG();
  return checkedMethod({
    name: "imtl-hybrid",
    needs: "gramian",
    headGradient: "unweighted",
    init: (tasks) => startScales(tasks, initial),
    combine(input, state) {
      const { data, shape } = input.gramian as NdArray<Float64Array>;
      const [tasks] = shape;
      const scales = state.s.map(Math.exp);
      const scaled = data.map((x, at) => x * scales[Math.floor(at / tasks)] * scales[at % tasks]);
      const { weights, note } = impartial.combine(
        { ...input, gramian: { shape, data: scaled } },
        impartial.init(tasks),
      );
      return {
        weights: (weights as Float64Array).map((alpha, k) => alpha * scales[k]),
        headWeights: scales,
        state: trainScales(input.losses, state, learningRate),
        ...(note !== undefined && { note }),
      };
    },
  });
}
