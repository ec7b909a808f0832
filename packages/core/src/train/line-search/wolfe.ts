// A step length that meets the strong Wolfe conditions: J. Nocedal, S. Wright, Numerical Optimization, 2nd ed., algorithms 3.5 and 3.6.

/** A function along a line, at one step length. */
export interface LinePoint {
  readonly step: number;
  /** phi(step) = L(w + step d). */
  readonly value: number;
  /** phi'(step) = grad L(w + step d)'d. */
  readonly slope: number;
}

export interface WolfeOptions {
  /** Step tried first. */
  readonly first: number;
  /** c_1 of the decrease, phi(a) <= phi(0) + c_1 a phi'(0). */
  readonly decrease?: number | undefined;
  /** c_2 of the slope, |phi'(a)| <= c_2 |phi'(0)|: smaller values come closer to the minimum on the line. */
  readonly slope?: number | undefined;
  /** Maximum number of evaluations; default 25. */
  readonly evaluations?: number | undefined;
}

/**
 * The first step length found with phi(a) <= phi(0) + c_1 a phi'(0) and |phi'(a)| <= c_2 |phi'(0)|; if there
 * is none after `evaluations`, the lowest point with the decrease; undefined if no step had it.
 *
 * @param evaluate phi and its slope at a step > 0; may return more data with them
 * @param start phi(0) and phi'(0) < 0
 *
 * @example
 * const phi = async (step: number) => ({ step, value: (step - 2) ** 2, slope: 2 * (step - 2) });
 * (await wolfeSearch(phi, { value: 4, slope: -4 }, { first: 1, slope: 0.1 }))?.step; // 2
 */
export async function wolfeSearch<T extends LinePoint>(
  evaluate: (step: number) => Promise<T>,
  start: Pick<LinePoint, "value" | "slope">,
  { first, decrease = 1e-4, slope: flat = 0.9, evaluations = 25 }: WolfeOptions,
): Promise<T | undefined> {
  const hasDecrease = (p: LinePoint) => p.value <= start.value + decrease * p.step * start.slope;
  const isFlat = (p: LinePoint) => Math.abs(p.slope) <= -flat * start.slope;
  let left = evaluations;
  let lowest: T | undefined;
  const at = async (step: number): Promise<T> => {
    left--;
    const p = await evaluate(step);
    if (hasDecrease(p) && (lowest === undefined || p.value < lowest.value)) lowest = p;
    return p;
  };

  /** Algorithm 3.6: between a low end and the other end, to which its slope points. */
  const zoom = async (from: LinePoint, to: LinePoint): Promise<T | undefined> => {
    let [low, high] = [from, to];
    while (left > 0) {
      const p = await at(between(low, high));
      if (!hasDecrease(p) || p.value >= low.value) high = p;
      else {
        if (isFlat(p)) return p;
        if (p.slope * (high.step - low.step) >= 0) high = low;
        low = p;
      }
    }
    return lowest;
  };

  let last: LinePoint = { step: 0, ...start };
  for (let step = first; left > 0; step = beyond(last)) {
    const p = await at(step);
    // A value that is not finite also means too far.
    if (!hasDecrease(p) || (last.step > 0 && p.value >= last.value)) return zoom(last, p);
    if (isFlat(p)) return p;
    if (p.slope >= 0) return zoom(p, last);
    last = p;
  }
  return lowest;
}

/** Steps beyond the first grow by this factor. */
const growth = 4;
const beyond = ({ step }: LinePoint): number => growth * step;

/** The minimum of the cubic through both ends (eq. 3.59), kept a tenth of the interval away from them. */
function between(a: LinePoint, b: LinePoint): number {
  const length = b.step - a.step;
  const d1 = a.slope + b.slope - (3 * (a.value - b.value)) / (a.step - b.step);
  const d2 = Math.sign(length) * Math.sqrt(d1 * d1 - a.slope * b.slope);
  const least = b.step - (length * (b.slope + d2 - d1)) / (b.slope - a.slope + 2 * d2);
  const fraction = (least - a.step) / length;
  // NaN where an end is not finite, or where the cubic has no minimum.
  if (Number.isNaN(fraction)) return a.step + length / 2;
  return a.step + Math.min(0.9, Math.max(0.1, fraction)) * length;
}
