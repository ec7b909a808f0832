// Exact line searches along the ascent direction of Zhao et al., NeurIPS 2022, algorithm 1.
import { div, maximum, mul } from "../../graph/ops/arithmetic.js";
import { greater, lessEqual, logicalNot, where } from "../../graph/ops/compare.js";
import { abs } from "../../graph/ops/elementary.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { max } from "../../graph/ops/reduce.js";
import { reshape } from "../../graph/ops/reshape.js";
import type { Tensor } from "../../graph/tensor.js";
import { integerFrom, positive } from "../../option-kinds.js";
import { type OptionsOf, optionTable } from "../../options.js";
import { requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import { ascentAlong } from "./ascent/ascent-graph.js";
import { boundReached, whyNoAscent } from "./ascent/gradient-ascent.js";
import { lengthOf, limited, type TrustRegion } from "./ascent/trust-region.js";
import { claimOf } from "./claim.js";
import { maximize } from "./golden-section.js";
import { hasValue, isSet } from "./guard-graph.js";
import { type Blocks, compileOrbitWalk, contextAt, firstOf, type OrbitProposals } from "./orbit-walk.js";
import type { SearchFactory, SearchProblem } from "./search.js";

export interface LineSearchOptions extends OptionsOf<typeof lineSearchOptions> {}

export const lineSearchOptions = optionTable("lineSearch", {
  /** Number of rounds, each along the direction of steepest ascent at its start; default 3. */
  steps: integerFrom(0).default(3),
  /** Norm of T at the first point of a round; default a fifth of the bound. */
  stepSize: positive.otherwise("a fifth of the bound"),
  /** Largest total of T; default the symmetry's bound. */
  bound: positive.otherwise("the symmetry's bound"),
  /** Number of points in a round at which the objective is measured; default 10. */
  evaluations: integerFrom(1).default(10),
});

/**
 * Maximizes the measured objective along the direction of steepest ascent in the algebra, D = dphi/dT normalized,
 *
 * t* = argmax phi((t D).w)  within the trust region,
 *
 * by bracketing and golden section, and continues from there in a new direction. A round costs one gradient
 * in T, which for ||grad L||^2 includes a Hessian-vector product; the other points cost one action and one
 * evaluation each.
 *
 * @throws OptionError for settings out of range
 *
 * @example
 * const search = lineSearch(positiveScaling(params), { steps: 2, bound: 0.3 });
 * const teleporter = await createTeleporter({ search, loss, params, batch });
 */
export function lineSearch<P>(symmetry: Symmetry<P>, options: LineSearchOptions = {}): SearchFactory<P> {
  requireSymmetry("lineSearch", symmetry);
  const {
    steps,
    bound = symmetry.bound.value,
    evaluations,
    stepSize = bound / 5,
  } = lineSearchOptions.read(options);
  const region: TrustRegion = { kind: symmetry.bound.kind, value: bound };
  return async (problem) => {
    const { run, tracedWalk, races, dispose } = await compileOrbitWalk(symmetry, symmetry.trace, problem, {
      steps,
      given: {},
      reasons: [
        whyNoAscent.infinite,
        whyNoAscent.stationary,
        boundReached(bound),
        noneHigher(evaluations),
        undefined,
      ],
      ...proposalsOf(symmetry, symmetry.trace, problem, { stepSize, evaluations, region }),
    });
    return {
      name: symmetry.name,
      exact: symmetry.exact,
      claim: claimOf(symmetry, region),
      steps,
      races,
      run,
      tracedWalk,
      async dispose() {
        await dispose();
        await symmetry.dispose?.();
      },
    };
  };
}

const noneHigher = (evaluations: number) =>
  `no point of ${evaluations} along the direction of ascent raises the objective`;

interface LineState {
  readonly direction: Blocks;
  readonly length: Tensor;
}

/** A round: the direction, and the length along it at which the objective is largest. Traced. */
function proposalsOf<P>(
  symmetry: Symmetry<P>,
  act: Symmetry<P>["trace"],
  { objective, dtype }: Pick<SearchProblem<P>, "objective" | "dtype">,
  {
    stepSize,
    evaluations,
    region,
  }: { readonly stepSize: number; readonly evaluations: number; readonly region: TrustRegion },
): OrbitProposals<P, LineState, object> {
  const number = (x: number) => constant(x, dtype);
  return {
    first: { direction: symmetry.algebra.map((shape) => fill(shape, 0, dtype)), length: number(0) },
    element: ({ total }, { direction, length }, { scale }) =>
      limited(direction, total, mul(scale, length), region).step,
    onward({ params, total, batch, memory, objective: origin, slope }) {
      const { context, isCertain } = contextAt(symmetry, params, batch, dtype);
      const gradient = ascentAlong(symmetry, slope(), { params, batch, context, dtype });
      const norm = lengthOf(gradient);
      const isMoving = greater(norm, 0);
      const direction = gradient.map((g) => mul(where(isMoving, div(1, where(isMoving, norm, 1)), 0), g));
      const cut = (t: Tensor) => limited(direction, total, t, region);
      const best = maximize(
        (t) => {
          const { step, isLong } = cut(t);
          const value = reshape(objective(act(params, step, batch), batch, memory), []);
          return where(isLong, value, -Infinity);
        },
        {
          origin,
          first: stepSize,
          end: farthest(direction, region),
          evaluations,
        },
      );
      const stop = firstOf(
        [
          [logicalNot(isSet(isCertain)), 5],
          [logicalNot(hasValue(norm)), 1],
          [logicalNot(isMoving), 2],
          [logicalNot(cut(number(stepSize)).isLong), 3],
          [lessEqual(best.t, 0), 4],
        ],
        dtype,
      );
      return { state: { direction, length: best.t }, stop };
    },
  };
}

/** The length beyond which a direction of norm 1 leaves the trust region from any point in it. */
function farthest(direction: Blocks, { kind, value }: TrustRegion): Tensor {
  if (kind === "norm") return constant(value, direction[0].dtype);
  return div(2 * value, direction.map((d) => max(abs(d))).reduce(maximum));
}
