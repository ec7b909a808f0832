// F. Ye, B. Lin, Z. Yue, P. Guo, Q. Xiao, Y. Zhang, "Multi-objective meta learning", NeurIPS 2021, with one inner step, as LibMTL has it.
import { type OptionsOf, optionTable, positive } from "../../options.js";
import { adamOnHost, type HostAdamState, startAdam } from "../kernels/adam-on-host.js";
import { aheadOf, blockGramian, rowNorms, weightedRows } from "../kernels/jacobian-rows.js";
import { minNorm } from "../kernels/min-norm.js";
import { softmax } from "../kernels/simplex.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";

export interface MomlOptions extends OptionsOf<typeof momlOptions> {}

export const momlOptions = optionTable("moml", {
  /** Learning rate of Adam for a; default 1e-3. */
  learningRate: positive.default(1e-3),
  /** eta of the virtual step; default 0.1. */
  innerRate: positive.default(0.1),
});

export interface MomlState {
  /** [K]. */
  readonly a: Float64Array;
  readonly adam: HostAdamState;
}

/**
 * MOML: weights that are trained so that a step with them lowers all losses on another batch at once.
 *
 * theta' = theta - eta sum_k w_k grad L_k(theta), w = softmax(a);  h_j = dL_j(theta') / da, L_j on the other batch
 * a takes a step of Adam along sum_j z_j h_j / ||h_j||, z of MGDA for these; then an ordinary step with the new w
 *
 * The virtual step is plain, in all parameters, the heads' included. It, the losses after it and the ordinary step have batches of
 * their own; LibMTL halves the first two. {@link autoLambda} takes the sum of the h_j instead.
 *
 * A zero h_j leaves a as it is but for Adam's momentum. K = 1: w = 1.
 *
 * @throws OptionError; ShapeError without `ahead`; NumericalError for a loss that is not finite, naming its task
 *
 * @example
 * const method = moml({ learningRate: 0.01 });
 * const ahead = array([[-2, 1], [0.5, -1]], "float64") as NdArray<Float64Array>;
 * const input = { losses: Float64Array.of(2, 0.5), ahead, step: 0, epoch: 0, rng: createRng(0) };
 * method.combine(input, method.init(2)).weights; // 0.5, 0.5
 */
export function moml(options: MomlOptions = {}): MultiTaskMethod<MomlState> {
  const { learningRate, innerRate } = momlOptions.read(options);
  return checkedMethod<MomlState>({
    name: "moml",
    needs: "losses",
    headGradient: "weighted",
    samplesPerStep: 3,
    virtualRate: innerRate,
    init: (tasks) => ({ a: new Float64Array(tasks).fill(1 / tasks), adam: startAdam(tasks) }),
    virtualWeights: ({ a }) => softmax(a),
    combine(input, { a, adam: before }) {
      const ahead = aheadOf("moml", input);
      const K = a.length;
      const w = softmax(a);
      // Row j: dL_j / da_i = w_i (dL_j / dw_i - sum_m w_m dL_j / dw_m).
      const rows = new Float64Array(K * K);
      for (let j = 0; j < K; j++) {
        const mean = w.reduce((sum, x, i) => sum + x * ahead.data[i * K + j], 0);
        for (let i = 0; i < K; i++) rows[j * K + i] = w[i] * (ahead.data[i * K + j] - mean);
      }
      const norms = rowNorms({ shape: [K, K], data: rows });
      const unit = {
        shape: [K, K],
        data: rows.map((x, at) => x / (norms[Math.floor(at / K)] || 1)),
      };
      const gradient = weightedRows(unit, minNorm(blockGramian(unit)).weights);
      const { params, adam } = adamOnHost(a, gradient, before, { learningRate });
      return { weights: softmax(params), state: { a: params, adam } };
    },
  });
}
