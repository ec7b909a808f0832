// Gradient ascent in a group's algebra: Zhao et al., NeurIPS 2022, algorithm 1.

import { array, astype, type NdArray, zeros } from "../../array.js";
import { scan } from "../../graph/control/scan.js";
import { add, div, mul } from "../../graph/ops/arithmetic.js";
import { equal, greater, logicalNot, logicalOr, where } from "../../graph/ops/compare.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { expandDims, reshape } from "../../graph/ops/reshape.js";
import { concat, vectorOf } from "../../graph/ops/slice.js";
import type { Tensor } from "../../graph/tensor.js";
import { flag, integerFrom, type OptionsOf, optionTable, positive, smoothing } from "../../options.js";
import { isRefusal, requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import type { Limits } from "../guard.js";
import { all, chosen, hasValue, isSet } from "./guard-graph.js";
import {
  ascentAlong,
  type Base,
  type Blocks,
  compileOrbitWalk,
  contextAt,
  firstOf,
  type OrbitProposals,
  orbitSearch,
} from "./orbit-walk.js";
import type { CompiledWalk, HowToRun, SearchFactory, SearchProblem, Setting, TracedWalk } from "./search.js";
import {
  lengthOf,
  limited,
  type Reach,
  randomElement,
  reachOf,
  stacked,
  type TrustRegion,
} from "./trust-region.js";
import type { WalkProgramPart } from "./walk-program.js";

export interface GradientAscentOptions extends OptionsOf<typeof gradientAscentOptions> {}

export const gradientAscentOptions = optionTable("gradientAscent", {
  /** Ascent steps; default 10. */
  steps: integerFrom(0).default(10),
  /** Norm of T in one ascent step; default a fifth of the bound. */
  stepSize: positive.otherwise("a fifth of the bound"),
  /** Largest total of T; default the symmetry's bound. */
  bound: positive.otherwise("the symmetry's bound"),
  /** Weight of the past directions in a running sum, as the momentum of SGD; default 0. */
  momentum: smoothing.default(0),
  /** Whether each direction is divided by its norm, so that a step has the length `stepSize`; default true. */
  normalized: flag.default(true),
  /**
   * Number of walks, all but the first from a random element within the bound, which counts once a step from it is accepted;
   * default 1.
   */
  starts: integerFrom(1).default(1),
  /** Seed of the random starts; default 0. */
  seed: integerFrom(0).default(0),
});

/**
 * Gradient ascent on the orbit: each step applies an exact action to the point that the last one reached.
 *
 * The gradient in T at the identity is the pull-back of the objective's gradient through the action's derivative,
 * d/dT f(T.w) = (dw/dT)' grad f(w): for ||grad L||^2 one Hessian-vector product and one product with dw/dT.
 *
 * @throws OptionError for settings out of range
 *
 * @example
 * const search = gradientAscent(positiveScaling(params), { steps: 5, bound: 0.3 });
 * const teleporter = await createTeleporter({ search, loss, params, batch });
 */
export function gradientAscent<P>(
  symmetry: Symmetry<P>,
  options: GradientAscentOptions = {},
): SearchFactory<P> {
  requireSymmetry("gradientAscent", symmetry);
  const {
    steps,
    bound = symmetry.bound.value,
    momentum,
    normalized,
    stepSize = bound / 5,
    starts,
    seed,
  } = gradientAscentOptions.read(options);
  const region: TrustRegion = { kind: symmetry.bound.kind, value: bound };
  return async (problem) => {
    const images = Array.from({ length: starts - 1 }, (_, k) =>
      randomElement(symmetry, region, seed, k + 1).map((block) => astype(block, problem.dtype)),
    );
    const still = symmetry.algebra.map((shape) => zeros(shape, problem.dtype));
    const program = await compileOrbitWalk(symmetry, problem, {
      steps,
      given: { origin: starts > 1 ? still : [] },
      eager: true,
      reasons: [whyNoAscent.infinite, whyNoAscent.stationary, boundReached(bound), undefined],
      ...proposalsOf(symmetry, problem.dtype, { stepSize, momentum, normalized, region }),
    });
    const { run, tracedWalk: single } = program;

    /** A walk from the image of the start under an element. */
    async function runFrom(
      T: readonly NdArray[],
      start: P,
      setting: Setting<P>,
      limits: Limits,
      how: HowToRun<P>,
    ): Promise<CompiledWalk<P>> {
      const { batch } = setting;
      const origin = await symmetry.act(start, T, batch);
      const refused = isRefusal(origin) ? origin.refused : await how.whyNot?.(origin);
      if (isRefusal(origin) || refused !== undefined) {
        return { params: start, steps: 0, points: [], reason: String(refused) };
      }
      const walked = await run(origin, setting, limits, how, { origin: T });
      const { pushForward } = walked;
      if (pushForward === undefined) return walked;
      return {
        ...walked,
        async pushForward(tree, power) {
          const first = (await symmetry.pushForward?.(tree, T, power, start, batch)) ?? tree;
          return isRefusal(first) ? first : pushForward(first, power);
        },
      };
    }

    return {
      ...orbitSearch(symmetry, region, program, { steps }),
      starts,
      races: starts === 1,
      run: async (start, setting, limits, how = {}) =>
        how.index
          ? runFrom(images[how.index - 1], start, setting, limits, how)
          : run(start, setting, limits, how),
      tracedWalk: single && starts > 1 ? severalStarts(symmetry, problem, single, { images, steps }) : single,
    };
  };
}

export const boundReached = (bound: number) => `the bound ${bound} on the group element is reached`;

/** Why there is no direction of ascent. */
export const whyNoAscent = {
  infinite: "the gradient is not finite",
  stationary: "the objective is stationary along the orbit: there is nowhere to move",
};

/** The steps: the direction at the last accepted point, and how far it leads. Traced. */
function proposalsOf<P>(
  symmetry: Symmetry<P>,
  dtype: "float32" | "float64",
  {
    stepSize,
    momentum,
    normalized,
    region,
  }: {
    readonly stepSize: number;
    readonly momentum: number;
    readonly normalized: boolean;
    readonly region: TrustRegion;
  },
): OrbitProposals<P, { readonly direction: Blocks; readonly reach: Reach }, StartingAt> {
  /** T from the start of all walks. */
  const wholeOf = ({ total, given }: Base<P, StartingAt>): Blocks => {
    const origin = given.origin as Blocks;
    return total.map((t, i) => (origin.length > 0 ? add(t, origin[i]) : t));
  };
  const sizeAt = (scale: Tensor) => mul(stepSize, scale);
  const still = symmetry.algebra.map((shape) => fill(shape, 0, dtype));
  return {
    first: { direction: still, reach: reachOf(still, still, region) },
    element: (from, { direction, reach }, { scale }) =>
      limited(direction, wholeOf(from), sizeAt(scale), region, reach).step,
    onward(point, { direction: before }, { scale }) {
      const { params, batch, slope } = point;
      const { context, isCertain } = contextAt(symmetry, params, batch, dtype);
      const gradient = ascentAlong(symmetry, slope(), { params, batch, context, dtype });
      const norm = lengthOf(gradient);
      const isMoving = greater(norm, 0);
      const factor = normalized ? where(isMoving, div(1, norm), 0) : constant(1, dtype);
      const direction = gradient.map((g, i) =>
        momentum > 0 ? add(mul(factor, g), mul(momentum, before[i])) : mul(factor, g),
      );
      const whole = wholeOf(point);
      const reach = reachOf(direction, whole, region);
      const { isLong } = limited(direction, whole, sizeAt(scale), region, reach);
      const stop = firstOf(
        [
          [logicalNot(isSet(isCertain)), 4],
          [logicalNot(hasValue(norm)), 1],
          [logicalNot(isMoving), 2],
          [logicalNot(isLong), 3],
        ],
        dtype,
      );
      return { state: { direction, reach }, stop };
    },
  };
}

// Walks from several points of an orbit, of which the best end counts, as a part of a larger program.

/** T from the start to where a walk begins; empty: it begins at the start. */
export interface StartingAt {
  readonly origin: readonly NdArray[];
}

/**
 * Walks from the start and from its images under elements of the group; the one with the highest objective at its end counts.
 * There is no race.
 *
 * @param steps most steps of a walk
 */
export function severalStarts<P>(
  { algebra, additive, pushForward, trace: act }: Symmetry<P>,
  { loss, objective, dtype }: SearchProblem<P>,
  walk: WalkProgramPart<P, StartingAt>,
  { images, steps }: { readonly images: readonly (readonly NdArray[])[]; readonly steps: number },
): TracedWalk<P> {
  const count = 1 + images.length;
  const scalar = (x: Tensor) => reshape(x, []);
  /** Whether elements are kept in rows: see {@link Elements}. */
  const isInRows = pushForward !== undefined && !additive;
  const kept = algebra.map((shape) => (isInRows ? [1 + Math.max(steps, 1), ...shape] : shape));
  // T = 0 keeps the parameters exactly.
  const blocks = algebra.map((shape, i) => stacked([zeros(shape, dtype), ...images.map((T) => T[i])], dtype));
  const places = constant(astype(array(Array.from({ length: count }, (_, k) => k)), dtype));

  return {
    push: walk.push,
    trace(start, setting, limits) {
      const { batch, memory } = setting;
      const startLoss = scalar(loss(start, batch));
      const begin = {
        params: start,
        elements: kept.map((shape) => fill(shape, 0, dtype)),
        objective: scalar(objective(start, batch, memory)),
        index: constant(0, dtype),
        isMoved: constant(0, "bool"),
      };
      // Without a loss at the start there is no level to keep.
      const isSound = all(hasValue(startLoss), hasValue(begin.objective));
      const [end, numbers] = scan(
        (best: typeof begin, [k, ...T]: readonly Tensor[]) => {
          const from = { given: { origin: T }, level: startLoss };
          const end = walk.trace(act(start, T, batch), setting, limits, from);
          const value = scalar(objective(end.params, batch, memory));
          const isHigher = logicalOr(equal(k, 0), greater(value, best.objective));
          const isBetter = all(isSound, end.isMoved, isHigher);
          const elements = (end.elements ?? []).map((t, i) =>
            isInRows ? concat([expandDims(T[i], 0), t]) : add(T[i], t),
          );
          const next = {
            params: chosen(isBetter, end.params, best.params),
            elements: best.elements.map((t, i) => where(isBetter, elements[i], t)),
            objective: where(isBetter, value, best.objective),
            index: where(isBetter, k, best.index),
            isMoved: logicalOr(best.isMoved, isBetter),
          };
          return [next, end.numbers];
        },
        begin,
        [places, ...blocks.map((x) => constant(x))],
      );
      const { params, elements, isMoved, index } = end;
      return {
        params,
        elements,
        isMoved,
        numbers: concat([vectorOf([index]), reshape(numbers, [numbers.size])]),
      };
    },
    read(numbers, limits) {
      const [index] = numbers;
      const size = (numbers.length - 1) / count;
      const recordOf = (k: number, level?: number) =>
        walk.read(numbers.subarray(1 + k * size, 1 + (k + 1) * size), limits, level);
      const first = recordOf(0);
      if (first === undefined || index === 0) return first;
      const [start] = first.points;
      const best = recordOf(index, start.loss);
      return best && { ...best, points: [start, ...best.points.slice(1)] };
    },
  };
}
