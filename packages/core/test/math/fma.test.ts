import fc from "fast-check";
import { randomCases } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { fma, fmaFloat32 } from "../../src/math/fma.js";

/** A finite number as an integer times 2^-1074. */
function toBigInt(x: number): bigint {
  const bits = new BigUint64Array(new Float64Array([Math.abs(x)]).buffer)[0];
  const exponent = bits >> 52n;
  const fraction = bits & ((1n << 52n) - 1n);
  const magnitude = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return x < 0 ? -magnitude : magnitude;
}

/** value * 2^-scale to `bits` significant bits, ties to even (for results in the normal range). */
function roundExact(value: bigint, scale: number, bits: number): number {
  const magnitude = value < 0n ? -value : value;
  const drop = BigInt(Math.max(0, magnitude.toString(2).length - bits));
  let kept = magnitude >> drop;
  if (drop > 0n) {
    const rest = magnitude & ((1n << drop) - 1n);
    const half = 1n << (drop - 1n);
    if (rest > half || (rest === half && kept % 2n === 1n)) kept += 1n;
  }
  const power = Number(drop) - scale;
  // Two steps, as 2^power alone may underflow where the product does not.
  const scaled = Number(kept) * 2 ** Math.trunc(power / 2) * 2 ** (power - Math.trunc(power / 2));
  return value < 0n ? -scaled : scaled;
}

function exactFma(a: number, b: number, c: number, bits: number): number {
  return roundExact(toBigInt(a) * toBigInt(b) + (toBigInt(c) << 1074n), 2148, bits);
}

const scaled = (value: fc.Arbitrary<number>) =>
  fc.tuple(value, fc.integer({ min: -60, max: 60 })).map(([x, e]) => x * 2 ** e);
const double = scaled(fc.double({ min: -1, max: 1, noNaN: true, noDefaultInfinity: true })).filter(
  (x) => x === 0 || Math.abs(x) > 1e-100,
);
const single = scaled(fc.float({ min: -1, max: 1, noNaN: true, noDefaultInfinity: true })).filter(
  (x) => x === 0 || Math.abs(x) > 1e-15,
);

describe("fma", () => {
  it("keeps the low half of a product that a separate rounding would lose", () => {
    // By hand: (1 + e)(1 - e) - 1 = -e^2 with e = 2^-30.
    expect(fma(1 + 2 ** -30, 1 - 2 ** -30, -1)).toBe(-(2 ** -60));
  });

  it("equals exact rational arithmetic rounded once to float64", () => {
    fc.assert(
      fc.property(double, double, double, (a, b, c) => {
        // `+ 0` on both sides: integers have no negative zero.
        expect(fma(a, b, c) + 0).toBe(exactFma(a, b, c, 53) + 0);
      }),
      { numRuns: randomCases(3000) },
    );
  });

  it("rounds once when the product and the addend nearly cancel", () => {
    fc.assert(
      fc.property(double, double, fc.integer({ min: -4, max: 4 }), (a, b, ulps) => {
        const c = -(a * b) * (1 + ulps * 2 ** -52);
        expect(fma(a, b, c) + 0).toBe(exactFma(a, b, c, 53) + 0);
      }),
      { numRuns: randomCases(3000) },
    );
  });

  it("rounds once when the result lies next to the middle of two float64 numbers", () => {
    // 1 + 2^-53 is the tie between 1 and 1 + 2^-52; the tiny product decides.
    expect(fma(2 ** -60, 2 ** -60, 1 + 2 ** -52)).toBe(1 + 2 ** -52);
    expect(fma(2 ** -53 + 2 ** -105, 1, 1)).toBe(1 + 2 ** -52);
    expect(fma(1 + 2 ** -52, 2 ** -53, 1)).toBe(1 + 2 ** -52);
    expect(fma(1 - 2 ** -53, 2 ** -53, 1)).toBe(1);
  });

  it("is the ordinary a * b + c for infinite, NaN and overflowing arguments", () => {
    expect(fma(Number.POSITIVE_INFINITY, 1, 2)).toBe(Number.POSITIVE_INFINITY);
    expect(fma(1e300, 1e300, 0)).toBe(Number.POSITIVE_INFINITY);
    expect(fma(Number.NaN, 1, 2)).toBeNaN();
    expect(fma(0, 5, 3)).toBe(3);
  });
});

describe("fmaFloat32", () => {
  it("equals exact rational arithmetic rounded once to float32", () => {
    fc.assert(
      fc.property(single, single, single, (a, b, c) => {
        const [x, y, z] = [a, b, c].map(Math.fround);
        expect(fmaFloat32(x, y, z) + 0).toBe(exactFma(x, y, z, 24) + 0);
      }),
      { numRuns: randomCases(3000) },
    );
  });

  it("does not round a float32 tie twice", () => {
    // 1 + 2^-24 is the tie between 1 and 1 + 2^-23; 2^-70 above it must round up, below it down.
    const tie = 1 + 2 ** -24;
    expect(Math.fround(tie + 2 ** -70)).toBe(1);
    expect(fmaFloat32(tie, 1, 2 ** -70)).toBe(1 + 2 ** -23);
    expect(fmaFloat32(tie + 2 ** -23, 1, -(2 ** -70))).toBe(1 + 2 ** -23);
    expect(fmaFloat32(-tie, 1, -(2 ** -70))).toBe(-1 - 2 ** -23);
  });
});
