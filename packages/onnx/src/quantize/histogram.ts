import type { ValueRange } from "./affine.js";

/** Bins on either side of 0. */
export const BINS = 2048;

/**
 * How often numbers of each size come: bins of equal width from -limit to limit, those of negative numbers first. Zeros
 * are counted apart, since every quantization keeps them.
 */
export class Histogram {
  readonly counts = new Float64Array(2 * BINS);
  zeros = 0;

  constructor(readonly limit: number) {}

  /** Counts more numbers, none of them beyond the limit. */
  add(data: ArrayLike<number>): void {
    const { counts, limit } = this;
    const last = 2 * BINS - 1;
    for (let i = 0; i < data.length; i++) {
      const x = data[i];
      if (x === 0) this.zeros++;
      else counts[Math.max(0, Math.min(last, Math.floor((x / limit) * BINS) + BINS))]++;
    }
  }

  /** The same by magnitude, without the zeros: bins from 0 to limit. */
  magnitudes(): Float64Array {
    return Float64Array.from({ length: BINS }, (_, i) => this.counts[BINS + i] + this.counts[BINS - 1 - i]);
  }

  /** The middle of a bin. */
  centerOf(bin: number): number {
    return ((bin - BINS + 0.5) * this.limit) / BINS;
  }
}

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

// S. Migacz, "8-bit inference with TensorRT", GTC 2017.

/**
 * The magnitude t to clip at for the least divergence sum P log(P / Q). P has the frequencies of the bins up to t, with
 * all numbers beyond t in the last one; Q has `levels` groups of these bins, in each of which all bins that hold any
 * number are equally frequent. For values without negative numbers there are 256 levels, else 128 on either side.
 */
export function entropyLimit(histogram: Histogram, levels: number): number {
  const sums = new Sums(histogram.magnitudes());
  let best = { bins: BINS, divergence: Infinity };
  for (let bins = levels; bins <= BINS; bins++) {
    const divergence = divergenceAt(sums, bins, levels);
    // Of equal ones the widest.
    if (divergence <= best.divergence) best = { bins, divergence };
  }
  return (best.bins * histogram.limit) / BINS;
}

/** Sums over the bins before one, which make a sum over any of them a difference. */
class Sums {
  readonly mass = new Float64Array(BINS + 1);
  readonly filled = new Float64Array(BINS + 1);
  /** Of n log n. */
  readonly logs = new Float64Array(BINS + 1);

  constructor(readonly counts: Float64Array) {
    counts.forEach((n, i) => {
      this.mass[i + 1] = this.mass[i] + n;
      this.filled[i + 1] = this.filled[i] + (n > 0 ? 1 : 0);
      this.logs[i + 1] = this.logs[i] + nLogN(n);
    });
  }
}

const nLogN = (n: number): number => (n > 0 ? n * Math.log(n) : 0);

/**
 * With n of a bin, N of all bins and N' of those kept: sum n/N (log n - log N - log q), q = mass / filled / N'. An empty
 * last bin, in which P has what is clipped, counts in Q as half a number.
 */
function divergenceAt({ counts, mass, filled, logs }: Sums, bins: number, levels: number): number {
  const total = mass[BINS];
  const inside = mass[bins];
  const clipped = total - inside;
  const last = counts[bins - 1];
  if (inside === 0) return Infinity;
  let sum = 0;
  let q = 0;
  for (let level = 0; level < levels; level++) {
    const start = Math.floor((level * bins) / levels);
    const end = Math.floor(((level + 1) * bins) / levels);
    const own = mass[end] - mass[start];
    if (own === 0) continue;
    q = own / (filled[end] - filled[start]) / inside;
    sum += logs[end] - logs[start] - own * (Math.log(total) + Math.log(q));
  }
  if (clipped > 0) {
    const lastQ = last > 0 ? q : 0.5 / inside;
    sum += nLogN(last + clipped) - nLogN(last) - clipped * (Math.log(total) + Math.log(lastQ));
  }
  return sum / total;
}
