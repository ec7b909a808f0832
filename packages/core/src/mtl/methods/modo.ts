// L. Chen et al., "Three-way trade-off in multi-objective learning: optimization, generalization and
// conflict-avoidance", NeurIPS 2023, algorithm 1.
import { nonNegative, type OptionsOf, optionTable } from "../../options.js";
import { times } from "../kernels/gramian.js";
import { crossGramian, samplesOf, weightedRows } from "../kernels/jacobian-rows.js";
import { projectSimplex } from "../kernels/simplex.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";

export interface ModoOptions extends OptionsOf<typeof modoOptions> {}

export const modoOptions = optionTable("modo", {
  /** Rate of the steps on lambda; default 1e-3. */
  gamma: nonNegative.default(1e-3),
  /** Weight of 1/2 ||lambda||^2; default 0.1. */
  rho: nonNegative.default(0.1),
});

/** State of {@link modo}: lambda of the last step, 1 / K before the first. */
export interface ModoState {
  readonly lambda: Float64Array;
}

/**
 * MoDo: MGDA's weights from one double-sampled projected gradient step per step; unbiased, as the batches are
 * independent.
 *
 * lambda <- project(lambda - gamma (J_1 J_2' lambda + rho lambda)) on the simplex; d = J_3' lambda
 *
 * d is a sum over the third batch, so `direction` gives it and there are no `weights`; the heads' weights are 1.
 *
 * Zero rows attract weight, as in MGDA; dependent gradients need no special case. K = 1: lambda = 1.
 *
 * @throws OptionError; ShapeError without three samples; NumericalError for a loss or gradient that is not finite,
 *   naming its task
 *
 * @example
 * const jacobian = ndarray(Float64Array.of(-4, 1, 1, 6, 1, 1), [2, 3]);
 * const samples = [jacobian, jacobian, jacobian];
 * const input = { losses: Float64Array.of(2, 0.5), jacobian, samples, step: 0, epoch: 0, rng: createRng(0) };
 * const method = modo({ gamma: 0 });
 * method.combine(input, method.init(2)).direction; // 1, 1, 1
 */
export function modo(options: ModoOptions = {}): MultiTaskMethod<ModoState> {
  const { gamma, rho } = modoOptions.read(options);
  return checkedMethod<ModoState>({
    name: "modo",
    needs: "jacobian",
    headGradient: "unweighted",
    samplesPerStep: 3,
    init: (tasks) => ({ lambda: new Float64Array(tasks).fill(1 / tasks) }),
    combine(input, state) {
      const [first, second, third] = samplesOf("modo", input, 3);
      const pull = times(crossGramian(first, second), state.lambda);
      const lambda = projectSimplex(state.lambda.map((x, k) => x - gamma * (pull[k] + rho * x)));
      return { direction: weightedRows(third, lambda), state: { lambda } };
    },
  });
}
