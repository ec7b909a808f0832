// D. Kingma, J. Ba, "Adam", ICLR 2015, algorithm 1; AMSGrad: S. Reddi, S. Kale, S. Kumar, ICLR 2018, algorithm 2.
import { mapTree } from "../graph/autodiff.js";
import { add, div, maximum, mul, pow, sub } from "../graph/ops/arithmetic.js";
import { sqrt, square } from "../graph/ops/elementary.js";
import { flag, listOf, nonNegative, type OptionsOf, optionTable, smoothing } from "../options.js";
import { chain, type GradientTransform, type TransformTree } from "./chain.js";
import { penalty } from "./decay.js";
import { type Optimizer, scalarLike } from "./optimizer.js";

/** Options of {@link scaleByAdam}. */
export interface AdamScalingOptions extends OptionsOf<typeof scaleByAdamOptions> {}

export interface AdamOptions extends OptionsOf<typeof adamOptions> {}

export const adamRows = {
  /** b1 and b2 in [0, 1): smoothing of gradients and of their squares; default [0.9, 0.999]. */
  betas: listOf(smoothing, { length: 2 }).default([0.9, 0.999]),
  /** Added to the root; default 1e-8. */
  epsilon: nonNegative.default(1e-8),
  /** Divides by the root of the largest v so far; default false. */
  amsgrad: flag.default(false),
  /** lambda; default 0, for AdamW 0.01. */
  weightDecay: nonNegative.default(0),
};

export const adamOptions = optionTable("adam", adamRows);

/**
 * Adam: a running mean of gradients divided by their running root mean square, both corrected for their start at zero.
 *
 * g <- g + lambda w
 * m <- b1 m + (1 - b1) g
 * v <- b2 v + (1 - b2) g^2
 * w <- w - eta m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon), t = 1, 2, ...
 * with `amsgrad` the largest v so far replaces v in the last line
 *
 * eta: the learning rate; [b1, b2]: `betas`; lambda: `weightDecay`, an L2 penalty here (see `adamw`).
 * State: `step` (t), `m`, `v`; with `amsgrad` `vMax`. As in PyTorch the largest v is taken before its correction.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * const { loss } = await minimize(
 *   { loss: (w) => sum(square(w)), start: array([3, -4], "float64") },
 *   { optimizer: adam({ betas: [0.9, 0.99] }), learningRate: 0.5, steps: 4 },
 * );
 * console.log(Array.from(loss, (l) => l.toFixed(3)).join(" "));
 * // 25.000 18.500 13.033 8.604 5.197
 */
export function adam(options: AdamOptions = {}): Optimizer {
  const { weightDecay, ...settings } = adamOptions.read(options);
  return chain("adam", [penalty({ weightDecay }), scaleByAdam(settings)]);
}

/** Running means of gradients and of their squares after one more. */
export function adamMoments<P>(
  [b1, b2]: readonly [number, number],
  gradients: P,
  past: Readonly<Record<string, P>>,
): { m: P; v: P } {
  return {
    m: mapTree((m, g) => add(mul(b1, m), mul(1 - b1, g)), past.m, gradients),
    v: mapTree((v, g) => add(mul(b2, v), mul(1 - b2, square(g))), past.v, gradients),
  };
}

/** m and v in the state of Adam and its relatives. */
export const adamTrees = {
  m: { moment: { power: 1, kind: "average" } },
  v: { moment: { power: 2, kind: "average" } },
} as const satisfies Record<string, TransformTree>;

const { weightDecay: _, ...scalingRows } = adamRows;

const scaleByAdamOptions = optionTable("scaleByAdam", scalingRows);

/**
 * A part of a {@link chain}: Adam's scaling, m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon). See {@link adam} for its options
 * and state.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * chain("clipped Adam", [clip({ norm: 1 }), scaleByAdam({ betas: [0.9, 0.95] })]).name; // clipped Adam
 */
export function scaleByAdam(options: AdamScalingOptions = {}): GradientTransform {
  const { betas, epsilon, amsgrad } = scaleByAdamOptions.read(options);
  const [b1, b2] = betas;
  return {
    name: "scaleByAdam",
    trees: { ...adamTrees, ...(amsgrad ? { vMax: { moment: { power: 2, kind: "maximum" } } } : {}) },
    scalars: { step: 0 },
    keepsGradients: false,
    apply(gradients, { trees, scalars }) {
      const { m, v } = adamMoments(betas, gradients, trees);
      const vMax = amsgrad ? mapTree(maximum, trees.vMax, v) : undefined;
      // Both corrections are scalar factors, which saves two operations for every parameter.
      const step = add(scalars.step, 1);
      const root = sqrt(sub(1, pow(b2, step)));
      const floor = mul(epsilon, root);
      return {
        direction: mapTree((a, b) => div(a, add(sqrt(b), scalarLike(floor, b))), m, vMax ?? v),
        factor: div(root, sub(1, pow(b1, step))),
        trees: { m, v, ...(vMax ? { vMax } : {}) },
        scalars: { step },
      };
    },
  };
}
