// S. Liu, S. James, A. Davison, E. Johns, "Auto-Lambda: disentangling dynamic task relationships", TMLR 2022, and the authors' program.
import { OptionError } from "../../errors.js";
import { finite, integerFrom, listOf, type OptionsOf, oneOf, optionTable, positive } from "../../options.js";
import { adamOnHost, type HostAdamState, startAdam } from "../kernels/adam-on-host.js";
import { aheadOf } from "../kernels/jacobian-rows.js";
import { softmax } from "../kernels/simplex.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";

export interface AutoLambdaOptions extends OptionsOf<typeof autoLambdaOptions> {}

export const autoLambdaOptions = optionTable("autoLambda", {
  /** Learning rate of Adam for a; default 1e-4. */
  learningRate: positive.default(1e-4),
  /** a before the first step; default 0.1. */
  initial: finite.default(0.1),
  /** Whether w is a itself (`free`, default, as the authors have it) or softmax(a), as LibMTL has it. */
  weights: oneOf(["free", "softmax"]).default("free"),
  /** Numbers of the tasks whose losses count; the others only help them. Default all. */
  primary: listOf(integerFrom(0), { least: 1 }).otherwise("all"),
});

export interface AutoLambdaState {
  /** [K]. */
  readonly a: Float64Array;
  readonly adam: HostAdamState;
}

/**
 * Auto-Lambda: weights that are trained so that a step with them lowers the primary tasks' losses on another batch.
 *
 * theta' = theta - eta sum_k w_k grad L_k(theta);  F(a) = sum of the primary L_j(theta') on the other batch
 * a takes a step of Adam along dF/da, dF/dw_i = -eta <grad L_i(theta), grad F(theta')>; then an ordinary step with the new w = a or softmax(a)
 *
 * The virtual step has the run's learning rate and is plain, whatever the optimizer, in all parameters, the heads' included. The products are exact; the
 * authors take finite differences, which need fewer backward passes where there are many tasks. Free weights may become negative.
 *
 * Zero gradients and K = 1 need no special case.
 *
 * @throws OptionError, also for a primary task that there is not; ShapeError without `ahead`; NumericalError for a loss
 *   that is not finite, naming its task
 *
 * @example
 * const method = autoLambda({ learningRate: 0.01 });
 * const ahead = array([[-2, 1], [0.5, -1]], "float64") as NdArray<Float64Array>;
 * const input = { losses: Float64Array.of(2, 0.5), ahead, step: 0, epoch: 0, rng: createRng(0) };
 * method.combine(input, method.init(2)).weights; // 0.11, 0.11
 */
export function autoLambda(options: AutoLambdaOptions = {}): MultiTaskMethod<AutoLambdaState> {
  const { learningRate, initial, weights: form, primary } = autoLambdaOptions.read(options);
  const weightsOf = (a: Float64Array) => (form === "free" ? a.slice() : softmax(a));
  return checkedMethod<AutoLambdaState>({
    name: "autoLambda",
    needs: "losses",
    headGradient: "weighted",
    samplesPerStep: 2,
    init(tasks) {
      const none = primary?.find((task) => task >= tasks);
      if (none !== undefined) {
        throw new OptionError(`autoLambda: primary tasks are numbered 0 to ${tasks - 1}; got ${none}.`);
      }
      return { a: new Float64Array(tasks).fill(initial), adam: startAdam(tasks) };
    },
    virtualWeights: ({ a }) => weightsOf(a),
    combine(input, { a, adam: before }) {
      const ahead = aheadOf("autoLambda", input);
      const K = a.length;
      const counted = primary ?? [...a.keys()];
      const slope = a.map((_, i) => counted.reduce((sum, j) => sum + ahead.data[i * K + j], 0));
      const w = weightsOf(a);
      const mean = w.reduce((sum, x, k) => sum + x * slope[k], 0);
      const gradient = form === "free" ? slope : slope.map((x, k) => w[k] * (x - mean));
      const { params, adam } = adamOnHost(a, gradient, before, { learningRate });
      return { weights: weightsOf(params), state: { a: params, adam } };
    },
  });
}
