/**
 * k-means of numbers: each number's cluster center, for the clusters with the least sum of squared distances.
 *
 * Exact, by the best last cluster of each number of sorted numbers: clusters of numbers are intervals.
 *
 * @param count clusters at most; as many numbers or more: each is its own center
 *
 * @example
 * clusterCenters(Float64Array.of(1, 10, 2), 2); // 1.5, 10, 1.5
 */
export function clusterCenters(values: Float64Array, count: number): Float64Array {
  const n = values.length;
  if (count >= n) return values.slice();
  const order = [...values.keys()].sort((a, b) => values[a] - values[b]);
  // In units of the largest, so that squares do not overflow.
  const unit = values.reduce((a, x) => Math.max(a, Math.abs(x)), 0) || 1;
  const sorted = order.map((k) => values[k] / unit);
  let costs = sorted.map((_, end) => costOf(sorted, 0, end));
  const begins = [sorted.map(() => 0)];
  for (let c = 1; c < count; c++) {
    const begin = sorted.map(() => 0);
    costs = sorted.map((_, end) => {
      let best = Infinity;
      for (let from = 0; from <= end; from++) {
        const cost = (from === 0 ? 0 : costs[from - 1]) + costOf(sorted, from, end);
        if (cost >= best) continue;
        best = cost;
        begin[end] = from;
      }
      return best;
    });
    begins.push(begin);
  }
  const centers = new Float64Array(n);
  for (let [c, end] = [count - 1, n - 1]; end >= 0; c--) {
    const from = begins[Math.max(c, 0)][end];
    const center = unit * meanOf(sorted, from, end);
    for (let i = from; i <= end; i++) centers[order[i]] = center;
    end = from - 1;
  }
  return centers;
}

const meanOf = (sorted: readonly number[], from: number, end: number): number =>
  sorted.slice(from, end + 1).reduce((sum, x) => sum + x / (end + 1 - from), 0);

/** The sum of squared distances of the numbers from..end to their mean. */
function costOf(sorted: readonly number[], from: number, end: number): number {
  const mean = meanOf(sorted, from, end);
  return sorted.slice(from, end + 1).reduce((sum, x) => sum + (x - mean) ** 2, 0);
}
