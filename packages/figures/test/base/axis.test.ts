import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { axisOf, formatValue } from "../../src/base/axis.js";

const linear = (values: number[], count = 6) => axisOf(values, { label: "v", count });
const log = (values: number[], count = 6) => axisOf(values, { label: "v", log: true, count });

describe("axisOf", () => {
  it("puts linear ticks at round values, 4 % beyond the ends", () => {
    expect(linear([0, 1]).domain).toEqual([-0.04, 1.04]);
    expect(linear([0, 1], 5).tickLabels).toEqual(["0.0", "0.5", "1.0"]);
    expect(linear([0, 1], 6).tickLabels).toEqual(["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    expect(linear([-100, 250]).tickLabels).toEqual(["−100", "0", "100", "200"]);
    expect(linear([0, 0.3]).ticks).toEqual([0, 0.1, 0.2, 0.3]);
  });

  it("writes large and small values with powers of ten", () => {
    expect(linear([0, 4e9], 5).tickLabels).toEqual(["0", "10⁹", "2×10⁹", "3×10⁹", "4×10⁹"]);
    expect(linear([-2e-6, 0], 5).tickLabels).toEqual(["−2×10⁻⁶", "−1.5×10⁻⁶", "−10⁻⁶", "−5×10⁻⁷", "0"]);
  });

  it("puts logarithmic ticks at powers of ten, or finer where there are few", () => {
    expect(log([1e-3, 10]).tickLabels).toEqual(["0.001", "0.01", "0.1", "1", "10"]);
    expect(log([0.2, 2]).tickLabels).toEqual(["0.2", "0.5", "1", "2"]);
    expect(log([3, 4], 4).ticks).toEqual([3, 3.5, 4]);
    expect(log([0.0572, 0.135]).tickLabels).toEqual(["0.06", "0.08", "0.1", "0.12"]);
    expect(log([1e-8, 1e8]).tickLabels).toEqual(["10⁻⁶", "10⁻³", "10⁰", "10³", "10⁶"]);
  });

  it("spans 1e-300 to 1e300 on a logarithmic axis", () => {
    const { domain, ticks } = log([1e-300, 1e300]);
    expect(domain[0]).toBeLessThanOrEqual(1e-300);
    expect(domain[1]).toBeGreaterThanOrEqual(1e300);
    expect(ticks).toEqual([1e-300, 1e-200, 1e-100, 1, 1e100, 1e200, 1e300]);
    expect(linear([-1e300, 1e300]).ticks).toEqual([-1e300, -5e299, 0, 5e299, 1e300]);
  });

  it("has no ticks between whole numbers where they count something", () => {
    expect(axisOf([0, 2], { label: "step", whole: true }).tickLabels).toEqual(["0", "1", "2"]);
    expect(axisOf([0, 0.5], { label: "step", whole: true }).ticks).toEqual([0]);
    expect(axisOf([0], { label: "step", whole: true })).toMatchObject({ domain: [-0.5, 0.5], ticks: [0] });
    expect(axisOf([0, 100], { label: "step", whole: true }).ticks).toEqual([0, 20, 40, 60, 80, 100]);
  });

  it("gives a constant a range around it, and no values a range", () => {
    expect(linear([5, 5]).domain).toEqual([4.5, 5.5]);
    expect(linear([0]).domain).toEqual([-1, 1]);
    expect(log([1]).domain[0]).toBeCloseTo(10 ** -0.3, 12);
    expect(linear([]).domain).toEqual([0, 1]);
    expect(log([0, -1, NaN]).domain).toEqual([1, 10]);
  });

  it("leaves out what has no place", () => {
    expect(linear([1, NaN, Infinity, 2, -Infinity]).domain).toEqual(linear([1, 2]).domain);
    expect(log([0, 1, -5, 100]).domain).toEqual(log([1, 100]).domain);
  });

  it("refuses a range that is none", () => {
    expect(() => axisOf([], { label: "w", domain: [2, 1] })).toThrow(
      /range of "w" must be two numbers.*2, 1/,
    );
    expect(() => axisOf([], { label: "w", log: true, domain: [0, 1] })).toThrow(/two positive numbers/);
  });

  it.each([
    [[1_000_000, 1_000_001], false],
    [[1_000_000, 1_000_001], true],
    [[5e-4, 5.0000001e-4], false],
  ])("tells ticks apart that differ in their seventh digit: %j", (values, isLog) => {
    const { ticks, tickLabels } = axisOf(values, { label: "v", log: isLog });
    expect(new Set(tickLabels).size).toBe(ticks.length);
  });

  it("always has some distinct ticks inside the range, each with its own label", () => {
    const value = fc.double({ min: 1e-290, max: 1e290, noNaN: true });
    fc.assert(
      fc.property(value, value, fc.boolean(), fc.integer({ min: 2, max: 10 }), (a, b, isLog, count) => {
        const { domain, ticks, tickLabels } = axisOf([a, b], { label: "v", log: isLog, count });
        expect(ticks.length).toBeGreaterThanOrEqual(1);
        expect(ticks.length).toBeLessThanOrEqual(3 * count + 4);
        expect(new Set(tickLabels).size).toBe(ticks.length);
        for (const t of ticks) {
          expect(t).toBeGreaterThanOrEqual(domain[0] - 1e-6 * Math.abs(domain[0]));
          expect(t).toBeLessThanOrEqual(domain[1] * (1 + 1e-6));
        }
      }),
    );
  });
});

describe("formatValue", () => {
  it.each([
    [0, "0"],
    [0.123456, "0.123"],
    [-2.5, "−2.5"],
    [123456, "1.23×10⁵"],
    [1e-300, "10⁻³⁰⁰"],
    [-4.56e-7, "−4.56×10⁻⁷"],
    [NaN, "NaN"],
    [-Infinity, "−Infinity"],
  ])("writes %s as %s", (value, text) => expect(formatValue(value)).toBe(text));
});
