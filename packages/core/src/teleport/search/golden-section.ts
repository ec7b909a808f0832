// Bracketing by growing steps, then golden section: Kiefer, Proc. Amer. Math. Soc. 4 (1953) 502-506.
import { whileLoop } from "../../graph/control/while.js";
import { add, div, minimum, mul, sub } from "../../graph/ops/arithmetic.js";
import { equal, greater, less, logicalAnd, logicalNot, logicalOr, where } from "../../graph/ops/compare.js";
import { constant } from "../../graph/ops/leaf.js";
import type { Tensor } from "../../graph/tensor.js";

/** (sqrt 5 - 1) / 2 */
const golden = (Math.sqrt(5) - 1) / 2;
/** Points this close to the end of the line, relative to its length, are replaced by the end. */
const near = 0.05;

export interface MaximizeOptions {
  /** f(0). */
  readonly origin: number;
  /** First point to evaluate. */
  readonly first: number;
  /** End of the line. */
  readonly end: number;
  /** Maximum number of evaluations of f. */
  readonly evaluations: number;
}

/**
 * Finds a point in (0, end] where a function of one variable is larger than at 0, near a local maximum. Steps
 * grow by the golden ratio while f rises (and shrink while it does not rise at all), until three points
 * bracket a maximum; golden section then narrows the bracket. NaN counts as -Infinity.
 *
 * @returns the best of all evaluated points; undefined if none is better than 0
 */
export async function maximize(
  f: (t: number) => Promise<number>,
  { origin, first, end, evaluations }: MaximizeOptions,
): Promise<{ readonly t: number; readonly value: number } | undefined> {
  let left = evaluations;
  let best: { t: number; value: number } = { t: 0, value: origin };
  const at = async (t: number): Promise<number> => {
    left--;
    const value = await f(t);
    const counted = Number.isNaN(value) ? -Infinity : value;
    if (counted > best.value) best = { t, value: counted };
    return counted;
  };
  let [low, middle, high] = [0, Math.min(first, end), end];
  let valueAtMiddle = left > 0 ? await at(middle) : -Infinity;
  let isEnclosed = false;
  if (valueAtMiddle > origin) {
    while (left > 0 && middle < end && !isEnclosed) {
      const next = Math.min(middle + (middle - low) / golden, end);
      const value = await at(next);
      if (value > valueAtMiddle) [low, middle, valueAtMiddle] = [middle, next, value];
      else {
        high = next;
        isEnclosed = true;
      }
    }
    // Still rising at the end, but the maximum may lie before it.
    while (left > 0 && !isEnclosed && end - low > near * end) {
      const next = end - (1 - golden) * (end - low);
      const value = await at(next);
      isEnclosed = value > valueAtMiddle;
      if (isEnclosed) [middle, valueAtMiddle] = [next, value];
      else low = next;
    }
  } else {
    while (left > 0 && !isEnclosed) {
      high = middle;
      middle *= 1 - golden;
      valueAtMiddle = await at(middle);
      isEnclosed = valueAtMiddle > origin;
    }
  }
  while (left > 0 && isEnclosed) {
    // Probe the longer part, so that every bracket is shorter than the last by the golden ratio.
    const isRight = high - middle > middle - low;
    const next = isRight ? middle + (1 - golden) * (high - middle) : middle - (1 - golden) * (middle - low);
    const value = await at(next);
    const isBetter = value > valueAtMiddle;
    if (isRight === isBetter) low = isBetter ? middle : next;
    else high = isBetter ? middle : next;
    if (isBetter) [middle, valueAtMiddle] = [next, value];
  }
  return best.t > 0 ? best : undefined;
}

/** As {@link maximize}, as part of a graph: one evaluation a pass. Traced. */
export function maximizeInGraph(
  f: (t: Tensor) => Tensor,
  { origin, first, end, evaluations }: TracedMaximizeOptions,
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
      const isNumber = equal(measured, measured);
      const here = where(isNumber, measured, -Infinity);
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

interface TracedMaximizeOptions {
  readonly origin: Tensor;
  readonly first: number;
  readonly end: Tensor;
  readonly evaluations: number;
}
