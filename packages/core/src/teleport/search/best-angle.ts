// The largest objective on the orbit of a group of plane rotations, a circle: the argmax of Zhao et al., NeurIPS 2022,
// algorithm 1, found by scanning.
import { OptionError } from "../../errors.js";
import { dot } from "../../graph/autodiff.js";
import { add, cast, div, maximum, mul, sub } from "../../graph/ops/arithmetic.js";
import { greater, lessEqual, logicalAnd, logicalNot } from "../../graph/ops/compare.js";
import { abs, sqrt } from "../../graph/ops/elementary.js";
import { constant } from "../../graph/ops/leaf.js";
import { reshape } from "../../graph/ops/reshape.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import { integerFrom } from "../../option-kinds.js";
import { type OptionsOf, optionTable } from "../../options.js";
import { lazy } from "../../runtime/lazy.js";
import { requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import { flatten } from "../../tree.js";
import { highestOn } from "./circle.js";
import { claimOf } from "./claim.js";
import { hasValue } from "./guard-graph.js";
import { compileOrbitWalk, firstOf, type OrbitWalkOptions } from "./orbit-walk.js";
import type { SearchFactory, SearchProblem } from "./search.js";

export interface BestAngleOptions extends OptionsOf<typeof bestAngleOptions> {}

export const bestAngleOptions = optionTable("bestAngle", {
  /** Number of angles in the scan over the whole turn; peaks narrower than their distance are missed. Default 360. */
  samples: integerFrom(8).default(360),
});

/**
 * Finds the angle with the largest objective over a whole turn, in one jump: for rotations of a plane, such
 * as those of a two-dimensional quadratic or of two residuals.
 *
 * The objective is evaluated at equal distances; around each of its local maxima the zero of its derivative in the
 * angle is found, to 1e-14 in float64. Angles at which the action is not possible are left out.
 *
 * If a turn by 2 pi is not the identity, the search stops and says so.
 *
 * @throws OptionError when the algebra is not one number
 *
 * @example
 * const search = bestAngle(rosenbrock().symmetry());
 * const teleporter = await createTeleporter({ search, loss, params, batch: {} });
 */
export function bestAngle<P>(symmetry: Symmetry<P>, options: BestAngleOptions = {}): SearchFactory<P> {
  requireSymmetry("bestAngle", symmetry);
  const { samples } = bestAngleOptions.read(options);
  const { algebra } = symmetry;
  if (algebra.length !== 1 || algebra[0].reduce((a, b) => a * b, 1) !== 1) {
    throw new OptionError(
      `bestAngle needs an algebra of one angle; that of "${symmetry.name}" has the shapes ${algebra.map((s) => `[${s.join(", ")}]`).join(", ")}. Use gradientAscent.`,
    );
  }
  return async (problem) => {
    // One element is the sum of all.
    const one = { ...symmetry, additive: true };
    const programs = lazy<Awaited<ReturnType<typeof compileScan>>>();
    const compileScan = (by: "steps" | "angles") =>
      compileOrbitWalk(one, symmetry.trace, problem, proposalsOf(one, problem, samples, by));
    const scanBy = (by: "steps" | "angles") => programs.get(by, () => compileScan(by));
    // Steps add up rounding, which is too coarse in float32.
    const first = problem.dtype === "float64" ? "steps" : "angles";
    const { tracedWalk } = await scanBy(first);
    return {
      name: `${symmetry.name}, best angle`,
      exact: symmetry.exact,
      claim: claimOf(symmetry, symmetry.bound),
      steps: 1,
      races: true,
      async run(...given) {
        const walked = await (await scanBy(first)).run(...given);
        return walked.reason === unreached ? (await scanBy("angles")).run(...given) : walked;
      },
      tracedWalk,
      async dispose() {
        await programs.dispose();
        await symmetry.dispose?.();
      },
    };
  };
}

/** How far the loss may drift on the scan by steps, relative to its size. */
const driftTolerance = 1e-6;

/** How far a turn by 2 pi may move the parameters, relative to their size. */
const turnTolerance = 1e-3;

const unreached = "the scan by steps does not reach a part of the circle";

/**
 * The jump to the highest point. Traced.
 *
 * @param by `steps`: each point of the scan is turned from the one before, for which one sine and cosine serve all; `angles`:
 *   from the start, where an action is not possible everywhere
 */
function proposalsOf<P>(
  { name, trace: act, algebra }: Symmetry<P>,
  { loss, objective, dtype }: SearchProblem<P>,
  samples: number,
  by: "steps" | "angles",
): OrbitWalkOptions<P, { readonly angle: Tensor }, object> {
  const elementOf = (angle: Tensor) => [reshape(cast(angle, dtype), algebra[0])];
  return {
    steps: 1,
    given: {},
    reasons: [
      undefined,
      (off) =>
        `a turn by 2 pi of "${name}" moves the parameters by ${off.toExponential(1)} of their size: it is not a group of rotations here`,
      "the objective is not finite anywhere on the circle",
      "no angle has a larger objective",
    ],
    says: () => unreached,
    first: { angle: constant(0, "float64") },
    element: (_from, { angle }) => elementOf(angle),
    hasOther: () => constant(0, "bool"),
    onward({ params: start, batch, memory, objective: level }) {
      const startLoss = loss(start, batch);
      const room = mul(driftTolerance, maximum(abs(startLoss), 1e-12));
      const turned = (from: TensorsOf<P>, angle: Tensor) => act(from, elementOf(angle), batch);
      const best = highestOn<P>(
        {
          turned,
          value: (p) => cast(reshape(objective(p, batch, memory), []), "float64"),
          isValid: (p, value) =>
            logicalAnd(lessEqual(abs(sub(loss(p, batch), startLoss)), room), hasValue(value)),
          samples,
          by,
        },
        start,
      );
      const [from, to] = [start, best.turned].map((p) => flatten(p, isTensor).leaves);
      const moved = from.map((x, i) => sub(to[i], x));
      const off = div(sqrt(dot(moved, moved)), maximum(sqrt(dot(from, from)), 1e-30));
      // Higher by more than rounding.
      const before = cast(level, "float64");
      const isHigher = greater(best.value, add(before, mul(1e-12, abs(before))));
      const isTurn = lessEqual(off, turnTolerance);
      const cases: [Tensor, number][] = [
        by === "steps"
          ? [logicalNot(logicalAnd(best.isValid, isTurn)), 1]
          : [logicalAnd(hasValue(off), logicalNot(isTurn)), 2],
        [logicalNot(best.isFound), 3],
        [logicalNot(isHigher), 4],
      ];
      return { state: { angle: best.angle }, stop: firstOf(cases, dtype), detail: off };
    },
  };
}
