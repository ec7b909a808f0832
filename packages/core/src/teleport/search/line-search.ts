// Exact line searches along the ascent direction of Zhao et al., NeurIPS 2022, algorithm 1.
import { whileLoop } from "../../graph/control/while.js";
import { add, div, maximum, minimum, mul, sub } from "../../graph/ops/arithmetic.js";
import {
  equal,
  greater,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  where,
} from "../../graph/ops/compare.js";
import { abs } from "../../graph/ops/elementary.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { max } from "../../graph/ops/reduce.js";
import { reshape } from "../../graph/ops/reshape.js";
import type { Tensor } from "../../graph/tensor.js";
import { integerFrom, type OptionsOf, optionTable, positive } from "../../options.js";
import { requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import { boundReached, whyNoAscent } from "./gradient-ascent.js";
import { hasValue, isSet } from "./guard-graph.js";
import {
  ascentAlong,
  type Blocks,
  compileOrbitWalk,
  contextAt,
  firstOf,
  type OrbitProposals,
  orbitSearch,
} from "./orbit-walk.js";
import type { SearchFactory, SearchProblem } from "./search.js";
import { lengthOf, limited, type TrustRegion } from "./trust-region.js";

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
    const program = await compileOrbitWalk(symmetry, problem, {
      steps,
      given: {},
      reasons: [
        whyNoAscent.infinite,
        whyNoAscent.stationary,
        boundReached(bound),
        noneHigher(evaluations),
        undefined,
      ],
      ...proposalsOf(symmetry, problem, { stepSize, evaluations, region }),
    });
    return orbitSearch(symmetry, region, program, { steps });
  };
}

const noneHigher = (evaluations: number) =>
  `no point of ${evaluations} along the direction of ascent raises the objective`;

/** A round: the direction, and the length along it at which the objective is largest. Traced. */
function proposalsOf<P>(
  symmetry: Symmetry<P>,
  { objective, dtype }: Pick<SearchProblem<P>, "objective" | "dtype">,
  {
    stepSize,
    evaluations,
    region,
  }: { readonly stepSize: number; readonly evaluations: number; readonly region: TrustRegion },
): OrbitProposals<P, { readonly direction: Blocks; readonly length: Tensor }, object> {
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
      const direction = gradient.map((g) => mul(where(isMoving, div(1, norm), 0), g));
      const cut = (t: Tensor) => limited(direction, total, t, region);
      const best = maximize(
        (t) => {
          const { step, isLong } = cut(t);
          const value = reshape(objective(symmetry.trace(params, step, batch), batch, memory), []);
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

// Bracketing by growing steps, then golden section: Kiefer, Proc. Amer. Math. Soc. 4 (1953) 502-506.

const golden = (Math.sqrt(5) - 1) / 2;
/** Points this close to the end of the line, relative to its length, are replaced by the end. */
const near = 0.05;

export interface MaximizeOptions {
  /** f(0). */
  readonly origin: Tensor;
  /** First point to evaluate. */
  readonly first: number;
  /** End of the line. */
  readonly end: Tensor;
  /** Maximum number of evaluations of f. */
  readonly evaluations: number;
}

/**
 * Finds a point in (0, end] where a function of one variable is larger than at 0, near a local maximum. Steps
 * grow by the golden ratio while f rises (and shrink while it does not rise at all), until three points
 * bracket a maximum; golden section then narrows the bracket. Values that are not finite count as -Infinity. Traced: one
 * evaluation a pass.
 *
 * @returns the best of all evaluated points; 0 if none is better than 0
 */
export function maximize(
  f: (t: Tensor) => Tensor,
  { origin, first, end, evaluations }: MaximizeOptions,
): { readonly t: Tensor; readonly value: Tensor } {
  const { dtype } = origin;
  const number = (x: number) => constant(x, dtype);
  const phases = ["first", "growing", "at the end", "shrinking", "enclosed", "over"] as const;
  const is = (phase: Tensor, name: (typeof phases)[number]) => equal(phase, phases.indexOf(name));
  const phaseOf = (name: (typeof phases)[number]) => number(phases.indexOf(name));
  const select = <T extends Tensor>(otherwise: T, ...cases: readonly (readonly [Tensor, Tensor])[]): Tensor =>
    cases.reduceRight<Tensor>((rest, [holds, value]) => where(holds, value, rest), otherwise);
  /** Where a function that still rises at `middle` is evaluated next. */
  const rising = (low: Tensor, middle: Tensor) =>
    select(
      phaseOf("over"),
      [less(middle, end), phaseOf("growing")],
      [greater(sub(end, low), mul(near, end)), phaseOf("at the end")],
    );
  const begin = {
    low: number(0),
    middle: minimum(first, end),
    high: end,
    valueAtMiddle: number(0),
    t: number(0),
    value: origin,
    left: number(evaluations),
    phase: phaseOf("first"),
  };
  const found = whileLoop(
    ({ left, phase }: typeof begin) => logicalAnd(greater(left, 0), logicalNot(is(phase, "over"))),
    ({ low, middle, high, valueAtMiddle, t, value, left, phase }) => {
      const isGrowing = is(phase, "growing");
      const isAtEnd = is(phase, "at the end");
      const isShrinking = is(phase, "shrinking");
      const isEnclosed = is(phase, "enclosed");
      const isFirst = is(phase, "first");
      const isRight = greater(sub(high, middle), sub(middle, low));
      const probe = where(
        isRight,
        add(middle, mul(1 - golden, sub(high, middle))),
        sub(middle, mul(1 - golden, sub(middle, low))),
      );
      const next = select(
        middle,
        [isGrowing, minimum(add(middle, div(sub(middle, low), golden)), end)],
        [isAtEnd, sub(end, mul(1 - golden, sub(end, low)))],
        [isShrinking, mul(1 - golden, middle)],
        [isEnclosed, probe],
      );
      const measured = f(next);
      const here = where(hasValue(measured), measured, -Infinity);
      const isBest = greater(here, value);
      const isBetter = greater(here, valueAtMiddle);
      const isAbove = greater(here, origin);
      const isLow = logicalAnd(
        isEnclosed,
        equal(where(isRight, number(1), 0), where(isBetter, number(1), 0)),
      );
      const isHigh = logicalAnd(isEnclosed, logicalNot(isLow));
      const inner = where(isBetter, middle, next);
      const moves = logicalOr(isBetter, logicalOr(isFirst, isShrinking));
      const after = {
        low: select(
          low,
          [logicalAnd(isGrowing, isBetter), middle],
          [logicalAnd(isAtEnd, logicalNot(isBetter)), next],
          [isLow, inner],
        ),
        middle: where(moves, next, middle),
        high: select(
          high,
          [logicalAnd(isGrowing, logicalNot(isBetter)), next],
          [isShrinking, middle],
          [isHigh, inner],
        ),
        valueAtMiddle: where(moves, here, valueAtMiddle),
      };
      const risen = rising(after.low, after.middle);
      return {
        ...after,
        t: where(isBest, next, t),
        value: where(isBest, here, value),
        left: sub(left, 1),
        phase: select(
          phase,
          [isFirst, where(isAbove, risen, phaseOf("shrinking"))],
          [isGrowing, where(isBetter, risen, phaseOf("enclosed"))],
          [isAtEnd, where(isBetter, phaseOf("enclosed"), rising(after.low, end))],
          [isShrinking, where(isAbove, phaseOf("enclosed"), phaseOf("shrinking"))],
        ),
      };
    },
    begin,
    { most: evaluations },
  );
  return { t: found.t, value: found.value };
}
