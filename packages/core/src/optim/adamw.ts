// I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.
import { nonNegative, optionTable } from "../options.js";
import { type AdamOptions, adamRows, scaleByAdam } from "./adam.js";
import { chain } from "./chain.js";
import { shrink } from "./decay.js";
import type { Optimizer } from "./optimizer.js";

export const adamwOptions = optionTable("adamw", {
  ...adamRows,
  /** lambda; default 0, for AdamW 0.01. */
  weightDecay: nonNegative.default(0.01),
});

/**
 * AdamW: {@link adam} with a weight decay that the second moment does not rescale.
 *
 * w <- (1 - eta lambda) w
 * w <- w - eta m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon), m and v from gradients without decay
 *
 * eta: the learning rate; [b1, b2]: `betas`; lambda: `weightDecay`, 0.01 by default.
 * State: as Adam's. The paper decays by a schedule times lambda, not by eta lambda; this is PyTorch's form.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * const { loss } = await minimize(
 *   { loss: (w) => sum(square(w)), start: array([3, -4], "float64") },
 *   { optimizer: adamw({ weightDecay: 0.1 }), learningRate: 0.5, steps: 4 },
 * );
 * console.log(Array.from(loss, (l) => l.toFixed(3)).join(" "));
 * // 25.000 16.413 9.994 5.463 2.532
 */
export function adamw(options: AdamOptions = {}): Optimizer {
  const { weightDecay, ...settings } = adamwOptions.read(options);
  return chain("adamw", [shrink({ weightDecay }), scaleByAdam(settings)]);
}
