// S. Boldo and G. Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd",
// IEEE Transactions on Computers 57(4), 2008.

const SPLITTER = 2 ** 27 + 1;
// Beyond these magnitudes the split overflows or the low part of the product underflows.
const LARGEST_FACTOR = 2 ** 995;
const SMALLEST_PRODUCT = 2 ** -969;

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
const LOW = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

/** x + y rounded to odd: the neighbor of the exact sum whose last bit is 1, so that a later rounding is the only one. */
function addToOdd(x: number, y: number): number {
  const sum = x + y;
  const yPart = sum - x;
  const error = x - (sum - yPart) + (y - yPart);
  if (error === 0 || !Number.isFinite(sum)) return sum;
  float[0] = sum;
  if (words[LOW] % 2 === 1) return sum;
  if (error > 0 === sum > 0) {
    words[LOW] += 1;
  } else {
    if (words[LOW] === 0) words[HIGH] -= 1;
    words[LOW] -= 1;
  }
  return float[0];
}

/**
 * a * b + c with one rounding, as the `fma` of IEEE 754-2008.
 *
 * Exact for factors below 2^995 and products that are zero or above 2^-969 in magnitude; outside that range it is the
 * ordinary `a * b + c`.
 *
 * @example
 * fma(0.1, 10, -1); // 5.551115123125783e-17, where 0.1 * 10 - 1 is 0
 */
export function fma(a: number, b: number, c: number): number {
  const product = a * b;
  const inRange =
    Math.abs(a) < LARGEST_FACTOR && Math.abs(b) < LARGEST_FACTOR && Math.abs(product) > SMALLEST_PRODUCT;
  if (!inRange || !Number.isFinite(product + c)) return product + c;
  const aScaled = SPLITTER * a;
  const aHigh = aScaled - (aScaled - a);
  const aLow = a - aHigh;
  const bScaled = SPLITTER * b;
  const bHigh = bScaled - (bScaled - b);
  const bLow = b - bHigh;
  const productLow = aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
  const lowSum = c + productLow;
  const lowPart = lowSum - c;
  const lowError = c - (lowSum - lowPart) + (productLow - lowPart);
  const highSum = product + lowSum;
  const highPart = highSum - product;
  const highError = product - (highSum - highPart) + (lowSum - highPart);
  return highSum + addToOdd(highError, lowError);
}

/**
 * a * b + c for float32 arguments, rounded once to float32.
 *
 * The product of two float32 numbers is exact in float64; only the sum must not be rounded twice.
 */
export function fmaFloat32(a: number, b: number, c: number): number {
  return Math.fround(addToOdd(a * b, c));
}
