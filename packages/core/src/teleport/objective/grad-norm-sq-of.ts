import { describeValue, OptionError } from "../../errors.js";
import { grad } from "../../graph/autodiff.js";
import { add } from "../../graph/ops/arithmetic.js";
import { square } from "../../graph/ops/elementary.js";
import { sum } from "../../graph/ops/reduce.js";
import { isTensor } from "../../graph/tensor.js";
import { flatten } from "../../tree.js";
import type { Objective } from "./objective.js";

/**
 * The squared norm of the gradient in some parameters only,
 *
 * sum over the chosen l of ||dL/dw_l||^2
 *
 * for a teleport that raises the gradients of chosen layers.
 *
 * @param paths dotted paths in the tree of parameters; each stands for all parameters below it: `layers.0` for
 *   `layers.0.weight` and `layers.0.bias`
 * @throws OptionError for an empty list, and, when traced, for a path without a parameter at or below it
 *
 * @example
 * const objective = gradNormSqOf(["layers.0", "layers.2.weight"]);
 */
export function gradNormSqOf(paths: readonly string[]): Objective {
  if (!Array.isArray(paths) || paths.length === 0 || paths.some((path) => typeof path !== "string")) {
    throw new OptionError(
      `gradNormSqOf: needs a list of at least one path, such as ["layers.0"]; got ${describeValue(paths)}.`,
    );
  }
  return (loss) => (params, batch) => {
    const { leaves, paths: known } = flatten(grad(loss)(params, batch), isTensor);
    const unknown = paths.find((prefix) => !known.some((path) => isBelow(path, prefix)));
    if (unknown !== undefined) {
      throw new OptionError(
        `gradNormSqOf: there is no parameter at or below "${unknown}"; the parameters are ${known.join(", ")}.`,
      );
    }
    return leaves
      .filter((_, i) => paths.some((prefix) => isBelow(known[i], prefix)))
      .map((g) => sum(square(g)))
      .reduce(add);
  };
}

const isBelow = (path: string, prefix: string): boolean => path === prefix || path.startsWith(`${prefix}.`);
