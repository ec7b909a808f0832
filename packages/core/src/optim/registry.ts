import { OptionError } from "../errors.js";
import { adagrad } from "./adagrad.js";
import { adam } from "./adam.js";
import { adamw } from "./adamw.js";
import type { Optimizer } from "./optimizer.js";
import { rmsprop } from "./rmsprop.js";
import { gd, type SgdOptions, sgd } from "./sgd.js";

/** Every optimiser by name. `momentum` and `nesterov` are {@link sgd} with a momentum of 0.9 unless told otherwise. */
export const optimizers = {
  gd,
  sgd,
  momentum: (options: SgdOptions = {}) => sgd({ momentum: 0.9, ...options }),
  nesterov: (options: SgdOptions = {}) => sgd({ momentum: 0.9, nesterov: true, ...options }),
  adagrad,
  rmsprop,
  adam,
  adamw,
} satisfies Record<string, (options?: never) => Optimizer>;

/**
 * An optimiser by name, with the options of its function, for configurations.
 *
 * @throws OptionError for an unknown name, with the known ones, and for options that the optimiser does not take
 *
 * @example
 * createOptimizer("adam", { betas: [0.9, 0.99] }).name; // adam
 */
export function createOptimizer(name: string, options: Readonly<Record<string, unknown>> = {}): Optimizer {
  if (!Object.hasOwn(optimizers, name)) {
    throw new OptionError(
      `The optimiser must be one of ${Object.keys(optimizers).join(", ")}; got "${name}".`,
    );
  }
  const create = optimizers[name as keyof typeof optimizers] as (options: unknown) => Optimizer;
  return create(options);
}
