// Runs as far as a figure shows them: a file has no point that cannot be told from the one before.

/** Points of a path and ticks of a curve, at most. */
const [mostPoints, mostTicks] = [4000, 500];
/** Of the width of a plane: less than a px. */
const apart = 1 / 1500;

/** At most so many entries, evenly, and the last one. */
const evenly = <T>(entries: readonly T[], most: number): readonly T[] => {
  const every = Math.ceil(entries.length / most);
  return entries.filter((_, i) => i % every === 0 || i === entries.length - 1);
};

/** The points of a path with their steps, and the jumps that it is broken at. */
export function seenPath<J extends { readonly step: number }>(
  x: Float64Array,
  y: Float64Array,
  all: readonly J[],
  width: number,
) {
  let last = 0;
  const far = Array.from(x, (value, step) => ({ x: value, y: y[step], step })).filter((point, i) => {
    const isSeen =
      i === 0 || i === x.length - 1 || !(Math.hypot(point.x - x[last], point.y - y[last]) < apart * width);
    if (isSeen) last = i;
    return isSeen;
  });
  const points = evenly(far, mostPoints);
  let k = 0;
  const after = all.map(({ step }) => {
    while (k < points.length && points[k].step < step) k++;
    return k;
  });
  // Of several jumps between two points one breaks the path as well as all.
  return { points, jumps: all.filter((_, i) => after[i] !== after[i + 1]) };
}

export const seenTicks = (steps: ArrayLike<number>): readonly number[] =>
  evenly(Array.from(steps), mostTicks);
