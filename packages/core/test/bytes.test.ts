import { expect, it } from "vitest";
import { toBfloat16Bits, toFloat16Bits } from "../src/bytes.js";

/** The value of the bits of a float, by the definition of IEEE 754. */
function numberOf(bits: number, exponentBits: number, fractionBits: number): number {
  const sign = bits >> (exponentBits + fractionBits) ? -1 : 1;
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = bits & (2 ** fractionBits - 1);
  const least = 2 - 2 ** (exponentBits - 1);
  if (exponent === 0) return sign * fraction * 2 ** (least - fractionBits);
  return sign * (2 ** fractionBits + fraction) * 2 ** (exponent - 1 + least - fractionBits);
}

it.each([
  ["float16", toFloat16Bits, 5, 10],
  ["bfloat16", toBfloat16Bits, 8, 7],
] as const)(
  "every finite %s keeps its bits, and a number between two rounds to the even one",
  (_, bitsOf, e, f) => {
    const infinity = (2 ** e - 1) << f;
    const wrong: number[] = [];
    for (let bits = 0; bits < infinity; bits++) {
      const value = numberOf(bits, e, f);
      const next = numberOf(bits + 1, e, f);
      const middle = (value + next) / 2;
      const even = bits % 2 === 0 ? bits : bits + 1;
      const near = [
        [bitsOf(value), bits],
        [bitsOf(-value), bits | (1 << 15)],
        [bitsOf(middle), even],
        [bitsOf((value + middle) / 2), bits],
        [bitsOf((middle + next) / 2), bits + 1],
      ];
      if (near.some(([got, expected]) => got !== expected)) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  },
);

it("numbers out of range become infinite, and NaN stays NaN", () => {
  expect([65504, 65519.99, 65520, -1e6, Infinity].map(toFloat16Bits)).toEqual([
    0x7bff, 0x7bff, 0x7c00, 0xfc00, 0x7c00,
  ]);
  expect(toFloat16Bits(Number.NaN)).toBe(0x7e00);
  expect([1, -0, 1 / 3].map(toFloat16Bits)).toEqual([0x3c00, 0x8000, 0x3555]);
});
