// IEEE 754 binary16: where its numbers end, and how many of some numbers are beyond.

/** Least magnitude that becomes infinite: half a step above the largest number, 65504. */
const overflowAt = 65520;

export const largestHalf = 65504;

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

/** Bins of floor(log2 |x|), from the least on. */
export const leastExponent = -80;
export const exponentBins = 160;

/** The bin of a number; undefined for 0 and what is not finite. */
export function binOf(x: number): number | undefined {
  if (x === 0 || !Number.isFinite(x)) return undefined;
  const bin = Math.floor(Math.log2(Math.abs(x))) - leastExponent;
  return Math.min(Math.max(bin, 0), exponentBins - 1);
}

/** From here on a number is nearer to overflow than a factor of 8: room for data that are not in the calibration. */
const largestExponent = 12;
const smallestExponent = -14;

/** An overflow spoils a whole output, a subnormal number loses bits of its own. */
const overflowCost = 100;

/**
 * What a number of exponent e costs: the bits that it lacks below the normal numbers, or 100 for each bit above 2^13; convex
 * in e.
 */
export const costOf = (exponent: number): number =>
  Math.max(0, smallestExponent - exponent) + overflowCost * Math.max(0, exponent - largestExponent);
