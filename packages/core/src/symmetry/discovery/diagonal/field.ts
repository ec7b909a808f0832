/** The arithmetic that elimination needs. */
export interface Field<T> {
  readonly one: T;
  /** The number as an element; exact. */
  of(value: number): T;
  add(a: T, b: T): T;
  mul(a: T, b: T): T;
  negate(a: T): T;
  /** The inverse of a nonzero number. */
  inverse(a: T): T;
  isZero(a: T): boolean;
}

/** A fraction in lowest terms, with positive denominator. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export function greatestDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

function fraction(numerator: bigint, denominator: bigint): Rational {
  const divisor = greatestDivisor(numerator, denominator) * (denominator < 0n ? -1n : 1n);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

/** The rational numbers. Every finite float is one. */
export const rationals: Field<Rational> = {
  one: { numerator: 1n, denominator: 1n },
  of(value) {
    let [numerator, denominator] = [value, 1n];
    while (!Number.isInteger(numerator)) {
      numerator *= 2;
      denominator *= 2n;
    }
    return fraction(BigInt(numerator), denominator);
  },
  add: (a, b) =>
    fraction(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator),
  mul: (a, b) => fraction(a.numerator * b.numerator, a.denominator * b.denominator),
  negate: ({ numerator, denominator }) => ({ numerator: -numerator, denominator }),
  inverse: ({ numerator, denominator }) => fraction(denominator, numerator),
  isZero: ({ numerator }) => numerator === 0n,
};

/** Floats, of which those that are zero but for rounding are zero. */
export const numbers: Field<number> = {
  one: 1,
  of: (value) => value,
  add: (a, b) => a + b,
  mul: (a, b) => a * b,
  negate: (a) => -a,
  inverse: (a) => 1 / a,
  isZero: (a) => Math.abs(a) < 1e-9,
};

/** The two signs, written additively: 1 flips. */
export const signs: Field<number> = {
  one: 1,
  of: (value) => Math.abs(value) % 2,
  add: (a, b) => (a + b) % 2,
  mul: (a, b) => a * b,
  negate: (a) => a,
  inverse: (a) => a,
  isZero: (a) => a === 0,
};
