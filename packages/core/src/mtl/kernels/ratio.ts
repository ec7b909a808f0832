/** Above any meaningful ratio of losses; sums of such ratios, and powers of the sums, do not overflow. */
const largest = 1e100;

/** a / b as a rate of change: 1, no change, where b is 0, and finite for all finite a and b. */
export const ratio = (a: number, b: number): number =>
  b === 0 ? 1 : Math.max(-largest, Math.min(largest, a / b));
