// B. Lin et al., "Dual-balancing for multi-task learning", arXiv 2308.12029, algorithm 1.

import type { NdArray } from "../../array.js";
import { nonNegative, type OptionsOf, optionTable, smoothing } from "../../options.js";
import { rowNorms, rowsLike, weightedRows } from "../kernels/jacobian-rows.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";

export interface DbMtlOptions extends OptionsOf<typeof dbMtlOptions> {}

export const dbMtlOptions = optionTable("dbMtl", {
  /** Weight of the past in the running gradients; default 0.9. */
  beta: smoothing.default(0.9),
  /** beta is divided by t^sigma at step t; default 0. */
  sigma: nonNegative.default(0),
});

export interface DbMtlState {
  /** Steps done. */
  readonly step: number;
  /** q, [K * P] row by row; null before the first step. */
  readonly buffer: Float64Array | null;
}

const epsilon = 1e-8;

/**
 * DB-MTL: running gradients of the losses' logarithms, all scaled to the norm of the largest.
 *
 * g_k = grad log(L_k + 1e-8), q_k <- g_k + beta / t^sigma (q_k - g_k), d = sum_k max_j ||q_j|| / (||q_k|| + 1e-8) q_k
 *
 * q = 0 at first, t = 1, 2, ... The heads have the gradient of the losses' logarithms: `headWeights` 1 / (L_k + 1e-8).
 * A zero gradient adds nothing; all zero: d = 0. K = 1: d = q. The state holds K P numbers.
 *
 * @throws OptionError; NumericalError for a loss that is negative or a number that is not finite, naming its task;
 *   ShapeError when P does not fit the state
 *
 * @example
 * const method = dbMtl({ beta: 0 });
 * const jacobian = array([[3, 0], [0, 1]], "float64") as NdArray<Float64Array>;
 * const input = { losses: Float64Array.of(1, 1), jacobian, step: 0, epoch: 0, rng: createRng(0) };
 * method.combine(input, method.init(2)).direction; // 3, 3
 */
export function dbMtl(options: DbMtlOptions = {}): MultiTaskMethod<DbMtlState> {
  const { beta, sigma } = dbMtlOptions.read(options);
  return checkedMethod<DbMtlState>({
    name: "db-mtl",
    needs: "jacobian",
    headGradient: "unweighted",
    losses: "non-negative",
    init: () => ({ step: 0, buffer: null }),
    combine({ losses, jacobian }, state) {
      const { data, shape } = jacobian as NdArray<Float64Array>;
      const step = state.step + 1;
      const past = beta / step ** sigma;
      const headWeights = losses.map((loss) => 1 / (loss + epsilon));
      const buffer = rowsLike("db-mtl", shape, state.buffer);
      buffer.forEach((q, i) => {
        const g = headWeights[Math.floor(i / shape[1])] * data[i];
        buffer[i] = g + past * (q - g);
      });
      const q = { shape, data: buffer };
      const norms = rowNorms(q);
      const largest = norms.reduce((a, b) => Math.max(a, b), 0);
      const direction = weightedRows(
        q,
        norms.map((n) => largest / (n + epsilon)),
      );
      return { direction, headWeights, state: { step, buffer } };
    },
  });
}
