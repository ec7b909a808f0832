// IEEE 754 binary16: where its numbers end, and how many of some numbers are beyond.

/** Least magnitude that becomes infinite: half a step above the largest number, 65504. */
const overflowAt = 65520;

/** Least magnitude with all bits of precision; numbers below keep fewer, and below 2^-25 none. */
const leastNormal = 2 ** -14;

/** How many numbers there are, and how many are outside of what float16 has with full precision. */
export interface HalfCounts {
  /** Numbers other than 0. */
  readonly numbers: number;
  /** Those that become infinite: |x| >= 65520. */
  readonly overflows: number;
  /** Those below 2^-14 = 6.1e-5, which lose bits or become 0. */
  readonly subnormals: number;
}

export const noCounts: HalfCounts = { numbers: 0, overflows: 0, subnormals: 0 };

export function halfCounts(data: ArrayLike<number>, before: HalfCounts = noCounts): HalfCounts {
  let { numbers, overflows, subnormals } = before;
  for (let i = 0; i < data.length; i++) {
    const magnitude = Math.abs(data[i]);
    if (magnitude === 0) continue;
    numbers++;
    if (magnitude >= overflowAt) overflows++;
    else if (magnitude < leastNormal) subnormals++;
  }
  return { numbers, overflows, subnormals };
}
