import { mapTree } from "../graph/autodiff.js";
import { add, div, mul } from "../graph/ops/arithmetic.js";
import { equal, where } from "../graph/ops/compare.js";
import type { Tensor } from "../graph/tensor.js";
import { integerFrom, type OptionsOf, optionTable } from "../options.js";
import { checkUpdate, filledLike, type Optimizer, zeroSteps } from "./optimizer.js";

export interface AccumulationOptions extends OptionsOf<typeof accumulationOptions> {}

const accumulationOptions = optionTable("withAccumulation", {
  /** k: number of steps whose gradients are averaged. */
  steps: integerFrom(1).required(),
});

/**
 * An optimizer that steps along the mean gradient of k batches: a batch k times as large in the memory of one.
 *
 * s <- s + g / k; after every k steps the optimizer's update with s, and s <- 0
 *
 * k: `steps`. The optimizer counts its own updates, and its learning rate is that of the last of the k steps. Clipping by a
 * trainer's options is that of the single gradients; `withAdaptiveClipping(optimizer)` within clips s.
 * State: the optimizer's, `gradientSum` (s) and `gradients` (how many are in it).
 *
 * @throws OptionError for options that are unknown or out of range
 *
 * @example
 * const optimizer = withAccumulation(sgd(), { steps: 2 });
 * let params = array([3], "float64");
 * let state = optimizer.init(params);
 * const step = await jit((p, s, g) => optimizer.update(g, s, p, 1), [params, state, spec([1], "float64")]);
 * for (const g of [1, 3, 0, 1]) {
 *   ({ params, state } = await step(params, state, array([g], "float64")));
 *   console.log(params.data[0]);
 * }
 * // 3 1 1 0.5
 */
export function withAccumulation(optimizer: Optimizer, options: AccumulationOptions): Optimizer {
  const { steps } = accumulationOptions.read(options);
  return {
    ...optimizer,
    baseOf: (path) => optimizer.baseOf?.(path) ?? optimizer,
    delays: { optimizer, own: ["gradientSum", "gradients"] },
    moments: { ...optimizer.moments, gradientSum: { power: 1, kind: "sum" } },
    init: (params) => ({
      ...optimizer.init(params),
      gradientSum: filledLike(params),
      gradients: zeroSteps(),
    }),
    update(gradients, state, params, learningRate, gradientAt) {
      const { gradientSum, gradients: count, ...inner } = state;
      checkUpdate(optimizer.name, params, learningRate, { gradients, gradientSum });
      const total = mapTree((s, g) => add(s, div(g, steps)), gradientSum as typeof params, gradients);
      const updated = optimizer.update(total, inner, params, learningRate, gradientAt);
      const counted = add(count as Tensor, 1);
      const isDue = equal(counted, steps);
      const chosen = <T>(yes: T, no: T): T => mapTree((a, b) => where(isDue, a, b), yes, no);
      return {
        params: chosen(updated.params, params),
        state: {
          ...chosen(updated.state, inner),
          gradientSum: mapTree((s) => where(isDue, mul(s, 0), s), total),
          gradients: where(isDue, mul(counted, 0), counted),
        },
      };
    },
  };
}
