import { OptionError } from "../errors.js";
import { adagrad } from "./adagrad.js";
import { adam, adamw } from "./adam.js";
import type { Optimizer } from "./optimizer.js";
import { rmsprop } from "./rmsprop.js";
import { gd, sgd } from "./sgd.js";

/** Every optimiser by name. */
export const optimizers = {
  gd,
  sgd,
  momentum: (options: Parameters<typeof sgd>[0] = {}) => sgd({ momentum: 0.9, ...options }),
  nesterov: (options: Parameters<typeof sgd>[0] = {}) => sgd({ momentum: 0.9, nesterov: true, ...options }),
  adagrad,
  rmsprop,
  adam,
  adamw,
} satisfies Record<string, (options?: never) => Optimizer>;

/**
 * An optimiser by name, for configurations.
 *
 * @throws OptionError for an unknown name
 */
export function createOptimizer(name: string, options: Readonly<Record<string, unknown>> = {}): Optimizer {
  if (!Object.hasOwn(optimizers, name)) {
    throw new OptionError(`The optimiser must be one of ${Object.keys(optimizers).join(", ")}; got "${name}".`);
  }
  const make = optimizers[name as keyof typeof optimizers] as (o: typeof options) => Optimizer;
  return make(options);
}
