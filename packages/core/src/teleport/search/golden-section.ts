// Bracketing by growing steps, then golden section: Kiefer, Proc. Amer. Math. Soc. 4 (1953) 502-506.
import { whileLoop } from "../../graph/control/while.js";
import { add, div, minimum, mul, sub } from "../../graph/ops/arithmetic.js";
import { equal, greater, less, logicalAnd, logicalNot, logicalOr, where } from "../../graph/ops/compare.js";
import { constant } from "../../graph/ops/leaf.js";
import type { Tensor } from "../../graph/tensor.js";
import { hasValue } from "./guard-graph.js";

/** (sqrt 5 - 1) / 2 */
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
