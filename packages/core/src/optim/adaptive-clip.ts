// A. Brock, S. De, S. L. Smith, K. Simonyan, "High-performance large-scale image recognition without normalization",
// ICML 2021, eq. 3.
import { OptionError } from "../errors.js";
import { div, maximum, mul } from "../graph/ops/arithmetic.js";
import { greater, where } from "../graph/ops/compare.js";
import { sqrt, square } from "../graph/ops/elementary.js";
import { sum } from "../graph/ops/reduce.js";
import { isTensor, type Tensor } from "../graph/tensor.js";
import { listOf, type OptionsOf, optionTable, positive, text } from "../options.js";
import { flatten, leavesByPath, unflatten } from "../tree.js";
import { type Optimizer, seeing } from "./optimizer.js";

export interface AdaptiveClipOptions extends OptionsOf<typeof adaptiveClipOptions> {}

export const adaptiveClipOptions = optionTable("clipAdaptively", {
  /** lambda: largest ratio of the norm of a unit's gradient to the unit's own norm; default 0.01. */
  limit: positive.default(0.01),
  /** Norm that a smaller unit counts as, so that units of zeros can grow; default 1e-3. */
  epsilon: positive.default(1e-3),
  /** Paths of parameters that are not clipped, or how their paths begin, such as `linear`; default none. */
  exclude: listOf(text("the path of a parameter, such as linear.weight")).default([]),
});

/**
 * Adaptive gradient clipping: shortens the gradient of every unit that is long beside the unit's own parameters.
 *
 * g_i <- lambda max(||w_i||, epsilon) / ||g_i|| g_i where ||g_i|| is above lambda max(||w_i||, epsilon)
 *
 * lambda: `limit`. A unit w_i is a row of a weight: one index of its first axis, the output of a linear layer or a
 * convolution. A vector (bias, scale of a norm) is one unit. The paper does not clip the last linear layer: `exclude` it.
 *
 * @param gradients tree of the structure of the parameters
 * @throws OptionError for unknown options, values out of range, or a path to exclude that no parameter has
 *
 * @example
 * const clipped = await jit((g, w) => clipAdaptively(g, w, { limit: 0.5 }), [spec([2, 2]), spec([2, 2])]);
 * (await clipped(array([[3, 4], [0.5, 0]]), array([[0, 5], [1, 2]]))).data;
 * // Float32Array [1.5, 2, 0.5, 0]
 */
export function clipAdaptively<P>(gradients: P, params: P, options: AdaptiveClipOptions = {}): P {
  const { limit, epsilon, exclude } = adaptiveClipOptions.read(options);
  const { leaves, paths, def } = flatten(gradients, isTensor);
  const weights = leavesByPath(paths, params, isTensor, "clipAdaptively: every tree");
  const isWithin = (path: string, part: string) => path === part || path.startsWith(`${part}.`);
  const missing = exclude.find((part) => !paths.some((path) => isWithin(path, part)));
  if (missing !== undefined) {
    throw new OptionError(
      `clipAdaptively: exclude has "${missing}"; the parameters are ${paths.join(", ")}.`,
    );
  }
  const clipped = leaves.map((g, k) => {
    if (exclude.some((part) => isWithin(paths[k], part))) return g;
    const [size, length] = [unitNorms(weights[k]), unitNorms(g)];
    const bound = mul(limit, maximum(size, epsilon));
    return mul(where(greater(length, bound), div(bound, length), 1), g);
  });
  return unflatten(def, clipped) as P;
}

/** Norms of the rows, or of a vector, in a shape that broadcasts to `x`. */
function unitNorms(x: Tensor): Tensor {
  const axes = x.shape.map((_, d) => d).slice(x.rank > 1 ? 1 : 0);
  return sqrt(sum(square(x), { axes, keepDims: true }));
}

/**
 * An optimizer whose gradients are clipped adaptively first: see {@link clipAdaptively}. Its state is the optimizer's.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * const optimizer = withAdaptiveClipping(sgd({ momentum: 0.9 }), { limit: 0.02 });
 * optimizer.name; // momentum
 */
export function withAdaptiveClipping<S>(
  optimizer: Optimizer<S>,
  options: AdaptiveClipOptions = {},
): Optimizer<S> {
  adaptiveClipOptions.read(options);
  return seeing(optimizer, (g, w) => clipAdaptively(g, w, options));
}
