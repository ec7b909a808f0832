// T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR 2016 workshop, algorithm 8, with the paper's schedule of b1.
import { mapTree } from "../graph/autodiff.js";
import { add, div, mul, pow, sub } from "../graph/ops/arithmetic.js";
import { sqrt } from "../graph/ops/elementary.js";
import type { Tensor } from "../graph/tensor.js";
import { nonNegative, type OptionsOf, optionTable } from "../options.js";
import { type AdamScalingOptions, adamMoments, adamRows, adamTrees } from "./adam.js";
import { chain, type GradientTransform } from "./chain.js";
import { penalty } from "./decay.js";
import { type Optimizer, scalarLike } from "./optimizer.js";

/** Options of {@link scaleByNadam}. */
export interface NadamScalingOptions
  extends Omit<AdamScalingOptions, "amsgrad">,
    OptionsOf<typeof scaleByNadamOptions> {}

export interface NadamOptions extends NadamScalingOptions, OptionsOf<typeof nadamOptions> {}

const { amsgrad: _, ...rows } = adamRows;

export const nadamOptions = optionTable("nadam", {
  ...rows,
  /** lambda of an L2 penalty lambda/2 ||w||^2; default 0. */
  weightDecay: adamRows.weightDecay,
  /** psi: how fast the momentum grows to b1; default 0.004. */
  momentumDecay: nonNegative.default(0.004),
});

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
 * const { loss } = await minimize(
 *   { loss: (w) => sum(square(w)), start: array([3, -4], "float64") },
 *   { optimizer: nadam({ betas: [0.9, 0.99] }), learningRate: 0.5, steps: 4 },
 * );
 * console.log(Array.from(loss, (l) => l.toFixed(3)).join(" "));
 * // 25.000 18.163 14.116 10.960 8.348
 */
export function nadam(options: NadamOptions = {}): Optimizer {
  const { weightDecay, ...settings } = nadamOptions.read(options);
  return chain("nadam", [penalty({ weightDecay }), scaleByNadam(settings)]);
}

const { weightDecay: __, ...scalingRows } = nadamOptions.rows;

const scaleByNadamOptions = optionTable("scaleByNadam", scalingRows);

/**
 * A part of a {@link chain}: NAdam's scaling. See {@link nadam} for its formula, options and state.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * chain("decayed NAdam", [shrink({ weightDecay: 0.01 }), scaleByNadam()]).name; // decayed NAdam
 */
export function scaleByNadam(options: NadamScalingOptions = {}): GradientTransform {
  const { betas, epsilon, momentumDecay } = scaleByNadamOptions.read(options);
  const [b1, b2] = betas;
  const momentum = (t: Tensor) => mul(b1, sub(1, mul(0.5, pow(0.96, mul(momentumDecay, t)))));
  return {
    name: "scaleByNadam",
    trees: adamTrees,
    scalars: { step: 0, product: 1 },
    keepsGradients: false,
    apply(gradients, { trees, scalars }) {
      const { m, v } = adamMoments(betas, gradients, trees);
      const step = add(scalars.step, 1);
      const [now, then] = [momentum(step), momentum(add(step, 1))];
      const product = mul(scalars.product, now);
      const root = sqrt(sub(1, pow(b2, step)));
      // The root of 1 - b2^t is taken out of the denominator, which saves an operation for every parameter.
      const ofGradient = mul(root, div(sub(1, now), sub(1, product)));
      const ofMean = mul(root, div(then, sub(1, mul(product, then))));
      const floor = mul(epsilon, root);
      const ahead = mapTree(
        (g, a) => add(mul(scalarLike(ofGradient, g), g), mul(scalarLike(ofMean, a), a)),
        gradients,
        m,
      );
      return {
        direction: mapTree((a, b) => div(a, add(sqrt(b), scalarLike(floor, b))), ahead, v),
        trees: { m, v },
        scalars: { step, product },
      };
    },
  };
}
