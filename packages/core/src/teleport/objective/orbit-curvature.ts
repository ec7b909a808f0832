// Curvature of curves on an orbit: Zhao, Gower, Walters, Yu, ICLR 2024, section 4.

import { astype, type NdArray, sizeOf } from "../../array.js";
import { type BatchTensors, specsOf } from "../../batch.js";
import { OptionError } from "../../errors.js";
import { dot, jvp, mapTree } from "../../graph/autodiff.js";
import { add, div, maximum, mul, sub } from "../../graph/ops/arithmetic.js";
import { sqrt } from "../../graph/ops/elementary.js";
import { constant } from "../../graph/ops/leaf.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import { createRng } from "../../math/rng.js";
import { inCode, integerFrom, type OptionsOf, optionTable } from "../../options.js";
import { requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import { flatten } from "../../tree.js";
import type { Objective } from "./objective.js";

export interface OrbitCurvatureOptions extends OptionsOf<typeof orbitCurvatureOptions> {}

export const orbitCurvatureOptions = optionTable("orbitCurvature", {
  /** Number of random generators M; default 4. */
  samples: integerFrom(1).default(4),
  /** Seed of the generators; default 0. */
  seed: integerFrom(0).default(0),
  /** Generators to use instead, each a list of blocks of the symmetry's algebra. */
  generators: inCode<readonly (readonly NdArray[])[]>("a list of elements of the algebra", (v) =>
    Array.isArray(v),
  ).otherwise("random ones"),
});

/** Keeps quotients and roots differentiable on straight lines and at fixed points; a normal number in float32. */
const TINY = 1e-30;

/**
 * The curvature of the orbit: the mean over generators M of the curvature of the curve c(t) = exp(tM).w at t = 0,
 *
 * kappa = sqrt(|c'|^2 |c''|^2 - (c'.c'')^2) / |c'|^3
 *
 * with c' = the action's derivative D(w) M, and c'' = the derivative of D(w) M in w along c'. It is computed as
 * |c'' - (c'.c'' / |c'|^2) c'| / |c'|^2, the same number with less cancellation. The length of M does not matter, so
 * random generators are normal. A fixed point of the group has curvature 0.
 *
 * @throws OptionError for options out of range, and, when traced, for a symmetry whose action depends on the
 *   batch through arrays of its `context`: their derivative is not known
 *
 * @example
 * const objective = minimized(orbitCurvature(positiveScaling(params), { samples: 8 }));
 */
export function orbitCurvature<P0>(symmetry: Symmetry<P0>, options: OrbitCurvatureOptions = {}): Objective {
  requireSymmetry("orbitCurvature", symmetry);
  const { samples, seed, generators: given } = orbitCurvatureOptions.read(options);
  const blocks = symmetry.algebra.length;
  if (given !== undefined && (given.length === 0 || given.some((M) => M?.length !== blocks))) {
    throw new OptionError(
      `orbitCurvature: generators must be one or more elements of the algebra, with ${blocks} blocks each.`,
    );
  }
  const generators = given ?? Array.from({ length: samples }, (_, k) => randomGenerator(symmetry, seed, k));
  return () => (params, batch) => {
    requireNoContext(symmetry, batch);
    const { dtype } = flatten(params, isTensor).leaves[0];
    const curvatures = generators.map((M) => {
      const T = M.map((block) => constant(astype(block, dtype)));
      const velocity = (w: typeof params) =>
        symmetry.derivative(w as TensorsOf<P0>, T, batch, []) as typeof params;
      return curvatureOf(velocity, params);
    });
    return div(curvatures.reduce(add), curvatures.length);
  };
}

/** kappa of the solution of dw/dt = velocity(w) at a point. */
function curvatureOf<P>(velocity: (w: P) => P, w: P): Tensor {
  const first = velocity(w);
  const [, second] = jvp(velocity, w, first);
  const speedSq = maximum(dot(first, first), TINY);
  const fraction = div(dot(first, second), speedSq);
  const bend = mapTree((a, b) => div(sub(a, mul(fraction, b)), speedSq), second, first);
  return sqrt(maximum(dot(bend, bend), TINY));
}

function requireNoContext<P>(symmetry: Symmetry<P>, batch: BatchTensors): void {
  const shapes = symmetry.contextShapes?.(specsOf(batch)) ?? [];
  if (shapes.length > 0) {
    throw new OptionError(
      `orbitCurvature: the action of ${symmetry.name} depends on parameters and batch through arrays that are held fixed, so that the second derivative of its curves is not known; use a symmetry that is exact on all data.`,
    );
  }
}

function randomGenerator<P>({ algebra }: Symmetry<P>, seed: number, index: number): NdArray[] {
  const rng = createRng(seed).fork("orbit curvature").fork(index);
  return algebra.map((shape) => ({
    shape,
    data: Float64Array.from({ length: sizeOf(shape) }, () => rng.normal()),
  }));
}
