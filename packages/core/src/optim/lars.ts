// Y. You, I. Gitman, B. Ginsburg, "Large batch training of convolutional networks", arXiv 1708.03888, algorithm 1.
import { mapTree } from "../graph/autodiff.js";
import { add, div, mul } from "../graph/ops/arithmetic.js";
import { greater, where } from "../graph/ops/compare.js";
import { sqrt, square } from "../graph/ops/elementary.js";
import { sum } from "../graph/ops/reduce.js";
import type { Tensor } from "../graph/tensor.js";
import { flag, nonNegative, type OptionsOf, optionTable, positive, smoothing } from "../options.js";
import { chain, type GradientTransform } from "./chain.js";
import type { Optimizer } from "./optimizer.js";
import { velocity } from "./sgd.js";

/** Options of {@link scaleByTrust}. */
export interface TrustScalingOptions extends OptionsOf<typeof scaleByTrustOptions> {}

export interface LarsOptions extends OptionsOf<typeof larsOptions> {}

export const larsOptions = optionTable("lars", {
  /** Share of ||w|| that a step at learning rate 1 changes, without momentum; default 0.001. */
  trust: positive.default(0.001),
  /** mu in [0, 1); default 0.9. */
  momentum: smoothing.default(0.9),
  /** lambda of an L2 penalty lambda/2 ||w||^2; default 0. */
  weightDecay: nonNegative.default(0),
  /** Added to the denominator; default 1e-8. */
  epsilon: nonNegative.default(1e-8),
  /** Whether vectors and scalars (biases, scales of norms) take plain momentum steps, without decay; default true. */
  excludeVectors: flag.default(true),
});

/**
 * Layer-wise adaptive rate scaling: momentum, with the gradient of each parameter (a layer's weight, say) scaled to the
 * parameter's own norm.
 *
 * d = trust ||w|| / (||g|| + lambda ||w|| + epsilon) (g + lambda w); where w = 0, d = g + lambda w
 * v <- mu v + d
 * w <- w - eta v
 *
 * eta: the learning rate; mu: `momentum`; lambda: `weightDecay`. Vectors and scalars have d = g unless `excludeVectors` is
 * false: the paper scales every layer, most implementations (MLPerf's, Optax's with a mask) leave biases and norms out.
 * As in those, eta multiplies the velocity; in the paper it multiplies d, which is the same while eta is constant.
 * State: `velocity` (v), nothing with momentum 0.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * const { loss } = await minimize(
 *   { loss: ({ weight }) => sum(square(weight)), start: { weight: array([[3, -4]], "float64") } },
 *   { optimizer: lars({ trust: 0.1 }), learningRate: 1, steps: 4 },
 * );
 * console.log(Array.from(loss, (l) => l.toFixed(3)).join(" "));
 * // 25.000 20.250 12.960 5.905 1.286
 */
export function lars(options: LarsOptions = {}): Optimizer {
  const { momentum, ...settings } = larsOptions.read(options);
  return chain("lars", [scaleByTrust(settings), ...(momentum > 0 ? [velocity({ momentum })] : [])]);
}

const { momentum: _, ...scalingRows } = larsOptions.rows;

const scaleByTrustOptions = optionTable("scaleByTrust", scalingRows);

/**
 * A part of a {@link chain}: each parameter's gradient scaled to the parameter's norm, with a weight decay in it. See {@link lars}
 * for its formula (d) and options. Behind {@link scaleByAdam} it makes LAMB (Y. You et al., ICLR 2020) without its clipping.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * chain("LAMB", [scaleByAdam(), scaleByTrust({ trust: 1, weightDecay: 0.01 })]).name; // LAMB
 */
export function scaleByTrust(options: TrustScalingOptions = {}): GradientTransform {
  const { trust, weightDecay, epsilon, excludeVectors } = scaleByTrustOptions.read(options);
  const scaled = (g: Tensor, w: Tensor): Tensor => {
    if (excludeVectors && w.rank <= 1) return g;
    const size = norm(w);
    const decayed = weightDecay === 0 ? g : add(g, mul(weightDecay, w));
    const length = weightDecay === 0 ? norm(g) : add(norm(g), mul(weightDecay, size));
    return mul(where(greater(size, 0), div(mul(trust, size), add(length, epsilon)), 1), decayed);
  };
  return {
    name: "scaleByTrust",
    keepsGradients: false,
    apply: (gradients, { params }) => ({ direction: mapTree(scaled, gradients, params) }),
  };
}

const norm = (x: Tensor): Tensor => sqrt(sum(square(x)));
