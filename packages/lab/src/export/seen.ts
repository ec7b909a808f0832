// Runs as far as a figure shows them: a file has no point that cannot be told from the one before.

/** Points of a path, jumps, and ticks of a curve at most. */
const [mostPoints, mostJumps, mostTicks] = [4000, 100, 500];
/** Of the width of a plane: less than a px. */
const apart = 1 / 1500;

/** At most so many entries, evenly, and the last one. */
const evenly = <T>(entries: readonly T[], most: number): readonly T[] => {
  const every = Math.ceil(entries.length / most);
  return entries.filter((_, i) => i % every === 0 || i === entries.length - 1);
};

export function seenPoints<P extends { readonly x: number; readonly y: number }>(
  points: readonly P[],
  width: number,
): readonly P[] {
  let last: P | undefined;
  const far = points.filter((point, i) => {
    const isSeen =
      last === undefined ||
      i === points.length - 1 ||
      !(Math.hypot(point.x - last.x, point.y - last.y) < apart * width);
    if (isSeen) last = point;
    return isSeen;
  });
  return evenly(far, mostPoints);
}

export const seenJumps = <J>(jumps: readonly J[]): readonly J[] => evenly(jumps, mostJumps);
export const seenTicks = (steps: ArrayLike<number>): readonly number[] =>
  evenly(Array.from(steps), mostTicks);
