// Bracketing by growing steps, then golden section: Kiefer, Proc. Amer. Math. Soc. 4 (1953) 502-506.

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
