// R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.
import { OptionError } from "../errors.js";
import { dot, mapTree } from "../graph/autodiff.js";
import { add, div, maximum, minimum, mul } from "../graph/ops/arithmetic.js";
import { sqrt } from "../graph/ops/elementary.js";

/**
 * Scales a tree of gradients so that its norm is at most `maxNorm`: g <- g min(1, maxNorm / (||g|| + 1e-6)).
 *
 * @throws OptionError unless maxNorm > 0
 */
export function clipByGlobalNorm<P>(gradients: P, maxNorm: number): P {
  if (!(maxNorm > 0)) throw new OptionError(`clipByGlobalNorm: maxNorm must be > 0; got ${maxNorm}.`);
  const norm = sqrt(dot(gradients, gradients));
  const factor = minimum(div(maxNorm, add(norm, 1e-6)), 1);
  return mapTree((g) => mul(factor, g), gradients);
}

/** Cuts every element of a tree of gradients to [-limit, limit]. */
export function clipByValue<P>(gradients: P, limit: number): P {
  if (!(limit > 0)) throw new OptionError(`clipByValue: the limit must be > 0; got ${limit}.`);
  return mapTree((g) => minimum(maximum(g, -limit), limit), gradients);
}
