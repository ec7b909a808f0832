// Y. He et al., "Robust multi-task learning with excess risks", ICML 2024, algorithm 1.

import type { NdArray } from "../../array.js";
import { NumericalError } from "../../errors.js";
import { integerFrom, nonNegative, type OptionsOf, optionTable } from "../../options.js";
import { rowsLike } from "../kernels/jacobian-rows.js";
import { ratio } from "../kernels/ratio.js";
import { softmax } from "../kernels/simplex.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";

export interface ExcessMtlOptions extends OptionsOf<typeof excessMtlOptions> {}

export const excessMtlOptions = optionTable("excessMtl", {
  /** eta: step of the weights; default 0.01. */
  stepSize: nonNegative.default(0.01),
  /** Steps with equal weights, whose mean e_k is e_k(0); default 1. The authors take three epochs. */
  warmupSteps: integerFrom(1).default(1),
});

export interface ExcessMtlState {
  /** S, [K * P] row by row; null before the first step. */
  readonly squares: Float64Array | null;
  /** e_k(0), [K], so far; 0 while a task has had no gradient. */
  readonly first: Float64Array;
  /** Steps done, up to those of the warm-up. */
  readonly warmed: number;
  /** The weights are K softmax(logWeights); [K]. */
  readonly logWeights: Float64Array;
}

/**
 * ExcessMTL: more weight for tasks that are still far from their best possible loss, independent of the noise
 * in their labels.
 *
 * S_k <- S_k + g_k^2, e_k = sum_p g_kp^2 / sqrt(S_kp + 1e-7)
 * w_k <- w_k exp(eta e_k / e_k(0)), then scaled to sum K; w = 1 in the warm-up, whose mean e_k is e_k(0)
 *
 * A task whose e_k(0) would be 0, because its gradient is zero, keeps its factor at 1 until its first nonzero
 * gradient. K = 1: weight 1. The state holds K P numbers.
 *
 * @throws OptionError; NumericalError for numbers that are not finite, naming their task; ShapeError when P
 *   does not fit the state
 *
 * @example
 * const method = excessMtl();
 * const jacobian = array([[3, 0], [0, 1]], "float64") as NdArray<Float64Array>;
 * const input = { losses: Float64Array.of(1, 1), jacobian, step: 0, epoch: 0, rng: createRng(0) };
 * method.combine(input, method.init(2)).weights; // 1, 1
 */
export function excessMtl(options: ExcessMtlOptions = {}): MultiTaskMethod<ExcessMtlState> {
  const { stepSize, warmupSteps } = excessMtlOptions.read(options);
  return checkedMethod<ExcessMtlState>({
    name: "excess-mtl",
    needs: "jacobian",
    headGradient: "weighted",
    init: (tasks) => ({
      squares: null,
      first: new Float64Array(tasks),
      warmed: 0,
      logWeights: new Float64Array(tasks),
    }),
    combine({ jacobian }, state) {
      const j = jacobian as NdArray<Float64Array>;
      const squares = rowsLike("excess-mtl", j.shape, state.squares);
      const excess = addSquares(squares, j);
      const { warmed } = state;
      const isWarm = warmed >= warmupSteps;
      const logWeights = state.logWeights.map((w, k) =>
        !isWarm || state.first[k] === 0 ? w : w + stepSize * ratio(excess[k], state.first[k]),
      );
      const first = state.first.map((e, k) => {
        if (!isWarm) return e + (excess[k] - e) / (warmed + 1);
        return e === 0 ? excess[k] : e;
      });
      const tasks = first.length;
      // Logarithms, because the product of factors exp(...) over a long training would overflow float64.
      const largest = logWeights.reduce((a, b) => Math.max(a, b), -Infinity);
      return {
        weights: softmax(logWeights).map((p) => tasks * p),
        state: {
          squares,
          first,
          warmed: Math.min(warmed + 1, warmupSteps),
          logWeights: logWeights.map((w) => w - largest),
        },
      };
    },
  });
}

/** Adds g^2 to S in place and returns e, [K]. */
function addSquares(
  squares: Float64Array,
  { data, shape: [tasks, width] }: NdArray<Float64Array>,
): Float64Array {
  const excess = new Float64Array(tasks);
  for (let k = 0; k < tasks; k++) {
    for (let i = k * width; i < (k + 1) * width; i++) {
      const square = data[i] * data[i];
      squares[i] += square;
      excess[k] += square / Math.sqrt(squares[i] + 1e-7);
    }
    if (!Number.isFinite(excess[k])) {
      throw new NumericalError(
        `excess-mtl: the gradient of task ${k} is too large to be squared in float64.`,
      );
    }
  }
  return excess;
}
