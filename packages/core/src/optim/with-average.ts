// Equal weights: P. Izmailov et al., "Averaging weights leads to wider optima and better generalization", UAI 2018, eq. 1;
// exponential ones: B. Polyak, A. Juditsky, SIAM J. Control Optim. 30(4), 1992, in the form of TensorFlow and PyTorch.
import { mapTree } from "../graph/autodiff.js";
import { add, div, mul, sub } from "../graph/ops/arithmetic.js";
import { equal, greater, logicalAnd, where } from "../graph/ops/compare.js";
import { floor } from "../graph/ops/elementary.js";
import { constant } from "../graph/ops/leaf.js";
import type { Tensor } from "../graph/tensor.js";
import { integerFrom, type OptionsOf, optionTable, smoothing } from "../options.js";
import { checkUpdate, type Optimizer, type OptimizerState, scalarLike, zeroSteps } from "./optimizer.js";

export interface AverageOptions extends OptionsOf<typeof averageOptions> {}

const averageOptions = optionTable("withAverage", {
  /** d in [0, 1): weight of the past in an exponential average (EMA); default none: equal weights (SWA). */
  decay: smoothing.otherwise("none: equal weights"),
  /** Steps before the average begins; default 0. */
  start: integerFrom(0).default(0),
  /** Steps between parameters that enter the average; default 1. */
  every: integerFrom(1).default(1),
});

/**
 * An optimizer that keeps an average of the parameters, which is what a trainer evaluates and predicts with: an
 * exponential one (EMA, with `decay`) or one of equal weights (SWA).
 *
 * a <- d a + (1 - d) w, or a <- a + (w - a) / (n + 1), n the number of parameters in it; the first a is w
 *
 * w: parameters after the optimizer's step; d: `decay`. After `start` steps each `every`-th w enters; until then a is w.
 * Running statistics of batch norms are those of w. After a teleport, whatever happens to the moments, the average begins
 * again at the moved parameters: a mean of points from different places of an orbit is on none.
 * State: the optimizer's, `average` (a), `averaged` (n) and `averageStep`.
 *
 * @throws OptionError for options that are unknown or out of range
 *
 * @example
 * const optimizer = withAverage(sgd(), { decay: 0.5 });
 * let params = array([4], "float64");
 * let state = optimizer.init(params);
 * const step = await jit((p, s) => optimizer.update(p, s, p, 0.5), [params, state]);
 * for (let t = 0; t < 3; t++) {
 *   ({ params, state } = await step(params, state));
 *   console.log(`${params.data[0]} ${state.average.data[0]}`);
 * }
 * // 2 2 1 1.5 0.5 1
 */
export function withAverage(optimizer: Optimizer, options: AverageOptions = {}): Optimizer {
  const { decay, start, every } = averageOptions.read(options);
  return {
    ...optimizer,
    restarts: { ...optimizer.restarts, average: "params", averaged: "zero" },
    evaluated: <P>(state: OptimizerState) => state.average as P,
    init: (params) => ({
      ...optimizer.init(params),
      average: params,
      averaged: zeroSteps(),
      averageStep: zeroSteps(),
    }),
    update(gradients, state, params, learningRate, gradientAt) {
      const { average, averaged, averageStep, ...inner } = state;
      checkUpdate(optimizer.name, params, learningRate, { gradients, average });
      const updated = optimizer.update(gradients, inner, params, learningRate, gradientAt);
      const [n, step] = [averaged as Tensor, add(averageStep as Tensor, 1)];
      const since = sub(step, start);
      const isDue = logicalAnd(greater(since, 0), equal(since, mul(every, floor(div(since, every)))));
      const share = decay === undefined ? div(1, add(n, 1)) : constant(1 - decay, "float64");
      const weight = where(equal(n, 0), 1, where(isDue, share, 0));
      const next = mapTree(
        (a, w) => add(a, mul(scalarLike(weight, w), sub(w, a))),
        average as typeof params,
        updated.params,
      );
      return {
        params: updated.params,
        state: {
          ...updated.state,
          average: next,
          averaged: where(isDue, add(n, 1), n),
          averageStep: step,
        },
      };
    },
  };
}
