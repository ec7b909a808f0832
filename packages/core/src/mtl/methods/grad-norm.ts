// Z. Chen et al., "GradNorm: gradient normalization for adaptive loss balancing in deep multitask networks", ICML 2018,
// equations 1 and 2, algorithm 1.
import { nonNegative, type OptionsOf, oneOf, optionTable, positive } from "../../options.js";
import { adamOnHost, type HostAdamState, startAdam } from "../kernels/adam-on-host.js";
import { gramianOf, rowNorms } from "../kernels/gramian.js";
import { ratio } from "../kernels/ratio.js";
import { softmax } from "../kernels/simplex.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";

export interface GradNormOptions extends OptionsOf<typeof gradNormOptions> {}

export const gradNormOptions = optionTable("gradNorm", {
  /** Strength of the pull toward equal training rates; default 1.5. */
  alpha: nonNegative.default(1.5),
  /** Learning rate of Adam for the logits; default 0.025. */
  learningRate: positive.default(0.025),
  /**
   * Where L_k(0) comes from: the mean losses of the first epoch, or the first step as in the paper. Default `epoch`, of which a run
   * without data has none: it keeps the plain sum, so give `step`.
   */
  initialLosses: oneOf(["epoch", "step"]).default("epoch"),
});

export interface GradNormState {
  /** The weights are K softmax(logits); [K]. */
  readonly logits: Float64Array;
  readonly adam: HostAdamState;
  /** L_k(0), [K]; null before it is known. */
  readonly initial: Float64Array | null;
}

/**
 * GradNorm: trained weights that balance the gradients' norms, with larger norms for tasks that train slowly.
 *
 * w = K softmax(logits), n_k = w_k ||g_k||, nbar = mean n, r_k = (L_k / L_k(0)) / mean_j (L_j / L_j(0))
 * the logits take a step of Adam on sum_k |n_k - nbar r_k^alpha|, with nbar and r held
 *
 * The norms come from the Gramian, and so from all shared parameters; the paper uses those of the last shared
 * layer. The plain sum until L_k(0) is known. L_k(0) = 0 counts as L_k / L_k(0) = 1. With a zero gradient, a
 * task's logit changes only through the softmax. K = 1: weight 1.
 *
 * @throws OptionError; NumericalError for a loss that is negative or a number that is not finite, naming its task
 *
 * @example
 * const method = gradNorm({ initialLosses: "step" });
 * const gramian = array([[4, 0], [0, 1]], "float64") as NdArray<Float64Array>;
 * const input = { losses: Float64Array.of(2, 1), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * const { weights, state } = method.combine(input, method.init(2)); // 1, 1
 * state.logits; // 0.975, 1.025
 */
export function gradNorm(options: GradNormOptions = {}): MultiTaskMethod<GradNormState> {
  const { alpha, learningRate, initialLosses } = gradNormOptions.read(options);
  return checkedMethod<GradNormState>({
    name: "gradnorm",
    needs: "gramian",
    headGradient: "weighted",
    losses: "non-negative",
    init: (tasks) => ({ logits: new Float64Array(tasks).fill(1), adam: startAdam(tasks), initial: null }),
    combine(input, state) {
      const { losses } = input;
      const tasks = losses.length;
      const initial = state.initial ?? (initialLosses === "step" ? losses.slice() : null);
      if (initial === null) return { weights: new Float64Array(tasks).fill(1), state };
      const weights = softmax(state.logits).map((p) => tasks * p);
      const norms = rowNorms(gramianOf(input));
      const rates = losses.map((loss, k) => ratio(loss, initial[k]));
      const gradient = logitGradient(weights, norms, rates, alpha);
      const { params, adam } = adamOnHost(state.logits, gradient, state.adam, { learningRate });
      return { weights, state: { logits: params, adam, initial } };
    },
    ...(initialLosses === "epoch" && {
      endEpoch: (meanLosses: Float64Array, state: GradNormState) =>
        state.initial ? state : { ...state, initial: meanLosses.slice() },
    }),
  });
}

/** The derivative of sum_k |w_k ||g_k|| - target_k| in the logits, through w = K softmax. */
function logitGradient(
  weights: Float64Array,
  norms: Float64Array,
  rates: Float64Array,
  alpha: number,
): Float64Array {
  const tasks = weights.length;
  const meanOf = (x: Float64Array) => x.reduce((sum, v) => sum + v / tasks, 0);
  const scaled = norms.map((n, k) => weights[k] * n);
  const [meanNorm, meanRate] = [meanOf(scaled), meanOf(rates)];
  const inWeights = norms.map(
    (n, k) => n * Math.sign(scaled[k] - meanNorm * ratio(rates[k], meanRate) ** alpha),
  );
  const held = meanOf(inWeights.map((x, k) => x * weights[k]));
  return inWeights.map((x, k) => weights[k] * (x - held));
}
