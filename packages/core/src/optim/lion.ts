// X. Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, arXiv 2302.06675, program 1.
import { mapTree } from "../graph/autodiff.js";
import { add, mul } from "../graph/ops/arithmetic.js";
import { sign } from "../graph/ops/elementary.js";
import type { Tensor } from "../graph/tensor.js";
import { listOf, nonNegative, smoothing } from "../option-kinds.js";
import { type OptionRows, optionTable } from "../options.js";
import { checkUpdate, descend, filledLike, type Optimizer, withDecay } from "./optimizer.js";

export interface LionOptions {
  /** b1 and b2 in [0, 1): weight of the mean in a step, and its smoothing; default [0.9, 0.99]. */
  readonly betas?: readonly [number, number] | undefined;
  /** lambda, separate from the gradient; default 0. */
  readonly weightDecay?: number | undefined;
}

export const lionOptions = optionTable("lion", {
  betas: listOf(smoothing, { length: 2 }).default([0.9, 0.99]),
  weightDecay: nonNegative.default(0),
} satisfies OptionRows<LionOptions>);

/**
 * Lion: steps of one size for every weight, in the sign of a running mean of gradients.
 *
 * w <- w - eta (sign(b1 m + (1 - b1) g) + lambda w)
 * m <- b2 m + (1 - b2) g
 *
 * eta: the learning rate, 3 to 10 times smaller than AdamW's; [b1, b2]: `betas`; lambda: `weightDecay`, 3 to 10 times larger.
 * State: `m`.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * const optimizer = lion();
 * let params = array([3, -4], "float64");
 * let state = optimizer.init(params);
 * const step = await jit((p, s, rate) => {
 *   const [loss, gradients] = valueAndGrad((w) => sum(square(w)))(p);
 *   return { loss, ...optimizer.update(gradients, s, p, rate) };
 * }, [params, state, spec([], "float64")]);
 * for (let t = 0; t < 5; t++) {
 *   const result = await step(params, state, array(0.5, "float64"));
 *   ({ params, state } = result);
 *   console.log(item(result.loss).toFixed(3));
 * }
 * // 25.000 18.500 13.000 8.500 5.000
 */
export function lion(options: LionOptions = {}): Optimizer {
  const {
    betas: [b1, b2],
    weightDecay,
  } = lionOptions.read(options);
  const mix = (b: number) => (m: Tensor, g: Tensor) => add(mul(b, m), mul(1 - b, g));
  return {
    name: "lion",
    moments: { m: { power: 1, kind: "average" } },
    init: (params) => ({ m: filledLike(params) }),
    update(gradients, state, params, learningRate) {
      checkUpdate("lion", params, learningRate, { gradients, m: state.m });
      const past = state.m as typeof params;
      const signs = mapTree((m, g) => sign(mix(b1)(m, g)), past, gradients);
      return {
        params: descend(params, withDecay(signs, params, weightDecay), learningRate),
        state: { m: mapTree(mix(b2), past, gradients) },
      };
    },
  };
}
