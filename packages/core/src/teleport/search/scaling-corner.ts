// The largest ||grad L||^2 over bounded scalings of hidden units. Each unit's factor is at one end of its
// range, since ||grad L||^2 is a sum of exponentials of the factors' logarithms (Zhao et al., NeurIPS 2022,
// section 4.2).

import { type NdArray, sizeOf } from "../../array.js";
import { OptionError } from "../../errors.js";
import { integerFrom, positive } from "../../option-kinds.js";
import { type OptionRows, optionTable } from "../../options.js";
import { isRefusal, type Symmetry } from "../../symmetry/symmetry.js";
import { claimOf } from "./claim.js";
import { compileObjective } from "./objective-value.js";
import type { SearchFactory, Setting } from "./search.js";

export interface ScalingCornerOptions {
  /** b, the largest |log a| of a unit; default the symmetry's bound. */
  readonly bound?: number | undefined;
  /** Maximum number of rounds over all units in which single signs are flipped if that helps; default 10. */
  readonly sweeps?: number | undefined;
}

export const scalingCornerOptions = optionTable("scalingCorner", {
  bound: positive.otherwise("the symmetry's bound"),
  sweeps: integerFrom(0).default(10),
} satisfies OptionRows<ScalingCornerOptions>);

/**
 * The corner of the box |T_i| <= b where the objective of a diagonal scaling is largest, in one jump.
 *
 * ||grad L||^2 is convex in T, so its maximum over the box lies at a corner. With one hidden layer it is a
 * sum over the units, alpha_i e^(-2 T_i) + beta_i e^(2 T_i), and choosing the better sign for each unit
 * separately gives that maximum. With more layers, neighbors interact: rounds over the units then flip single
 * signs as long as the objective grows, and end at a corner that no single sign improves. Evaluations: two
 * per unit, and one per unit for each round.
 *
 * @param symmetry of element-wise scalings, such as `positiveScaling`
 * @throws OptionError for settings out of range, and for a symmetry that is not bounded element by element
 *
 * @example
 * const search = scalingCorner(positiveScaling(params), { bound: 0.3 });
 * const teleporter = await createTeleporter({ search, loss, params, batch });
 */
export function scalingCorner<P>(
  symmetry: Symmetry<P>,
  options: ScalingCornerOptions = {},
): SearchFactory<P> {
  const { bound = symmetry.bound.value, sweeps } = scalingCornerOptions.read(options);
  if (symmetry.bound.kind !== "element") {
    throw new OptionError(
      `scalingCorner needs a symmetry that is bounded element by element, such as positiveScaling; "${symmetry.name}" is bounded by its norm. Use gradientAscent.`,
    );
  }
  const sizes = symmetry.algebra.map(sizeOf);
  const count = sizes.reduce((a, b) => a + b, 0);
  const blocks = (flat: Float64Array): NdArray[] => {
    let at = 0;
    return symmetry.algebra.map((shape, i) => {
      at += sizes[i];
      return { shape, data: flat.slice(at - sizes[i], at) };
    });
  };
  return async (problem) => {
    const objective = await compileObjective(problem);
    await symmetry.prepare?.(problem.params, problem.batch);

    const cornerOf = async (start: P, setting: Setting<P>): Promise<Float64Array> => {
      const valueAt = async (flat: Float64Array): Promise<number> => {
        const p = await symmetry.act(start, blocks(flat), setting.batch);
        if (isRefusal(p)) return -Infinity;
        const value = await objective.at(p, setting);
        return Number.isNaN(value) ? -Infinity : value;
      };
      const corner = new Float64Array(count);
      for (let i = 0; i < count; i++) {
        const alone = (t: number) => new Float64Array(count).fill(t, i, i + 1);
        corner[i] = (await valueAt(alone(bound))) >= (await valueAt(alone(-bound))) ? bound : -bound;
      }
      let best = await valueAt(corner);
      for (let sweep = 0; sweep < sweeps; sweep++) {
        let turned = 0;
        for (let i = 0; i < count; i++) {
          corner[i] = -corner[i];
          const value = await valueAt(corner);
          // Rounding alone must not flip a sign back and forth.
          if (value > best + 1e-12 * Math.abs(best)) {
            best = value;
            turned++;
          } else corner[i] = -corner[i];
        }
        if (turned === 0) break;
      }
      return corner;
    };

    return {
      name: `${symmetry.name}, best corner`,
      exact: symmetry.exact,
      claim: claimOf(symmetry, { kind: "element", value: bound }),
      steps: 1,
      async walk(start, setting) {
        const corner = await cornerOf(start, setting);
        let T = blocks(corner);
        return {
          propose(scale) {
            T = blocks(corner.map((t) => scale * t));
            return symmetry.act(start, T, setting.batch);
          },
          accept() {},
          ...(symmetry.pushForward
            ? {
                pushForward: async (tree, power) =>
                  (await symmetry.pushForward?.(tree, T, power, start, setting.batch)) ?? tree,
              }
            : {}),
        };
      },
      async dispose() {
        await objective.dispose();
        await symmetry.dispose?.();
      },
    };
  };
}
