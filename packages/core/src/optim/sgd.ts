// Momentum: B. Polyak, USSR CMMP 4(5), 1964; Nesterov's form: I. Sutskever et al., ICML 2013, eqs. 3-4, as PyTorch writes both.

import { OptionError } from "../errors.js";
import { mapTree } from "../graph/autodiff.js";
import { add, mul } from "../graph/ops/arithmetic.js";
import { equal, where } from "../graph/ops/compare.js";
import { constant } from "../graph/ops/leaf.js";
import type { Tensor } from "../graph/tensor.js";
import { flag, nonNegative, share, smoothing } from "../option-kinds.js";
import { type OptionRows, optionTable } from "../options.js";
import {
  checkUpdate,
  descend,
  filledLike,
  type Optimizer,
  scalarLike,
  withDecay,
  zeroSteps,
} from "./optimizer.js";

export interface GdOptions {
  /** lambda of an L2 penalty lambda/2 ||w||^2; default 0. */
  readonly weightDecay?: number | undefined;
}

export const gdOptions = optionTable("gd", {
  weightDecay: nonNegative.default(0),
} satisfies OptionRows<GdOptions>);

export interface SgdOptions extends GdOptions {
  /** mu in [0, 1); default 0: plain gradient descent. */
  readonly momentum?: number | undefined;
  /** tau in [0, 1]: fraction of a gradient that does not enter the velocity, from the second step on; default 0. */
  readonly dampening?: number | undefined;
  /** Whether to step along the velocity of the next step; needs momentum and no dampening; default false. */
  readonly nesterov?: boolean | undefined;
}

export const sgdOptions = optionTable("sgd", {
  momentum: smoothing.default(0),
  dampening: share.default(0),
  nesterov: flag.default(false),
  weightDecay: nonNegative.default(0),
} satisfies OptionRows<SgdOptions>);

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
 * const optimizer = sgd({ momentum: 0.5 });
 * let params = array([3, -4], "float64");
 * let state = optimizer.init(params);
 * const step = await jit((p, s, rate) => {
 *   const [loss, gradients] = valueAndGrad((w) => sum(square(w)))(p);
 *   return { loss, ...optimizer.update(gradients, s, p, rate) };
 * }, [params, state, spec([], "float64")]);
 * for (let t = 0; t < 5; t++) {
 *   const result = await step(params, state, array(0.1, "float64"));
 *   ({ params, state } = result);
 *   console.log(item(result.loss).toFixed(3));
 * }
 * // 25.000 16.000 7.290 2.280 0.376
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  const { momentum, dampening, nesterov, weightDecay } = sgdOptions.read(options);
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    throw new OptionError(
      `sgd: nesterov needs momentum > 0 and dampening 0; got momentum ${momentum}, dampening ${dampening}.`,
    );
  }
  if (momentum === 0) {
    return {
      name: "sgd",
      moments: {},
      init: () => ({}),
      update(gradients, state, params, learningRate) {
        checkUpdate("sgd", params, learningRate, { gradients });
        return { params: descend(params, withDecay(gradients, params, weightDecay), learningRate), state };
      },
    };
  }
  const name = nesterov ? "nesterov" : "momentum";
  return {
    name,
    moments: { velocity: { power: 1, kind: "sum" } },
    init: (params) => ({ ...(dampening > 0 ? { step: zeroSteps() } : {}), velocity: filledLike(params) }),
    update(gradients, state, params, learningRate) {
      checkUpdate(name, params, learningRate, { gradients, velocity: state.velocity });
      const g = withDecay(gradients, params, weightDecay);
      const step = state.step as Tensor | undefined;
      const part = step && where(equal(step, 0), constant(1, "float64"), constant(1 - dampening, "float64"));
      const velocity = mapTree(
        (v, x) => add(mul(momentum, v), part ? mul(scalarLike(part, x), x) : x),
        state.velocity as typeof params,
        g,
      );
      const direction = nesterov ? mapTree((x, v) => add(x, mul(momentum, v)), g, velocity) : velocity;
      return {
        params: descend(params, direction, learningRate),
        state: { ...(step ? { step: add(step, 1) } : {}), velocity },
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
