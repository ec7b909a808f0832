// D. Kingma, J. Ba, "Adam", ICLR 2015, algorithm 1; AMSGrad: S. Reddi, S. Kale, S. Kumar, ICLR 2018, algorithm 2.
import { mapTree } from "../graph/autodiff.js";
import { add, div, maximum, mul, pow, sub } from "../graph/ops/arithmetic.js";
import { sqrt, square } from "../graph/ops/elementary.js";
import type { Tensor } from "../graph/tensor.js";
import { flag, listOf, nonNegative, smoothing } from "../option-kinds.js";
import { type OptionRows, optionTable } from "../options.js";
import {
  checkUpdate,
  descend,
  filledLike,
  type Optimizer,
  type OptimizerState,
  scalarLike,
  scalarOf,
  withDecay,
  zeroSteps,
} from "./optimizer.js";

export interface AdamOptions {
  /** b1 and b2 in [0, 1): smoothing of gradients and of their squares; default [0.9, 0.999]. */
  readonly betas?: readonly [number, number] | undefined;
  /** Added to the root; default 1e-8. */
  readonly epsilon?: number | undefined;
  /** Divides by the root of the largest v so far; default false. */
  readonly amsgrad?: boolean | undefined;
  /** lambda; default 0, for AdamW 0.01. */
  readonly weightDecay?: number | undefined;
}

export const adamRows = {
  betas: listOf(smoothing, { length: 2 }).default([0.9, 0.999]),
  epsilon: nonNegative.default(1e-8),
  amsgrad: flag.default(false),
  weightDecay: nonNegative.default(0),
} satisfies OptionRows<AdamOptions>;

export const adamOptions = optionTable("adam", { ...adamRows } satisfies OptionRows<AdamOptions>);

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
 * const optimizer = adam({ betas: [0.9, 0.99] });
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
 * // 25.000 18.500 13.033 8.604 5.197
 */
export function adam(options: AdamOptions = {}): Optimizer {
  return adamWithDecay("adam", adamOptions.read(options), "penalty");
}

/** Running means of gradients and of their squares after one more. */
export function adamMoments<P>(
  [b1, b2]: readonly [number, number],
  gradients: P,
  state: OptimizerState,
): { m: P; v: P } {
  return {
    m: mapTree((past, x) => add(mul(b1, past), mul(1 - b1, x)), state.m as P, gradients),
    v: mapTree((past, x) => add(mul(b2, past), mul(1 - b2, square(x))), state.v as P, gradients),
  };
}

/** Adam with the weight decay in the gradient (`penalty`) or separate from it (`decoupled`). */
export function adamWithDecay(
  name: string,
  { betas: [b1, b2], epsilon, amsgrad, weightDecay }: Required<AdamOptions>,
  kind: "penalty" | "decoupled",
): Optimizer {
  const penalty = kind === "penalty" ? weightDecay : 0;
  const decay = kind === "decoupled" ? weightDecay : 0;
  return {
    name,
    moments: {
      m: { power: 1, kind: "average" },
      v: { power: 2, kind: "average" },
      ...(amsgrad ? { vMax: { power: 2, kind: "maximum" } as const } : {}),
    },
    init: (params) => ({
      step: zeroSteps(),
      m: filledLike(params),
      v: filledLike(params),
      ...(amsgrad ? { vMax: filledLike(params) } : {}),
    }),
    update(gradients, state, params, learningRate) {
      type P = typeof params;
      const { step: before, m: pastM, v: pastV, vMax: pastMax } = state;
      checkUpdate(name, params, learningRate, {
        gradients,
        m: pastM,
        v: pastV,
        ...(amsgrad ? { vMax: pastMax } : {}),
      });
      const g = withDecay(gradients, params, penalty);
      const { m, v } = adamMoments([b1, b2], g, state);
      const vMax = amsgrad ? mapTree(maximum, pastMax as P, v) : undefined;

      // Both corrections are scalar factors, which saves two operations for every parameter.
      const step = add(before as Tensor, 1);
      const rate = scalarOf(learningRate, "float64");
      const root = sqrt(sub(1, pow(b2, step)));
      const corrected = mul(rate, div(root, sub(1, pow(b1, step))));
      const floor = mul(epsilon, root);
      const direction = mapTree((a, b) => div(a, add(sqrt(b), scalarLike(floor, b))), m, vMax ?? v);
      const kept = decay > 0 ? sub(1, mul(decay, rate)) : undefined;
      const from = kept ? mapTree((w) => mul(scalarLike(kept, w), w), params) : params;
      return {
        params: descend(from, direction, corrected),
        state: { step, m, v, ...(vMax ? { vMax } : {}) },
      };
    },
  };
}
