import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { affineOf, quantized } from "../../src/quantize/affine.js";

describe("a range as 8 bits", () => {
  it("from 0 on has its zero at the least integer, by hand", () => {
    const own = affineOf({ min: 0, max: 51 }, "uint8");
    expect(own).toEqual({ type: "uint8", scale: Math.fround(0.2), zero: 0 });
    expect([0, 0.29, 0.31, 51, 60].map((x) => quantized(x, own))).toEqual([0, 1, 2, 255, 255]);
  });

  it("on both sides has its zero between, by hand", () => {
    // scale = 2.55 / 255, zero = 0.55 / 0.01.
    const own = affineOf({ min: -0.55, max: 2 }, "int8");
    expect(own.scale).toBeCloseTo(0.01, 8);
    expect(own.zero).toBe(55 - 128);
    expect([-0.55, -0.01, 0, 2].map((x) => quantized(x, own))).toEqual([-128, -74, -73, 127]);
  });

  const finite = fc.float({ noNaN: true, min: -1e6, max: 1e6 });
  const types = fc.constantFrom("uint8" as const, "int8" as const);

  it("keeps 0, and rounds what is in the range by half a step, at an end by one", () => {
    fc.assert(
      fc.property(finite, finite, types, fc.float({ min: 0, max: 1, noNaN: true }), (a, b, type, share) => {
        const range = { min: Math.min(a, b), max: Math.max(a, b) };
        const own = affineOf(range, type);
        const value = (x: number) => own.scale * (quantized(x, own) - own.zero);
        expect(value(0)).toBe(0);
        const x = range.min + share * (range.max - range.min);
        expect(Math.abs(value(x) - x)).toBeLessThanOrEqual(1.0001 * own.scale);
      }),
    );
  });

  it("makes no number beyond the bounds of a Clip, in float32", () => {
    const bound = fc.float({ min: Math.fround(1e-6), max: 1000, noNaN: true });
    fc.assert(
      fc.property(finite, finite, bound, bound, types, (a, b, low, high, type) => {
        const bounds = { min: -low, max: high };
        const own = affineOf({ min: Math.min(a, b), max: Math.max(a, b) }, type, bounds);
        const least = type === "uint8" ? 0 : -128;
        expect(Math.fround(own.scale * (least + 255 - own.zero))).toBeLessThanOrEqual(high);
        expect(Math.fround(own.scale * (least - own.zero))).toBeGreaterThanOrEqual(-low);
      }),
    );
  });

  it.each([
    ["no bounds", undefined, 1, 0],
    ["bounds", { min: -0.5, max: 2 ** -20 }, 2 ** -20, 0],
    ["bounds below", { min: -0.25, max: 0 }, 0.25, 255],
  ])("of 0 alone has a scale that fits %s", (_, bounds, width, zero) => {
    const own = affineOf({ min: 0, max: 0 }, "uint8", bounds);
    expect(own.zero).toBe(zero);
    expect(own.scale / (width / 255)).toBeCloseTo(1, 6);
  });
});
