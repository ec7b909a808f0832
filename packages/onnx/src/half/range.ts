// What the range of float16 costs numbers by their exponents.

export const largestHalf = 65504;

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
export const costOf = (exponent: number): number => bitsBelow(exponent) + costAbove(exponent);

export const bitsBelow = (exponent: number): number => Math.max(0, smallestExponent - exponent);
export const costAbove = (exponent: number): number => overflowCost * Math.max(0, exponent - largestExponent);
