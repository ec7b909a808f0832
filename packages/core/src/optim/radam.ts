// L. Liu et al., "On the variance of the adaptive learning rate and beyond", ICLR 2020, algorithm 2.
import { mapTree } from "../graph/autodiff.js";
import { add, div, maximum, mul, pow, sub } from "../graph/ops/arithmetic.js";
import { greater, where } from "../graph/ops/compare.js";
import { sqrt } from "../graph/ops/elementary.js";
import { type OptionsOf, optionTable } from "../options.js";
import { type AdamScalingOptions, adamMoments, adamRows, adamTrees } from "./adam.js";
import { chain, type GradientTransform } from "./chain.js";
import { penalty } from "./decay.js";
import { type Optimizer, scalarLike } from "./optimizer.js";

/** Options of {@link scaleByRadam}. */
export interface RadamScalingOptions
  extends Omit<AdamScalingOptions, "amsgrad">,
    OptionsOf<typeof scaleByRadamOptions> {}

export interface RadamOptions extends RadamScalingOptions, OptionsOf<typeof radamOptions> {}

const { amsgrad: _, ...rows } = adamRows;

export const radamOptions = optionTable("radam", {
  ...rows,
  /** lambda of an L2 penalty lambda/2 ||w||^2; default 0. */
  weightDecay: adamRows.weightDecay,
});

/**
 * RAdam: Adam that does not divide by the root mean square before its variance is known, a warm-up without a setting.
 *
 * g <- g + lambda w
 * m <- b1 m + (1 - b1) g
 * v <- b2 v + (1 - b2) g^2
 * rho_inf = 2 / (1 - b2) - 1, rho_t = rho_inf - 2 t b2^t / (1 - b2^t), t = 1, 2, ...
 * r_t = sqrt((rho_t - 4) (rho_t - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho_t))
 * w <- w - eta r_t m / (1 - b1^t) sqrt(1 - b2^t) / (sqrt(v) + epsilon) if rho_t > 5, else w <- w - eta m / (1 - b1^t)
 *
 * eta: the learning rate; [b1, b2]: `betas`; lambda: `weightDecay`, an L2 penalty.
 * State: `step` (t), `m`, `v`. The paper's condition is rho_t > 4; this is PyTorch's form.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * const { loss } = await minimize(
 *   { loss: (w) => sum(square(w)), start: array([3, -4], "float64") },
 *   { optimizer: radam({ betas: [0.9, 0.99] }), learningRate: 0.1, steps: 4 },
 * );
 * console.log(Array.from(loss, (l) => l.toFixed(3)).join(" "));
 * // 25.000 16.000 9.643 5.343 2.605
 */
export function radam(options: RadamOptions = {}): Optimizer {
  const { weightDecay, ...settings } = radamOptions.read(options);
  return chain("radam", [penalty({ weightDecay }), scaleByRadam(settings)]);
}

const { weightDecay: __, ...scalingRows } = radamOptions.rows;

const scaleByRadamOptions = optionTable("scaleByRadam", scalingRows);

/**
 * A part of a {@link chain}: RAdam's scaling. See {@link radam} for its formula, options and state.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * chain("decayed RAdam", [shrink({ weightDecay: 0.01 }), scaleByRadam()]).name; // decayed RAdam
 */
export function scaleByRadam(options: RadamScalingOptions = {}): GradientTransform {
  const { betas, epsilon } = scaleByRadamOptions.read(options);
  const [b1, b2] = betas;
  const limit = 2 / (1 - b2) - 1;
  return {
    name: "scaleByRadam",
    trees: adamTrees,
    scalars: { step: 0 },
    keepsGradients: false,
    apply(gradients, { trees, scalars }) {
      const { m, v } = adamMoments(betas, gradients, trees);
      const step = add(scalars.step, 1);
      const weight = sub(1, pow(b2, step));
      const rho = sub(limit, div(mul(mul(2, step), sub(1, weight)), weight));
      const isKnown = greater(rho, 5);
      const product = mul(mul(sub(rho, 4), sub(rho, 2)), limit / ((limit - 4) * (limit - 2)));
      // Not used, and not negative, where rho is small.
      const r = sqrt(maximum(div(product, maximum(rho, 1)), 0));
      const adaptive = mul(r, sqrt(weight));
      return {
        direction: mapTree(
          (a, b) => where(isKnown, mul(scalarLike(adaptive, a), div(a, add(sqrt(b), epsilon))), a),
          m,
          v,
        ),
        factor: div(1, sub(1, pow(b1, step))),
        trees: { m, v },
        scalars: { step },
      };
    },
  };
}
