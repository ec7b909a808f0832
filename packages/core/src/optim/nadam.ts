// T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR 2016 workshop, algorithm 8, with the paper's schedule of b1.
import { mapTree } from "../graph/autodiff.js";
import { add, div, mul, pow, sub } from "../graph/ops/arithmetic.js";
import { sqrt } from "../graph/ops/elementary.js";
import type { Tensor } from "../graph/tensor.js";
import { nonNegative } from "../option-kinds.js";
import { type OptionRows, optionTable } from "../options.js";
import { type AdamOptions, adamMoments, adamRows } from "./adam.js";
import {
  checkUpdate,
  filledLike,
  type Optimizer,
  oneScalar,
  scalarLike,
  scalarOf,
  withDecay,
  zeroSteps,
} from "./optimizer.js";

export interface NadamOptions extends Omit<AdamOptions, "amsgrad"> {
  /** psi: how fast the momentum grows to b1; default 0.004. */
  readonly momentumDecay?: number | undefined;
}

const { amsgrad: _, ...rows } = adamRows;

export const nadamOptions = optionTable("nadam", {
  ...rows,
  momentumDecay: nonNegative.default(0.004),
} satisfies OptionRows<NadamOptions>);

/**
 * NAdam: Adam with Nesterov's momentum, which looks ahead by one step of the mean.
 *
 * g <- g + lambda w
 * m <- b1 m + (1 - b1) g
 * v <- b2 v + (1 - b2) g^2
 * mu_t = b1 (1 - 0.96^(t psi) / 2), M_t = mu_1 ... mu_t
 * w <- w - eta ((1 - mu_t) / (1 - M_t) g + mu_{t+1} / (1 - M_{t+1}) m) / (sqrt(v / (1 - b2^t)) + epsilon), t = 1, 2, ...
 *
 * eta: the learning rate; [b1, b2]: `betas`; lambda: `weightDecay`, an L2 penalty; psi: `momentumDecay`.
 * State: `step` (t), `product` (M_t), `m`, `v`. PyTorch's form.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * const optimizer = nadam({ betas: [0.9, 0.99] });
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
 * // 25.000 18.163 14.116 10.960 8.348
 */
export function nadam(options: NadamOptions = {}): Optimizer {
  const { betas, epsilon, weightDecay, momentumDecay } = nadamOptions.read(options);
  const [b1, b2] = betas;
  const momentum = (t: Tensor) => mul(b1, sub(1, mul(0.5, pow(0.96, mul(momentumDecay, t)))));
  return {
    name: "nadam",
    moments: { m: { power: 1, kind: "average" }, v: { power: 2, kind: "average" } },
    init: (params) => ({
      step: zeroSteps(),
      product: oneScalar(),
      m: filledLike(params),
      v: filledLike(params),
    }),
    update(gradients, state, params, learningRate) {
      checkUpdate("nadam", params, learningRate, { gradients, m: state.m, v: state.v });
      const g = withDecay(gradients, params, weightDecay);
      const { m, v } = adamMoments(betas, g, state);
      const step = add(state.step as Tensor, 1);
      const [now, then] = [momentum(step), momentum(add(step, 1))];
      const product = mul(state.product as Tensor, now);
      const rate = scalarOf(learningRate, "float64");
      const root = sqrt(sub(1, pow(b2, step)));
      // The root of 1 - b2^t is taken out of the denominator, which saves an operation for every parameter.
      const ofGradient = mul(rate, mul(root, div(sub(1, now), sub(1, product))));
      const ofMean = mul(rate, mul(root, div(then, sub(1, mul(product, then)))));
      const floor = mul(epsilon, root);
      const direction = mapTree(
        (x, a, b) =>
          div(
            add(mul(scalarLike(ofGradient, x), x), mul(scalarLike(ofMean, a), a)),
            add(sqrt(b), scalarLike(floor, b)),
          ),
        g,
        m,
        v,
      );
      return { params: mapTree(sub, params, direction), state: { step, product, m, v } };
    },
  };
}
