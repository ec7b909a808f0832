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

const double = new DataView(new ArrayBuffer(8));

/** floor(log2 x) of the exponent's field, exactly; -1023 of numbers below the normal doubles. */
function exponentOf(x: number): number {
  double.setFloat64(0, x);
  return ((double.getUint16(0) >> 4) & 0x7ff) - 1023;
}

function roundToEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}
