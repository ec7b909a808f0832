// The largest objective on the orbit of a group of plane rotations, a circle: the argmax of Zhao et al., NeurIPS 2022,
// algorithm 1, found by scanning.
import { sizeOf } from "../../array.js";
import { OptionError } from "../../errors.js";
import { dot, grad } from "../../graph/autodiff.js";
import { cond } from "../../graph/control/cond.js";
import { loopWhile, whileLoop } from "../../graph/control/while.js";
import { add, cast, div, maximum, mul, sub } from "../../graph/ops/arithmetic.js";
import {
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  where,
} from "../../graph/ops/compare.js";
import { abs, sqrt } from "../../graph/ops/elementary.js";
import { constant } from "../../graph/ops/leaf.js";
import { reshape } from "../../graph/ops/reshape.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import { integerFrom, type OptionsOf, optionTable } from "../../options.js";
import { lazy } from "../../runtime/lazy.js";
import { requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import { flatten } from "../../tree.js";
import { chosen, hasValue } from "./guard-graph.js";
import { compileOrbitWalk, firstOf, type OrbitWalkOptions } from "./orbit-walk.js";
import type { SearchFactory, SearchProblem } from "./search.js";
import { claimOf } from "./trust-region.js";

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
  if (algebra.length !== 1 || sizeOf(algebra[0]) !== 1) {
    throw new OptionError(
      `bestAngle needs an algebra of one angle; that of "${symmetry.name}" has the shapes ${algebra.map((s) => `[${s.join(", ")}]`).join(", ")}. Use gradientAscent.`,
    );
  }
  return async (problem) => {
    const one: Symmetry<P> = {
      ...symmetry,
      // One element is the sum of all.
      additive: true,
      // An action by the angle 0 may round, which is no move.
      trace: (p, T, batch) => chosen(equal(reshape(T[0], []), 0), p, symmetry.trace(p, T, batch)),
    };
    const programs = lazy<Awaited<ReturnType<typeof compileScan>>>();
    const compileScan = (by: "steps" | "angles") =>
      compileOrbitWalk(one, problem, proposalsOf(symmetry, problem, samples, by));
    const scanBy = (by: "steps" | "angles") => programs.get(by, () => compileScan(by));
    // Steps add up rounding, which is too coarse in float32.
    const { run, tracedWalk } = await scanBy(problem.dtype === "float64" ? "steps" : "angles");
    return {
      name: `${symmetry.name}, best angle`,
      exact: symmetry.exact,
      claim: claimOf(symmetry, symmetry.bound),
      steps: 1,
      races: true,
      async run(...given) {
        const walked = await run(...given);
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
      "no angle gives finite parameters and a finite objective, as beside a minimum, where the action is not defined",
      "no angle has a larger objective",
    ],
    says: () => unreached,
    first: { angle: constant(0, "float64") },
    element: (_from, { angle }) => elementOf(angle),
    isJump: true,
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

/** A circle of points and what is measured on it. Traced. */
interface Circle<P> {
  /** The point at an angle from another. */
  turned(from: TensorsOf<P>, angle: Tensor): TensorsOf<P>;
  value(point: TensorsOf<P>): Tensor;
  /** Whether a point may be used. */
  isValid(point: TensorsOf<P>, value: Tensor): Tensor;
  /** Number of angles in the scan. */
  readonly samples: number;
  /** Whether a point of the scan is turned from the one before, or from the start. */
  readonly by: "steps" | "angles";
}

/** Where the value is largest. */
interface Highest<P> {
  readonly angle: Tensor;
  readonly value: Tensor;
  /** Whether there is a peak, and whether all points of the scan are valid, as bools. */
  readonly isFound: Tensor;
  readonly isValid: Tensor;
  /** The point after a whole turn. */
  readonly turned: TensorsOf<P>;
}

/** A scan under way: values at the angles k - 2, k - 1 and k times the step. */
interface Scanned<P> {
  readonly point: TensorsOf<P>;
  readonly k: Tensor;
  readonly before: Tensor;
  readonly here: Tensor;
  readonly after: Tensor;
  readonly isValid: Tensor;
}

const number = (x: number) => constant(x, "float64");

/** The highest of the peaks that a scan finds: angles whose value is at least that of their neighbors. */
function highestOn<P>(circle: Circle<P>, start: TensorsOf<P>): Highest<P> {
  const { turned, value, samples, by } = circle;
  const step = (2 * Math.PI) / samples;
  const advance = ({ point, k, here, after, isValid }: Scanned<P>): Scanned<P> => {
    // Elements add up, so the sine and cosine of the step may serve all of the scan.
    const next = by === "steps" ? turned(point, number(step)) : turned(start, mul(step, add(k, 1)));
    const reached = value(next);
    const isFine = logicalAnd(isValid, circle.isValid(next, reached));
    return { point: next, k: add(k, 1), before: here, here: after, after: reached, isValid: isFine };
  };
  const isPeak = ({ before, here, after }: Scanned<P>) =>
    logicalAnd(greaterEqual(here, before), greaterEqual(here, after));
  const isLeft = ({ k }: Scanned<P>) => less(k, samples);

  const first: Scanned<P> = {
    point: start,
    k: number(0),
    before: number(0),
    here: value(turned(start, number(-step))),
    after: value(start),
    isValid: constant(1, "bool"),
  };
  const none = { angle: number(0), value: number(-Number.MAX_VALUE) };
  const [scanned, best] = whileLoop(
    ([state]: readonly [Scanned<P>, typeof none]) => isLeft(state),
    ([state, highest]) => {
      const at = loopWhile(
        (from: Scanned<P>) => {
          const next = advance(from);
          return [logicalAnd(logicalNot(isPeak(next)), isLeft(next)), next];
        },
        state,
        { most: samples, start: constant(1, "bool") },
      );
      const found = cond(
        isPeak(at),
        () => {
          const angle = peakNear(circle, start, at, step);
          return { angle, value: value(turned(start, angle)) };
        },
        () => highest,
      );
      const isHigher = greater(found.value, highest.value);
      return [
        at,
        {
          angle: where(isHigher, found.angle, highest.angle),
          value: where(isHigher, found.value, highest.value),
        },
      ];
    },
    [first, none],
    { most: samples },
  );
  const isFound = greater(best.value, -Number.MAX_VALUE);
  return { ...best, isFound, isValid: scanned.isValid, turned: scanned.point };
}

/** Steps of the search for a zero; bisection alone needs about 50. */
const mostSteps = 200;
const spacing = 1e-15;
/** Predicted steps below this size may be due to rounding: they are if they no longer shrink. */
const small = 1e-9;

/**
 * The zero of the value's derivative between the neighbors of a peak, down to the spacing of floats: steps of the
 * secant, from the parabola through the three values; bisection where these leave the bracket or shrink too slowly.
 */
function peakNear<P>(
  { turned, value }: Circle<P>,
  start: TensorsOf<P>,
  { k, before, here, after }: Scanned<P>,
  step: number,
): Tensor {
  const slope = grad((angle: Tensor) => value(turned(start, angle)));
  const middle = mul(step, sub(k, 1));
  const bend = add(sub(before, mul(2, here)), after);
  const bent = mul(1 / step ** 2, bend);
  const vertex = add(middle, mul(0.5 * step, div(sub(before, after), bend)));
  const low = sub(middle, step);
  const high = add(middle, step);
  const isInside = (x: Tensor, a: Tensor, b: Tensor) => logicalAnd(greater(x, a), less(x, b));
  const begin = {
    low,
    high,
    x: where(isInside(vertex, low, high), vertex, middle),
    // No last point yet: NaN.
    last: number(Number.NaN),
    lastRise: number(0),
    size: number(step),
    curvature: bent,
    isDone: constant(0, "bool"),
  };
  const refined = whileLoop(
    ({ isDone }: typeof begin) => logicalNot(isDone),
    (from) => {
      const { x } = from;
      const rise = slope(x);
      const isRising = greater(rise, 0);
      const a = where(isRising, x, from.low);
      const b = where(isRising, from.high, x);
      const secant = div(sub(rise, from.lastRise), sub(x, from.last));
      const curvature = where(less(secant, 0), secant, from.curvature);
      const target = sub(x, div(rise, curvature));
      const isShort = lessEqual(mul(2, abs(sub(target, x))), from.size);
      const takesSecant = logicalAnd(isInside(target, a, b), isShort);
      const isRounding = logicalAnd(logicalNot(takesSecant), lessEqual(abs(rise), mul(small, abs(bent))));
      const next = where(isRounding, x, where(takesSecant, target, mul(0.5, add(a, b))));
      const size = abs(sub(next, x));
      const isDone = lessEqual(size, mul(spacing, maximum(abs(x), 1)));
      return { low: a, high: b, x: next, last: x, lastRise: rise, size, curvature, isDone };
    },
    begin,
    { most: mostSteps },
  );
  return refined.x;
}
