// Sharpness: Zhao, Gower, Walters, Yu, "Improving Convergence and Generalization Using Parameter Symmetries", ICLR 2024.

import { mapTree } from "../../graph/autodiff.js";
import { add, div, maximum, mul } from "../../graph/ops/arithmetic.js";
import { sqrt, square } from "../../graph/ops/elementary.js";
import { constant } from "../../graph/ops/leaf.js";
import { sum } from "../../graph/ops/reduce.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { normOf } from "../../math/dense.js";
import { createRng } from "../../math/rng.js";
import { integerFrom, listOf, type OptionsOf, oneOf, optionTable, positive } from "../../options.js";
import { flatten, unflatten } from "../../tree.js";
import type { Objective } from "./objective.js";

export interface SharpnessOptions extends OptionsOf<typeof sharpnessOptions> {}

export const sharpnessOptions = optionTable("sharpness", {
  /** Lengths r of the perturbations; default [0.05, 0.1, 0.2]. */
  radii: listOf(positive, { least: 1 }).default([0.05, 0.1, 0.2]),
  /** Number of directions, each used with every radius; default 4. */
  samples: integerFrom(1).default(4),
  /** Seed of the directions; default 0. */
  seed: integerFrom(0).default(0),
  /**
   * What a radius measures: the length of the whole perturbation (`global`, default), or the length in each
   * tensor relative to the tensor's norm (`tensor`: r ||w_l||), for layers of different scale.
   */
  scale: oneOf(["global", "tensor"]).default("global"),
});

/**
 * The mean loss around the parameters,
 *
 * mean over radii r and directions d of L(w + r d)
 *
 * with fixed random normal directions d, of length 1 over all parameters or, with scale `tensor`, of length ||w_l|| in
 * every tensor. At equal loss a smaller value means a flatter region: `minimized(sharpness())` looks for one.
 * The directions are constants of the graph and take `samples` times the memory of the parameters.
 *
 * @throws OptionError for options out of range
 *
 * @example
 * const objective = minimized(sharpness({ radii: [0.01, 0.1], samples: 8 }));
 */
export function sharpness(options: SharpnessOptions = {}): Objective {
  const { radii, samples, seed, scale } = sharpnessOptions.read(options);
  return (loss) => (params, batch) => {
    const losses: Tensor[] = [];
    for (let k = 0; k < samples; k++) {
      const direction = scaled(params, randomDirection(params, scale, seed, k), scale);
      for (const r of radii) {
        losses.push(
          loss(
            mapTree((w, d) => add(w, mul(r, d)), params, direction),
            batch,
          ),
        );
      }
    }
    return div(losses.reduce(add), losses.length);
  };
}

/** Normal numbers of a direction, of each size. */
export function normalParts(sizes: readonly number[], seed: number, index: number): Float64Array[] {
  const rng = createRng(seed).fork("sharpness").fork(index);
  return sizes.map((length) => Float64Array.from({ length }, () => rng.normal()));
}

/** A direction as constants: normal numbers, of length 1 over all tensors or in each of them. */
function randomDirection<P>(params: P, scale: "global" | "tensor", seed: number, index: number): P {
  const { leaves, def } = flatten(params, isTensor);
  const parts = normalParts(
    leaves.map(({ size }) => size),
    seed,
    index,
  );
  const whole = Math.hypot(...parts.map((part) => normOf([part])));
  const unit = parts.map((part) => {
    const length = scale === "global" ? whole : normOf([part]);
    return part.map((v) => v / length);
  });
  return unflatten(
    def,
    leaves.map(({ shape, dtype }, i) => constant({ shape, data: unit[i] }, dtype)),
  ) as P;
}

function scaled<P>(params: P, direction: P, scale: "global" | "tensor"): P {
  if (scale === "global") return direction;
  // The root of an all-zero tensor's norm must stay differentiable.
  return mapTree((w, d) => mul(sqrt(maximum(sum(square(w)), 1e-30)), d), params, direction);
}
