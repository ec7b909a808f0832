// Functions that generated JavaScript calls and that Math lacks.
import { RuntimeError } from "../errors.js";

/**
 * Error function in double precision: its Maclaurin series for |x| < 3, the continued fraction of erfc beyond
 * (Abramowitz & Stegun 7.1.6 and 7.1.14). Relative error below 1e-14.
 */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (a > 6) return Math.sign(x);
  if (a < 3) {
    // 2/sqrt(pi) e^{-x^2} sum_n 2^n x^{2n+1} / (2n+1)!!: all terms positive, no cancellation.
    let term = a;
    let total = a;
    for (let n = 1; term > total * 1e-17; n++) {
      term *= (2 * a * a) / (2 * n + 1);
      total += term;
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-a * a) * total;
  }
  let fraction = a;
  for (let k = 60; k >= 1; k--) fraction = a + k / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * fraction));
}

/** log(1 + e^x) without overflow. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** x where x > 0, else slope * x. */
function leakyRelu(x: number, slope: number): number {
  return x > 0 ? x : slope * x;
}

/** The position in 0..n-1 of an index in -n..n-1; negative indices count from the end. */
function placeOf(i: number, n: number): number {
  if (!(i >= -n && i < n)) {
    throw new RuntimeError(
      `An index must be in ${-n}..${n - 1}, negative ones from the end; got ${i}. Check labels, tokens or positions.`,
    );
  }
  return i < 0 ? i + n : i;
}

/** a^b by IEEE 754, as in ONNX Runtime: 1 where Math.pow of a base 1 or -1 is NaN as the exponent is not finite. */
function power(a: number, b: number): number {
  if (a === 1 || (a === -1 && Math.abs(b) === Infinity)) return 1;
  return a ** b;
}

/** The nearest integer; the even one of two. */
function roundEven(x: number): number {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}

/** The remainder of a / b with the sign of b. */
function floorMod(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

/**
 * The nearest binary floating-point number of `digits` significant bits whose exponent is at least `lowest`, an
 * infinity above `largest`; of two the one with an even last bit (IEEE 754, round half to even).
 */
function roundToDigits(x: number, digits: number, lowest: number, largest: number): number {
  const size = Math.abs(x);
  if (size === 0 || !(size < Infinity)) return x;
  if (size >= 2 * largest) return Math.sign(x) * Infinity;
  doubles[0] = size;
  const exponent = (words[highWord] >>> 20) - 1023;
  words[highWord] = (Math.max(exponent, lowest) - digits + 1 + 1023) << 20;
  words[1 - highWord] = 0;
  // Beside 1.5 2^52 units, a double has no bits below a unit: the addition rounds, to even.
  const magic = 1.5 * 2 ** 52 * doubles[0];
  const rounded = size + magic - magic;
  return Math.sign(x) * (rounded > largest ? Infinity : rounded);
}

const doubles = new Float64Array(1);
const words = new Uint32Array(doubles.buffer);
const highWord = new Uint8Array(Uint32Array.of(1).buffer)[0];

/** All of them by the names that generated code calls. */
export const specialFunctions = {
  erf,
  softplus,
  leakyRelu,
  placeOf,
  power,
  roundEven,
  floorMod,
  roundToDigits,
};
