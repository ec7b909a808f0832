// B. Liu, Y. Feng, P. Stone, Q. Liu, "FAMO: fast adaptive multitask optimization", NeurIPS 2023, algorithm 1.

import { NumericalError } from "../../errors.js";
import { finite, nonNegative, type OptionsOf, oneOrEach, optionTable, positive } from "../../options.js";
import { adamOnHost, type HostAdamState, startAdam } from "../kernels/adam-on-host.js";
import { eachTask } from "../kernels/per-task.js";
import { softmax } from "../kernels/simplex.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";

export interface FamoOptions extends OptionsOf<typeof famoOptions> {}

export const famoOptions = optionTable("famo", {
  /** Learning rate of Adam for the logits; default 0.025. */
  learningRate: positive.default(0.025),
  /**
   * Weight decay of the logits; default 0.01. The authors use 0.01 for CityScapes, 0.001 for NYUv2, QM9 and
   * CelebA.
   */
  gamma: nonNegative.default(0.01),
  /** Lower bounds b of the losses: one for all, or one per task; default 0. */
  minLosses: oneOrEach(finite).default(0),
});

export interface FamoState {
  /** xi, [K]. */
  readonly logits: Float64Array;
  readonly adam: HostAdamState;
}

const epsilon = 1e-8;

/**
 * FAMO: every task's loss should fall at the same rate, using only the losses and a second forward pass.
 *
 * z = softmax(xi), D_k = L_k - b_k + 1e-8, w_k = (z_k / D_k) / sum_j (z_j / D_j)
 * after the step, with L' on the same batch: delta_k = log D_k - log D'_k, the gradient in xi is
 * z_k (delta_k - sum_j z_j delta_j), and xi takes a step of Adam with weight decay gamma
 *
 * Adam minimizes: a task that fell more than the others loses weight. Without the call of `afterStep` the z stay equal.
 * Zero gradients need no special case; K = 1: weight 1. No clipping: in the official code it comes before the gradient.
 *
 * @throws OptionError; NumericalError for a loss that is not finite, or below its bound, naming its task
 *
 * @example
 * const method = famo({ gamma: 0.001 });
 * const input = { losses: Float64Array.of(2, 0.5), step: 0, epoch: 0, rng: createRng(0) };
 * const { weights, state } = method.combine(input, method.init(2)); // 0.2, 0.8
 * method.afterStep?.(Float64Array.of(1, 0.5), input, state).logits; // -0.025, 0.025
 */
export function famo(options: FamoOptions = {}): MultiTaskMethod<FamoState> {
  const { learningRate, gamma, minLosses } = famoOptions.read(options);
  const distances = (losses: Float64Array): Float64Array => {
    const bounds = eachTask("famo: minLosses", minLosses, losses.length);
    return losses.map((loss, k) => {
      const distance = loss - bounds[k] + epsilon;
      if (distance > 0) return distance;
      throw new NumericalError(
        `famo takes the logarithm of losses above their bound; task ${k} has loss ${loss} and bound ${bounds[k]}. Lower minLosses for it.`,
      );
    });
  };
  return checkedMethod<FamoState>({
    name: "famo",
    needs: "losses",
    headGradient: "weighted",
    init(tasks) {
      eachTask("famo: minLosses", minLosses, tasks);
      return { logits: new Float64Array(tasks), adam: startAdam(tasks) };
    },
    combine({ losses }, state) {
      const d = distances(losses);
      const scaled = softmax(state.logits).map((z, k) => z / d[k]);
      const c = scaled.reduce((a, b) => a + b, 0);
      return { weights: scaled.map((x) => x / c), state };
    },
    afterStep(losses, { losses: before }, { logits, adam: past }) {
      const [d, after] = [distances(before), distances(losses)];
      const delta = d.map((x, k) => Math.log(x) - Math.log(after[k]));
      const z = softmax(logits);
      const mean = z.reduce((sum, p, k) => sum + p * delta[k], 0);
      const gradient = z.map((p, k) => p * (delta[k] - mean));
      const { params, adam } = adamOnHost(logits, gradient, past, { learningRate, weightDecay: gamma });
      return { logits: params, adam };
    },
  });
}
