// R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013, algorithm 1.

import { OptionError, ShapeError } from "../errors.js";
import { mapTree } from "../graph/autodiff.js";
import { add, cast, div, maximum, minimum, mul } from "../graph/ops/arithmetic.js";
import { abs, sqrt, square } from "../graph/ops/elementary.js";
import { max, sum } from "../graph/ops/reduce.js";
import { isTensor, type Tensor } from "../graph/tensor.js";
import { type OptionsOf, oneOf, optionTable, positive, requireKnown } from "../options.js";
import { flatten } from "../tree.js";
import type { GradientTransform } from "./chain.js";

export interface NormOptions extends OptionsOf<typeof globalNormOptions> {}

const globalNormOptions = optionTable("globalNorm", {
  /** p of the norm: 1, 2 (default) or Infinity. */
  order: oneOf([1, 2, Infinity]).default(2),
});

/**
 * The p-norm of all elements of a tree together, a scalar: (sum |g|^p)^(1/p), or max |g|.
 *
 * @throws OptionError for another order; ShapeError for a tree without elements
 *
 * @example
 * await (await jit((g) => globalNorm(g), [{ a: spec([1]), b: spec([1]) }]))({ a: array([3]), b: array([4]) }); // 5
 */
export function globalNorm<P>(tree: P, options: NormOptions = {}): Tensor {
  const { order } = globalNormOptions.read(options);
  const leaves = flatten(tree, isTensor).leaves.filter((x) => x.size > 0);
  if (leaves.length === 0) throw new ShapeError("globalNorm: the tree must have elements; it has none.");
  const dtype = leaves.some((x) => x.dtype === "float64") ? "float64" : leaves[0].dtype;
  const parts = leaves.map((leaf) => {
    const x = cast(leaf, dtype);
    return order === Infinity ? max(abs(x)) : sum(order === 1 ? abs(x) : square(x));
  });
  const total = parts.reduce(order === Infinity ? maximum : add);
  return order === 2 ? sqrt(total) : total;
}

/**
 * Scales a tree of gradients so that its norm is at most `clipNorm`: g <- g min(1, clipNorm / (||g|| + 1e-6)).
 *
 * @param clipNorm > 0
 * @throws OptionError unless clipNorm > 0, or for an order that {@link globalNorm} does not have
 *
 * @example
 * const clipped = await jit((g) => clipByGlobalNorm(g, 1), [spec([2], "float64")]);
 * (await clipped(array([3, 4], "float64"))).data; // Float64Array [0.59999988, 0.79999984]
 */
export function clipByGlobalNorm<P>(gradients: P, clipNorm: number, options: NormOptions = {}): P {
  requireKnown("clipByGlobalNorm", options, ["order"], "clipByGlobalNorm(gradients, 1, { order: Infinity })");
  if (!(clipNorm > 0)) {
    throw new OptionError(
      `clipByGlobalNorm: clipNorm must be > 0; got ${clipNorm}. Leave clipping out to have no limit.`,
    );
  }
  const factor = minimum(div(clipNorm, add(globalNorm(gradients, options), 1e-6)), 1);
  return mapTree((g) => mul(cast(factor, g.dtype), g), gradients);
}

/**
 * Cuts every element of a tree of gradients to [-limit, limit].
 *
 * @param limit > 0
 * @throws OptionError unless limit > 0
 *
 * @example
 * (await (await jit((g) => clipByValue(g, 1), [spec([2])]))(array([-3, 0.5]))).data; // Float32Array [-1, 0.5]
 */
export function clipByValue<P>(gradients: P, limit: number): P {
  if (!(limit > 0)) throw new OptionError(`clipByValue: the limit must be > 0; got ${limit}.`);
  return mapTree((g) => minimum(maximum(g, -limit), limit), gradients);
}

export interface ClipOptions extends OptionsOf<typeof clipOptions> {}

const clipOptions = optionTable("clip", {
  /** The largest norm. */
  norm: positive.required(),
  ...globalNormOptions.rows,
});

/**
 * A part of a {@link chain}: {@link clipByGlobalNorm}.
 *
 * @throws OptionError for unknown options or values out of range
 *
 * @example
 * chain("clipped momentum", [clip({ norm: 1 }), velocity({ momentum: 0.9 })]).name; // clipped momentum
 */
export function clip(options: ClipOptions): GradientTransform {
  const { norm, order } = clipOptions.read(options);
  return {
    name: "clip",
    keepsGradients: true,
    apply: (gradients) => ({ direction: clipByGlobalNorm(gradients, norm, { order }) }),
  };
}
