// The largest value on a circle of group elements as a graph: a scan, and the zero of the derivative around each peak.
import { grad } from "../../graph/autodiff.js";
import { cond } from "../../graph/control/cond.js";
import { loopWhile, whileLoop } from "../../graph/control/while.js";
import { add, div, maximum, mul, sub } from "../../graph/ops/arithmetic.js";
import {
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  where,
} from "../../graph/ops/compare.js";
import { abs } from "../../graph/ops/elementary.js";
import { constant } from "../../graph/ops/leaf.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";

/** A circle of points and what is measured on it. Traced. */
export interface Circle<P> {
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
export interface Highest<P> {
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
export function highestOn<P>(circle: Circle<P>, start: TensorsOf<P>): Highest<P> {
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
