import { BINS, type Histogram } from "./histogram.js";
import type { ValueRange } from "./range.js";

/** The magnitude that a share of all numbers does not exceed, linear inside a bin. */
export function percentileLimit(histogram: Histogram, percentile: number): number {
  const counts = histogram.magnitudes();
  const total = counts.reduce((sum, n) => sum + n, histogram.zeros);
  const target = (percentile / 100) * total;
  let below = histogram.zeros;
  for (let i = 0; i < BINS; i++) {
    if (counts[i] > 0 && below + counts[i] >= target) {
      return ((i + Math.max(0, target - below) / counts[i]) * histogram.limit) / BINS;
    }
    below += counts[i];
  }
  return histogram.limit;
}

/** Clip ratios that are tried. */
const RATIOS = 100;

/** The range k/100 of the whole for which rounding to `steps` + 1 integers has the least mean squared error. */
export function leastErrorRange(histogram: Histogram, range: ValueRange, steps: number): ValueRange {
  let best = { range, error: Infinity };
  for (let k = RATIOS; k >= 1; k--) {
    const own = { min: (range.min * k) / RATIOS, max: (range.max * k) / RATIOS };
    const error = squaredError(histogram, own, steps);
    if (error < best.error) best = { range: own, error };
  }
  return best.range;
}

/** The sum of squared errors of rounding the middles of bins, with a zero that is exact. */
function squaredError(histogram: Histogram, { min, max }: ValueRange, steps: number): number {
  const scale = (max - min) / steps;
  const zero = Math.round(-min / scale);
  let sum = 0;
  histogram.counts.forEach((n, bin) => {
    if (n === 0) return;
    const x = histogram.centerOf(bin);
    const q = Math.max(0, Math.min(steps, Math.round(x / scale) + zero));
    sum += n * ((q - zero) * scale - x) ** 2;
  });
  return sum;
}
