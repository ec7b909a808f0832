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
