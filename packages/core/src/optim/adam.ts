// D. Kingma, J. Ba, "Adam", ICLR 2015; AMSGrad: S. Reddi et al., ICLR 2018; AdamW: I. Loshchilov, F. Hutter, ICLR 2019.
import { mapTree } from "../graph/autodiff.js";
import { add, div, maximum, mul, pow, sub } from "../graph/ops/arithmetic.js";
import { sqrt, square } from "../graph/ops/elementary.js";
import type { Tensor } from "../graph/tensor.js";
import { checkOptions, filledLike, type Optimizer, scalarLike, withDecay, zeroSteps } from "./optimizer.js";

export interface AdamOptions {
  /** Smoothing of gradients and of their squares; default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Default 1e-8. */
  readonly epsilon?: number;
  /** Divides by the largest second moment so far; default false. */
  readonly amsgrad?: boolean;
  /** Default 0; for AdamW 0.01. */
  readonly weightDecay?: number;
}

/**
 * Adam, with weight decay as an L2 penalty.
 *
 * g <- g + lambda w;  m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2
 * w <- w - eta m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon),  t = 1, 2, ...
 *
 * @example
 * const optimizer = adam({ betas: [0.9, 0.99] });
 */
export const adam = (options: AdamOptions = {}): Optimizer => adaptive("adam", options, false);

/**
 * AdamW: Adam with decoupled weight decay, w <- (1 - eta lambda) w before the step; lambda is 0.01 by default.
 *
 * @example
 * const optimizer = adamw({ weightDecay: 0.1 });
 */
export const adamw = ({ weightDecay = 0.01, ...options }: AdamOptions = {}): Optimizer =>
  adaptive("adamw", { weightDecay, ...options }, true);

function adaptive(
  name: string,
  { betas: [b1, b2] = [0.9, 0.999], epsilon = 1e-8, amsgrad = false, weightDecay = 0 }: AdamOptions,
  decoupled: boolean,
): Optimizer {
  checkOptions(name, {
    "betas[0]": [b1, 0, 1 - Number.EPSILON],
    "betas[1]": [b2, 0, 1 - Number.EPSILON],
    epsilon: [epsilon, 0, Infinity],
    weightDecay: [weightDecay, 0, Infinity],
  });
  return {
    name,
    moments: { m: 1, v: 2, ...(amsgrad ? { vMax: 2 as const } : {}) },
    init: (params) => ({
      step: zeroSteps(),
      m: filledLike(params),
      v: filledLike(params),
      ...(amsgrad ? { vMax: filledLike(params) } : {}),
    }),
    update(gradients, state, params, learningRate) {
      type P = typeof params;
      const g = decoupled ? gradients : withDecay(gradients, params, weightDecay);
      const step = add(state.step as Tensor, 1);
      const correction = (beta: number) => sub(1, pow(beta, step));
      const m = mapTree((a, x) => add(mul(b1, a), mul(1 - b1, x)), state.m as P, g);
      const v = mapTree((a, x) => add(mul(b2, a), mul(1 - b2, square(x))), state.v as P, g);
      const vMax = amsgrad ? mapTree((a, b) => maximum(a, b), state.vMax as P, v) : undefined;
      const rate = div(learningRate, scalarLike(correction(b1), learningRate));
      const spread = scalarLike(sqrt(correction(b2)), learningRate);
      const kept = decoupled && weightDecay > 0 ? sub(1, mul(weightDecay, learningRate)) : undefined;
      const next = mapTree(
        (w, a, b) => sub(kept ? mul(kept, w) : w, mul(rate, div(a, add(div(sqrt(b), spread), epsilon)))),
        params,
        m,
        vMax ?? v,
      );
      return { params: next, state: { step, m, v, ...(vMax ? { vMax } : {}) } };
    },
  };
}
