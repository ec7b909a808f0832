// S. Migacz, "8-bit inference with TensorRT", GTC 2017.
import { BINS, type Histogram } from "./histogram.js";

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
