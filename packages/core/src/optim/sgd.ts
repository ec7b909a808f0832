// Momentum: Polyak 1964; Nesterov's form: Sutskever et al., ICML 2013, as PyTorch writes both.
import { OptionError } from "../errors.js";
import { mapTree } from "../graph/autodiff.js";
import { add, mul, sub } from "../graph/ops/arithmetic.js";
import { equal, where } from "../graph/ops/compare.js";
import type { Tensor } from "../graph/tensor.js";
import { checkOptions, filledLike, type Optimizer, scalarLike, withDecay, zeroSteps } from "./optimizer.js";

export interface SgdOptions {
  /** mu; default 0: plain gradient descent. */
  readonly momentum?: number;
  /** tau: share of a new gradient that does not enter the velocity; default 0. */
  readonly dampening?: number;
  /** Looks ahead along the velocity; default false. */
  readonly nesterov?: boolean;
  /** lambda of an L2 penalty lambda/2 ||w||^2; default 0. */
  readonly weightDecay?: number;
}

/**
 * Gradient descent, with momentum if wanted.
 *
 * g <- g + lambda w;  v <- mu v + (1 - tau) g  (the first v is g);  w <- w - eta v,  or with nesterov w - eta (g + mu v)
 *
 * @example
 * const optimizer = sgd({ momentum: 0.9 });
 * const state = optimizer.init(params);
 */
export function sgd({ momentum = 0, dampening = 0, nesterov = false, weightDecay = 0 }: SgdOptions = {}): Optimizer {
  checkOptions("sgd", {
    momentum: [momentum, 0, 1],
    dampening: [dampening, 0, 1],
    weightDecay: [weightDecay, 0, Infinity],
  });
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    throw new OptionError(
      `sgd: nesterov needs momentum > 0 and dampening 0; got momentum ${momentum}, dampening ${dampening}.`,
    );
  }
  const counts = dampening !== 0;
  return {
    name: nesterov ? "nesterov" : momentum > 0 ? "momentum" : "sgd",
    moments: momentum > 0 ? { velocity: 1 } : {},
    init(params) {
      if (momentum === 0) return {};
      return { ...(counts ? { step: zeroSteps() } : {}), velocity: filledLike(params) };
    },
    update(gradients, state, params, learningRate) {
      const g = withDecay(gradients, params, weightDecay);
      const descend = <P>(direction: P, from: P) =>
        mapTree((w, d) => sub(w, mul(learningRate, d)), from, direction);
      if (momentum === 0) return { params: descend(g, params), state };
      const velocity = state.velocity as typeof params;
      const step = state.step as Tensor | undefined;
      const share = step && where(equal(step, 0), 1, 1 - dampening);
      const next = mapTree(
        (v, x) => add(mul(momentum, v), share ? mul(scalarLike(share, x), x) : x),
        velocity,
        g,
      );
      const direction = nesterov ? mapTree((x, v) => add(x, mul(momentum, v)), g, next) : next;
      return {
        params: descend(direction, params),
        state: { ...(step ? { step: add(step, 1) } : {}), velocity: next },
      };
    },
  };
}

/** Plain gradient descent: {@link sgd} without options. */
export const gd = (): Optimizer => sgd();
