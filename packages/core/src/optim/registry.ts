import { OptionError } from "../errors.js";
import { optionTable, smoothing } from "../options.js";
import { type Choice, choice } from "../registry.js";
import { adagrad, adagradOptions } from "./adagrad.js";
import { adam, adamOptions } from "./adam.js";
import { adamw, adamwOptions } from "./adamw.js";
import { lars, larsOptions } from "./lars.js";
import { lion, lionOptions } from "./lion.js";
import { nadam, nadamOptions } from "./nadam.js";
import type { Optimizer } from "./optimizer.js";
import { radam, radamOptions } from "./radam.js";
import { rmsprop, rmspropOptions } from "./rmsprop.js";
import { sam, samOptions } from "./sam.js";
import { gd, gdOptions, type SgdOptions, sgd, sgdOptions } from "./sgd.js";

const momentumOptions = optionTable("momentum", {
  ...sgdOptions.rows,
  /** mu in [0, 1); default 0: plain gradient descent. */
  momentum: smoothing.default(0.9),
});

const nesterovOptions = optionTable("nesterov", {
  ...momentumOptions.rows,
  /** Whether to step along the velocity of the next step; needs momentum and no dampening; default false. */
  nesterov: sgdOptions.rows.nesterov.kind.default(true),
});

/** Every optimizer by name. `momentum` and `nesterov` are {@link sgd} with a momentum of 0.9 unless told otherwise. */
export const optimizers = {
  gd: choice(gd, gdOptions, "gradient descent, w - eta g"),
  sgd: choice(sgd, sgdOptions, "gradient descent, optionally with momentum, dampening or Nesterov's step"),
  momentum: choice(
    (options: SgdOptions = {}) => sgd(momentumOptions.read(options)),
    momentumOptions,
    "heavy ball: sgd with a momentum of 0.9",
  ),
  nesterov: choice(
    (options: SgdOptions = {}) => sgd(nesterovOptions.read(options)),
    nesterovOptions,
    "sgd with Nesterov's momentum of 0.9",
  ),
  adagrad: choice(adagrad, adagradOptions, "steps divided by the root of the sum of all squared gradients"),
  rmsprop: choice(
    rmsprop,
    rmspropOptions,
    "steps divided by the root of the running mean of squared gradients",
  ),
  adam: choice(
    adam,
    adamOptions,
    "running means of gradients and of their squares, corrected for their start",
  ),
  adamw: choice(adamw, adamwOptions, "Adam with decoupled weight decay"),
  lars: choice(lars, larsOptions, "momentum, with the gradient of each weight scaled to the weight's norm"),
  nadam: choice(nadam, nadamOptions, "Adam with Nesterov's momentum"),
  radam: choice(radam, radamOptions, "Adam that warms up by itself, by the variance of its divisor"),
  lion: choice(lion, lionOptions, "steps in the sign of a running mean of gradients"),
  sam: choice(sam, samOptions, "sharpness-aware: steps with the gradient of the worst point nearby"),
} satisfies Record<string, Choice<(options?: never) => Optimizer>>;

/**
 * An optimizer by name, with the options of its function, for configurations.
 *
 * @throws OptionError for an unknown name, with the known ones, and for options that the optimizer does not take
 *
 * @example
 * createOptimizer("adam", { betas: [0.9, 0.99] }).name; // adam
 */
export function createOptimizer(name: string, options: Readonly<Record<string, unknown>> = {}): Optimizer {
  if (!Object.hasOwn(optimizers, name)) {
    throw new OptionError(
      `The optimizer must be one of ${Object.keys(optimizers).join(", ")}; got "${name}".`,
    );
  }
  const { make } = optimizers[name as keyof typeof optimizers];
  return (make as (options: unknown) => Optimizer)(options);
}
