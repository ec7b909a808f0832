// IEEE 754 binary16 (1 sign, 5 exponent, 10 fraction bits) and bfloat16 (1, 8, 7): from a double, rounded once.

/** The bits of a number as float16, rounded to the nearest, ties to even; beyond 65520 infinity. */
export const toFloat16Bits = (value: number): number => floatBits(value, 5, 10);

/** The bits of a number as bfloat16, rounded to the nearest, ties to even. */
export const toBfloat16Bits = (value: number): number => floatBits(value, 8, 7);

function floatBits(value: number, exponentBits: number, fractionBits: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 1 << (exponentBits + fractionBits) : 0;
  const infinity = (2 ** exponentBits - 1) << fractionBits;
  if (Number.isNaN(value)) return infinity | (1 << (fractionBits - 1));
  const magnitude = Math.abs(value);
  if (magnitude === Infinity) return sign | infinity;
  const least = 2 - 2 ** (exponentBits - 1);
  const exponent = Math.max(exponentOf(magnitude), least);
  // Normal numbers bring a 1 in front of the fraction, which raises the exponent's field from 0 to 1.
  const steps = roundToEven(magnitude / 2 ** (exponent - fractionBits));
  return sign | Math.min(((exponent - least) << fractionBits) + steps, infinity);
}

/** floor(log2 x), exactly. */
function exponentOf(x: number): number {
  if (x === 0) return -Infinity;
  const near = Math.floor(Math.log2(x));
  if (2 ** near > x) return near - 1;
  return 2 ** (near + 1) <= x ? near + 1 : near;
}

function roundToEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}
