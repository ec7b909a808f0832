// The largest ||grad L||^2 over bounded scalings of hidden units. Each unit's factor is at one end of its
// range, since ||grad L||^2 is a sum of exponentials of the factors' logarithms (Zhao et al., NeurIPS 2022,
// section 4.2).

import { array, astype, sizeOf } from "../../array.js";
import { OptionError } from "../../errors.js";
import { scan } from "../../graph/control/scan.js";
import { whileLoop } from "../../graph/control/while.js";
import { add, mul, neg } from "../../graph/ops/arithmetic.js";
import { equal, greater, greaterEqual, less, where } from "../../graph/ops/compare.js";
import { abs } from "../../graph/ops/elementary.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { reshape } from "../../graph/ops/reshape.js";
import { splitVector } from "../../graph/ops/slice.js";
import type { Tensor } from "../../graph/tensor.js";
import { integerFrom, type OptionsOf, optionTable, positive } from "../../options.js";
import { requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import { compileOrbitWalk, type OrbitWalkOptions, orbitSearch } from "./orbit-walk.js";
import type { SearchFactory, SearchProblem } from "./search.js";

export interface ScalingCornerOptions extends OptionsOf<typeof scalingCornerOptions> {}

export const scalingCornerOptions = optionTable("scalingCorner", {
  /** b, the largest |log a| of a unit; default the symmetry's bound. */
  bound: positive.otherwise("the symmetry's bound"),
  /** Maximum number of rounds over all units in which single signs are flipped if that helps; default 10. */
  sweeps: integerFrom(0).default(10),
});

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
  requireSymmetry("scalingCorner", symmetry);
  const { bound = symmetry.bound.value, sweeps } = scalingCornerOptions.read(options);
  if (symmetry.bound.kind !== "element") {
    throw new OptionError(
      `scalingCorner needs a symmetry that is bounded element by element, such as positiveScaling; "${symmetry.name}" is bounded by its norm. Use gradientAscent.`,
    );
  }
  const count = symmetry.algebra.reduce((sum, shape) => sum + sizeOf(shape), 0);
  return async (problem) => {
    const proposals = proposalsOf(symmetry, problem, { bound, sweeps, count });
    const program = await compileOrbitWalk(symmetry, problem, proposals);
    const name = `${symmetry.name}, best corner`;
    return orbitSearch(symmetry, { kind: "element", value: bound }, program, { steps: 1, name });
  };
}

/** The corner: signs of the units one by one, then rounds of flips. Traced. */
function proposalsOf<P>(
  symmetry: Symmetry<P>,
  { objective, dtype }: SearchProblem<P>,
  { bound, sweeps, count }: { readonly bound: number; readonly sweeps: number; readonly count: number },
): OrbitWalkOptions<P, { readonly corner: Tensor }, object> {
  const number = (x: number) => constant(x, dtype);
  const places = constant(astype(array(Array.from({ length: count }, (_, i) => i)), dtype));
  const blocksOf = (flat: Tensor): Tensor[] => splitVector(flat, symmetry.algebra);
  return {
    steps: 1,
    given: {},
    reasons: [],
    first: { corner: fill([count], 0, dtype) },
    element: (_from, { corner }, { scale }) => blocksOf(mul(scale, corner)),
    onward({ params, batch, memory }) {
      const valueAt = (flat: Tensor): Tensor => {
        const value = reshape(objective(symmetry.trace(params, blocksOf(flat), batch), batch, memory), []);
        return where(equal(value, value), value, -Infinity);
      };
      const alone = (i: Tensor, t: number) => where(equal(places, i), number(t), 0);
      const [, signed] = scan(
        (c: readonly Tensor[], i: Tensor) => {
          const isUp = greaterEqual(valueAt(alone(i, bound)), valueAt(alone(i, -bound)));
          return [c, where(isUp, number(bound), -bound)];
        },
        [],
        places,
      );
      if (sweeps === 0) return { state: { corner: signed }, stop: number(0) };
      const begin = {
        corner: signed,
        best: valueAt(signed),
        i: number(0),
        turned: number(0),
        sweep: number(0),
      };
      const { corner } = whileLoop(
        ({ sweep }: typeof begin) => less(sweep, sweeps),
        ({ corner: from, best, i, turned, sweep }) => {
          const flipped = where(equal(places, i), neg(from), from);
          const value = valueAt(flipped);
          const isBetter = greater(value, add(best, mul(1e-12, abs(best))));
          const flips = where(isBetter, add(turned, 1), turned);
          const isOver = equal(i, count - 1);
          return {
            corner: where(isBetter, flipped, from),
            best: where(isBetter, value, best),
            i: where(isOver, 0, add(i, 1)),
            turned: where(isOver, 0, flips),
            sweep: where(isOver, where(greater(flips, 0), add(sweep, 1), sweeps), sweep),
          };
        },
        begin,
        { most: sweeps * count },
      );
      return { state: { corner }, stop: number(0) };
    },
  };
}
