/** Indices of at most about `most` points of a curve. Of neighbors the smallest and the largest stay: spikes remain visible. */
export function thinned(y: ArrayLike<number>, most: number): number[] {
  const n = y.length;
  if (n <= most) return Array.from({ length: n }, (_, i) => i);
  const kept: number[] = [];
  const bins = Math.max(1, Math.floor(most / 2));
  for (let b = 0; b < bins; b++) {
    const [from, to] = [Math.floor((b * n) / bins), Math.floor(((b + 1) * n) / bins)];
    let [low, high] = [from, from];
    for (let i = from; i < to; i++) {
      if (y[i] < y[low]) low = i;
      if (y[i] > y[high]) high = i;
    }
    kept.push(Math.min(low, high));
    if (low !== high) kept.push(Math.max(low, high));
  }
  if (kept[0] !== 0) kept.unshift(0);
  if (kept.at(-1) !== n - 1) kept.push(n - 1);
  return kept;
}
