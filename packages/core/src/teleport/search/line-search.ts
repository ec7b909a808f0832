// Exact line searches along the ascent direction of Zhao et al., NeurIPS 2022, algorithm 1.

import type { NdArray } from "../../array.js";
import { OptionError } from "../../errors.js";
import { dot } from "../../graph/autodiff.js";
import { div, maximum, mul } from "../../graph/ops/arithmetic.js";
import { greater, lessEqual, logicalNot, where } from "../../graph/ops/compare.js";
import { abs, sqrt } from "../../graph/ops/elementary.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { max } from "../../graph/ops/reduce.js";
import { reshape } from "../../graph/ops/reshape.js";
import type { Tensor } from "../../graph/tensor.js";
import { integerFrom, positive } from "../../option-kinds.js";
import { type OptionsOf, optionTable } from "../../options.js";
import { isRefusal, requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import { compileDirection, whyNoAscent } from "./ascent/ascent-direction.js";
import { ascentAt } from "./ascent/ascent-graph.js";
import { isTraceable } from "./ascent/gradient-ascent.js";
import { orbitPath } from "./ascent/orbit-path.js";
import { limited, type TrustRegion } from "./ascent/trust-region.js";
import { limited as limitedInGraph } from "./ascent/walk-graph.js";
import { claimOf } from "./claim.js";
import { maximize, maximizeInGraph } from "./golden-section.js";
import { hasValue, isSet } from "./guard-graph.js";
import { objectiveWhenNeeded } from "./objective-value.js";
import { type Blocks, compileOrbitWalk, type OrbitProposals } from "./orbit-walk.js";
import { isStop, type SearchFactory, type SearchProblem, type Setting } from "./search.js";

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
    const ascent = await compileDirection(symmetry, problem);
    const objective = objectiveWhenNeeded(problem);
    const { trace } = symmetry;
    const isWhole = trace && steps > 0 && isTraceable(symmetry);
    const whole = isWhole
      ? await compileOrbitWalk(symmetry, trace, problem, {
          steps,
          given: {},
          reasons: reasonsOf(bound, evaluations, problem.dtype),
          ...proposalsOf(symmetry, trace, problem, { stepSize, evaluations, region }),
        })
      : undefined;

    const valueAt = async (params: P, T: readonly NdArray[], setting: Setting<P>): Promise<number> => {
      const moved = await symmetry.act(params, T, setting.batch);
      return isRefusal(moved) ? -Infinity : objective.at(moved, setting);
    };

    return {
      name: symmetry.name,
      exact: symmetry.exact,
      claim: claimOf(symmetry, region),
      steps,
      async walk(start, setting) {
        const path = orbitPath(symmetry, start, setting.batch);
        /** Direction and length of this round. */
        let found: { readonly direction: NdArray[]; readonly length: number } | undefined;
        let candidate: { readonly params: P; readonly T: readonly NdArray[] } | undefined;
        return {
          async propose(scale) {
            if (found === undefined) {
              const direction = await ascent.at(path.current, setting);
              if (isStop(direction)) return direction;
              const cut = (t: number) => limited(direction, path.total, t, region);
              if (cut(stepSize) === undefined) {
                return { stopped: boundReached(bound) };
              }
              const best = await maximize(
                async (t) => {
                  const T = cut(t);
                  return T === undefined ? -Infinity : valueAt(path.current, T, setting);
                },
                {
                  origin: await objective.at(path.current, setting),
                  first: stepSize,
                  end: farthest(direction, region),
                  evaluations,
                },
              );
              if (best === undefined) {
                return { stopped: noneHigher(evaluations) };
              }
              found = { direction, length: best.t };
            }
            const T = limited(found.direction, path.total, scale * found.length, region);
            if (T === undefined) return { stopped: boundReached(bound) };
            const params = await symmetry.act(path.current, T, setting.batch);
            if (isRefusal(params)) return params;
            candidate = { params, T };
            return params;
          },
          accept() {
            if (candidate === undefined) throw new OptionError("accept: nothing was proposed.");
            path.take(candidate.params, candidate.T);
            found = candidate = undefined;
          },
          pushForward: path.pushForward,
        };
      },
      ...(whole ? { compiledWalk: whole.walk, tracedWalk: whole.tracedWalk, races: true } : {}),
      async dispose() {
        await whole?.dispose();
        await ascent.dispose();
        await objective.dispose();
      },
    };
  };
}

/** The length beyond which a direction of norm 1 leaves the trust region from any point in it. */
function farthest(direction: readonly NdArray<Float64Array>[], { kind, value }: TrustRegion): number {
  if (kind === "norm") return value;
  let largest = 0;
  for (const { data } of direction) for (const v of data) largest = Math.max(largest, Math.abs(v));
  return (2 * value) / largest;
}

const boundReached = (bound: number) => `the bound ${bound} on the group element is reached`;
const noneHigher = (evaluations: number) =>
  `no point of ${evaluations} along the direction of ascent raises the objective`;

/**
 * Why a compiled walk stops, in the order of the numbers in {@link proposalsOf}. Squares of small and large slopes are 0 and
 * infinite in float32, but not on the host, which decides then.
 */
const reasonsOf = (bound: number, evaluations: number, dtype: "float32" | "float64") => [
  ...(dtype === "float64" ? [whyNoAscent.infinite, whyNoAscent.stationary] : [undefined, undefined]),
  boundReached(bound),
  noneHigher(evaluations),
  undefined,
];

interface LineState {
  readonly direction: Blocks;
  readonly length: Tensor;
}

/** The same search, traced. */
function proposalsOf<P>(
  symmetry: Symmetry<P>,
  act: NonNullable<Symmetry<P>["trace"]>,
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
      limitedInGraph(direction, total, mul(scale, length), region).step,
    onward({ params, total, batch, memory }) {
      const { context, isCertain } = symmetry.traceContext?.(params, batch) ?? {
        context: [],
        isCertain: number(1),
      };
      const gradient = ascentAt(symmetry, objective, { params, batch, memory, context, dtype });
      const norm = sqrt(dot(gradient, gradient));
      const isMoving = greater(norm, 0);
      const direction = gradient.map((g) => mul(where(isMoving, div(1, where(isMoving, norm, 1)), 0), g));
      const cut = (t: Tensor) => limitedInGraph(direction, total, t, region);
      const best = maximizeInGraph(
        (t) => {
          const { step, isLong } = cut(t);
          const value = reshape(objective(act(params, step, batch), batch, memory), []);
          return where(isLong, value, -Infinity);
        },
        {
          origin: reshape(objective(params, batch, memory), []),
          first: stepSize,
          end: farthestInGraph(direction, region),
          evaluations,
        },
      );
      const cases = [
        logicalNot(isSet(isCertain)),
        logicalNot(hasValue(norm)),
        logicalNot(isMoving),
        logicalNot(cut(number(stepSize)).isLong),
        lessEqual(best.t, 0),
      ];
      const numbers = [5, 1, 2, 3, 4];
      const stop = cases.reduceRight<Tensor>((rest, holds, k) => where(holds, numbers[k], rest), number(0));
      return { state: { direction, length: best.t }, stop };
    },
  };
}

function farthestInGraph(direction: Blocks, { kind, value }: TrustRegion): Tensor {
  if (kind === "norm") return constant(value, direction[0].dtype);
  return div(2 * value, direction.map((d) => max(abs(d))).reduce(maximum));
}
