// The released code's teleport of two-dimensional functions of Zhao et al., NeurIPS 2022 (arXiv 2205.10637),
// including its defects: it produced the published curves. bestAngle finds the optimum instead.

import { sizeOf } from "../../array.js";
import type { Batch, BatchLoss } from "../../batch.js";
import { OptionError } from "../../errors.js";
import { createRng } from "../../math/rng.js";
import { finite, integerFrom, nonNegative, type OptionsOf, optionTable } from "../../options.js";
import { compile } from "../../runtime/compile.js";
import { isRefusal, type Refusal, requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import { floatTypeOf, namedArrays } from "../../tree.js";
import { gradNormSq } from "../objective/objective.js";
import { traceAscent } from "../search/orbit-walk.js";

export interface ReferenceAngleOptions extends OptionsOf<typeof referenceAngleTeleportOptions> {}

export const referenceAngleTeleportOptions = optionTable("referenceAngleTeleport", {
  /** Learning rate of the ascent; default 0.1 (Rosenbrock); 1e-3 for Booth. */
  learningRate: nonNegative.default(0.1),
  /** Ascent steps; default 10. */
  steps: integerFrom(1).default(10),
  /** theta_0; default uniform in [0, pi), drawn from the seed. */
  angle: finite.otherwise("uniform in [0, pi), drawn from the seed"),
  /** Default 0. */
  seed: integerFrom(0).default(0),
});

/**
 * The released teleport of two-dimensional functions by a rotation: gradient ascent on the angle from a random start,
 *
 * theta <- theta + learningRate d/dtheta ||grad L(R(theta).w)||^2,  theta_0 ~ U(0, pi)
 *
 * It keeps the loss. Known defects, kept on purpose: the point that is returned was evaluated before the last update,
 * so only nine of ten steps count; and the gradient at the end can be smaller than at the start.
 *
 * @param symmetry whose algebra is one angle, such as `rosenbrock().symmetry()`
 * @throws OptionError for settings out of range, and for another algebra
 *
 * @example
 * const { loss, start, symmetry } = rosenbrock();
 * const moved = await referenceAngleTeleport(start, {}, loss, symmetry(), { seed: 1 });
 */
export async function referenceAngleTeleport<P>(
  params: P,
  batch: Batch,
  loss: BatchLoss<P>,
  symmetry: Symmetry<P>,
  options: ReferenceAngleOptions = {},
): Promise<P | Refusal> {
  const {
    learningRate,
    steps,
    seed,
    angle = Math.PI * createRng(seed).next(),
  } = referenceAngleTeleportOptions.read(options);
  requireSymmetry("referenceAngleTeleport", symmetry);
  const [block] = symmetry.algebra;
  if (symmetry.algebra.length !== 1 || sizeOf(block) !== 1) {
    throw new OptionError(
      `referenceAngleTeleport needs an algebra of one angle; that of "${symmetry.name}" is different. Use gradientAscent.`,
    );
  }
  const dtype = floatTypeOf("referenceAngleTeleport", params);
  const graph = traceAscent(symmetry, gradNormSq(loss), { params, batch, memory: {}, dtype });
  const slope = await compile(graph, { dtype: "float64" });
  try {
    let theta = angle;
    let point: P = params;
    for (let step = 0; step < steps; step++) {
      const moved = await symmetry.act(params, [{ shape: block, data: Float64Array.of(theta) }], batch);
      if (isRefusal(moved)) return moved;
      point = moved;
      const context = (await symmetry.context?.(point, batch)) ?? [];
      if (isRefusal(context)) return context;
      const results = await slope.run(namedArrays({ params: point, batch, context }));
      theta += learningRate * Number(results["T.0"].data[0]);
    }
    return point;
  } finally {
    await slope.dispose();
  }
}
