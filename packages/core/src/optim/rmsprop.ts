// T. Tieleman, G. Hinton, lecture 6.5, Coursera 2012; centred form: A. Graves, arXiv 1308.0850, eqs. 38-45.
import { mapTree } from "../graph/autodiff.js";
import { add, div, mul, sub } from "../graph/ops/arithmetic.js";
import { sqrt, square } from "../graph/ops/elementary.js";
import { checkOptions, filledLike, type Optimizer, withDecay } from "./optimizer.js";

export interface RmspropOptions {
  /** alpha: smoothing of the squares; default 0.99. */
  readonly decay?: number;
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** mu; default 0. */
  readonly momentum?: number;
  /** Divides by the standard deviation instead of the root mean square; default false. */
  readonly centered?: boolean;
  readonly weightDecay?: number;
}

/**
 * RMSprop: gradients divided by a running root mean square.
 *
 * g <- g + lambda w;  s <- alpha s + (1 - alpha) g^2;  centred: a <- alpha a + (1 - alpha) g, s' = s - a^2, else s' = s
 * d = g / (sqrt(s') + epsilon);  w <- w - eta d,  or with momentum b <- mu b + d, w <- w - eta b
 *
 * @example
 * const optimizer = rmsprop({ momentum: 0.9 });
 */
export function rmsprop({
  decay = 0.99,
  epsilon = 1e-8,
  momentum = 0,
  centered = false,
  weightDecay = 0,
}: RmspropOptions = {}): Optimizer {
  checkOptions("rmsprop", {
    decay: [decay, 0, 1],
    epsilon: [epsilon, 0, Infinity],
    momentum: [momentum, 0, 1],
    weightDecay: [weightDecay, 0, Infinity],
  });
  return {
    name: "rmsprop",
    moments: { square: 2, ...(centered ? { mean: 1 as const } : {}), ...(momentum > 0 ? { velocity: 1 as const } : {}) },
    init: (params) => ({
      square: filledLike(params),
      ...(centered ? { mean: filledLike(params) } : {}),
      ...(momentum > 0 ? { velocity: filledLike(params) } : {}),
    }),
    update(gradients, state, params, learningRate) {
      type P = typeof params;
      const g = withDecay(gradients, params, weightDecay);
      const s = mapTree((v, x) => add(mul(decay, v), mul(1 - decay, square(x))), state.square as P, g);
      const a = centered ? mapTree((m, x) => add(mul(decay, m), mul(1 - decay, x)), state.mean as P, g) : undefined;
      const spread = a ? mapTree((v, m) => sub(v, square(m)), s, a) : s;
      const d = mapTree((x, v) => div(x, add(sqrt(v), epsilon)), g, spread);
      const b = momentum > 0 ? mapTree((v, x) => add(mul(momentum, v), x), state.velocity as P, d) : undefined;
      return {
        params: mapTree((w, x) => sub(w, mul(learningRate, x)), params, b ?? d),
        state: { square: s, ...(a ? { mean: a } : {}), ...(b ? { velocity: b } : {}) },
      };
    },
  };
}
