// Momentum: B. Polyak, USSR CMMP 4(5), 1964; Nesterov's form: I. Sutskever et al., ICML 2013, eqs. 3-4, as PyTorch writes both.

import { OptionError } from "../errors.js";
import { mapTree } from "../graph/autodiff.js";
import { add, mul } from "../graph/ops/arithmetic.js";
import { equal, where } from "../graph/ops/compare.js";
import { constant } from "../graph/ops/leaf.js";
import { flag, nonNegative, type OptionsOf, optionTable, share, smoothing } from "../options.js";
import { chain, type GradientTransform } from "./chain.js";
import { penalty } from "./decay.js";
import { type Optimizer, scalarLike } from "./optimizer.js";

export interface GdOptions extends OptionsOf<typeof gdOptions> {}

export const gdOptions = optionTable("gd", {
  /** lambda of an L2 penalty lambda/2 ||w||^2; default 0. */
  weightDecay: nonNegative.default(0),
});

export interface SgdOptions extends OptionsOf<typeof sgdOptions> {}

export const sgdOptions = optionTable("sgd", {
  /** mu in [0, 1); default 0: plain gradient descent. */
  momentum: smoothing.default(0),
  /** tau in [0, 1]: fraction of a gradient that does not enter the velocity, from the second step on; default 0. */
  dampening: share.default(0),
  /** Whether to step along the velocity of the next step; needs momentum and no dampening; default false. */
  nesterov: flag.default(false),
  /** lambda of an L2 penalty lambda/2 ||w||^2; default 0. */
  weightDecay: nonNegative.default(0),
});

/**
 * (Stochastic) gradient descent, optionally with momentum.
 *
 * g <- g + lambda w
 * v <- mu v + (1 - tau) g, the first v being g
 * w <- w - eta v, or with `nesterov` w <- w - eta (g + mu v)
 *
 * eta: the learning rate; lambda: `weightDecay`; mu: `momentum`; tau: `dampening`.
 * State: nothing without momentum; else `velocity` (v), and with dampening `step`.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * const { loss } = await minimize(
 *   { loss: (w) => sum(square(w)), start: array([3, -4], "float64") },
 *   { optimizer: sgd({ momentum: 0.5 }), learningRate: 0.1, steps: 4 },
 * );
 * console.log(Array.from(loss, (l) => l.toFixed(3)).join(" "));
 * // 25.000 16.000 7.290 2.280 0.376
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  const { momentum, dampening, nesterov, weightDecay } = sgdOptions.read(options);
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    throw new OptionError(
      `sgd: nesterov needs momentum > 0 and dampening 0; got momentum ${momentum}, dampening ${dampening}.`,
    );
  }
  const decay = penalty({ weightDecay });
  if (momentum === 0) return chain("sgd", [decay]);
  return chain(nesterov ? "nesterov" : "momentum", [decay, velocity({ momentum, dampening, nesterov })]);
}

/** Options of {@link velocity}. */
export interface VelocityOptions extends OptionsOf<typeof velocityOptions> {}

const velocityOptions = optionTable("velocity", {
  /** mu in [0, 1); default 0.9. */
  momentum: smoothing.default(0.9),
  /** tau in [0, 1]: fraction of what comes in that does not enter the velocity, from the second step on; default 0. */
  dampening: sgdOptions.rows.dampening,
  /** Whether the velocity of the next step goes out; default false. */
  nesterov: sgdOptions.rows.nesterov,
});

/**
 * A part of a {@link chain}: momentum. v <- mu v + (1 - tau) g, the first v being g; out goes v, or with `nesterov`
 * g + mu v. State: `velocity` (v), and with dampening `step`.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * chain("heavy ball", [velocity({ momentum: 0.5 })]).name; // heavy ball
 */
export function velocity(options: VelocityOptions = {}): GradientTransform {
  const { momentum, dampening, nesterov } = velocityOptions.read(options);
  return {
    name: "velocity",
    trees: { velocity: { moment: { power: 1, kind: "sum" } } },
    ...(dampening > 0 ? { scalars: { step: 0 } } : {}),
    keepsGradients: true,
    apply(gradients, { trees, scalars: { step } }) {
      const part = step && where(equal(step, 0), constant(1, "float64"), constant(1 - dampening, "float64"));
      const v = mapTree(
        (past, g) => add(mul(momentum, past), part ? mul(scalarLike(part, g), g) : g),
        trees.velocity,
        gradients,
      );
      return {
        direction: nesterov ? mapTree((g, own) => add(g, mul(momentum, own)), gradients, v) : v,
        trees: { velocity: v },
        ...(step ? { scalars: { step: add(step, 1) } } : {}),
      };
    },
  };
}

/**
 * Plain gradient descent, w <- w - eta (g + lambda w): {@link sgd} without momentum. It has no state.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * gd().init(array([1, 2])); // {}
 */
export function gd(options: GdOptions = {}): Optimizer {
  return { ...sgd(gdOptions.read(options)), name: "gd" };
}
