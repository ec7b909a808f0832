import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.js";
import {
  fractionInterval,
  pairedDifference,
  pairedRatio,
  ratioOfMeans,
  summarize,
} from "../../src/math/statistics.js";

describe("fractionInterval", () => {
  it("has the closed forms of none and all: 1 - 0.025 ** (1 / n) and 0.025 ** (1 / n)", () => {
    for (const n of [1, 5, 30]) {
      const edge = 0.025 ** (1 / n);
      expect(fractionInterval(n, n)).toEqual([expect.closeTo(edge, 13), 1]);
      expect(fractionInterval(0, n)).toEqual([0, expect.closeTo(1 - edge, 13)]);
    }
  });

  it("has tails of 2.5 % each, summed binomially", () => {
    const [k, n] = [3, 11];
    const choose = (a: number, b: number): number => (b === 0 ? 1 : (choose(a - 1, b - 1) * a) / b);
    const atMost = (p: number, most: number) =>
      Array.from({ length: most + 1 }, (_, i) => choose(n, i) * p ** i * (1 - p) ** (n - i)).reduce(
        (a, b) => a + b,
      );
    const [low, high] = fractionInterval(k, n);
    expect(1 - atMost(low, k - 1)).toBeCloseTo(0.025, 12);
    expect(atMost(high, k)).toBeCloseTo(0.025, 12);
  });
});

describe("pairedDifference", () => {
  it("is the mean of the differences with its interval, and takes lists of one length", () => {
    // 2 and 4: mean 3, standard error 1, t(0.975, 1) = 12.7062.
    const { n, difference, interval } = pairedDifference([3, 6], [1, 2]);
    expect({ n, difference }).toEqual({ n: 2, difference: 3 });
    expect(interval?.[0]).toBeCloseTo(3 - 12.7062, 4);
    expect(interval?.[1]).toBeCloseTo(3 + 12.7062, 4);
    expect(pairedDifference([1], [2]).interval).toBeNull();
    expect(() => pairedDifference([1], [])).toThrow(OptionError);
  });
});

describe("summarize", () => {
  it("gives mean, deviation, extremes and interval", () => {
    // 2, 4, 4, 6: variance 8 / 3; t(0.975, 3) = 3.182446.
    const { n, mean, std, min, max, interval } = summarize([2, 4, 4, 6]);
    expect({ n, mean, min, max }).toEqual({ n: 4, mean: 4, min: 2, max: 6 });
    expect(std).toBeCloseTo(Math.sqrt(8 / 3), 14);
    expect(interval?.[0]).toBeCloseTo(4 - (3.182446 * Math.sqrt(8 / 3)) / 2, 5);
    expect(interval?.[1]).toBeCloseTo(4 + (3.182446 * Math.sqrt(8 / 3)) / 2, 5);
  });

  it("claims no spread from one value", () => {
    expect(summarize([3])).toEqual({ n: 1, mean: 3, std: null, min: 3, max: 3, interval: null });
  });

  it("has no spread where all values are equal, however they round", () => {
    expect(summarize([0.1, 0.1, 0.1]).std).toBeCloseTo(0, 16);
  });

  it("is infinite where a sum overflows", () => {
    expect(summarize([1e200, 2e200])).toMatchObject({ std: Infinity, interval: [-Infinity, Infinity] });
    expect(summarize([1e308, 1e308]).mean).toBe(Infinity);
  });

  it.each([[[]], [[1, Number.NaN]], [[Number.POSITIVE_INFINITY]]])("refuses %j", (values) => {
    expect(() => summarize(values)).toThrow(OptionError);
  });
});

describe("ratioOfMeans", () => {
  it("is that of the means, with the jackknife's interval, which is symmetric in the logarithm", () => {
    // Of [1, 3] and [2, 3]: log(4 / 5); without one, log 1 and log(1 / 2), of which s = log(2) / 2.
    const { n, ratio, interval } = ratioOfMeans([1, 3], [2, 3]);
    expect(n).toBe(2);
    expect(ratio).toBeCloseTo(4 / 5, 12);
    expect(Math.log((interval?.[1] ?? 0) / ratio)).toBeCloseTo((12.706205 * Math.log(2)) / 2, 5);
    expect((interval?.[0] ?? 0) * (interval?.[1] ?? 0)).toBeCloseTo(ratio ** 2, 9);
  });

  it("favors no side that spreads more, where a geometric mean does", () => {
    const [few, even] = [
      [0.1, 0.1, 0.1, 3.7],
      [1, 1, 1, 1],
    ];
    expect(pairedRatio(few, even).ratio).toBeLessThan(0.3);
    expect(ratioOfMeans(few, even).ratio).toBeGreaterThan(0.9);
  });

  it("claims no interval from one pair, and refuses what has no ratio", () => {
    expect(ratioOfMeans([6], [3])).toEqual({ n: 1, ratio: expect.closeTo(2, 12), interval: null });
    expect(ratioOfMeans([1, 0], [1, 1])).toEqual({ n: 2, ratio: expect.closeTo(0.5, 12), interval: null });
    for (const wrong of [
      [0, 0],
      [-1, 3],
      [1, Number.NaN],
    ]) {
      expect(() => ratioOfMeans(wrong, [1, 1])).toThrow(OptionError);
    }
  });
});

describe("pairedRatio", () => {
  it("is the geometric mean, with an interval that is symmetric in the logarithm", () => {
    // log ratios log 2 and log 8: mean log 4, sd log 4 / sqrt 2, half width t(0.975, 1) log(2) = 12.7062 log 2.
    const { n, ratio, interval } = pairedRatio([2, 24], [1, 3]);
    expect(n).toBe(2);
    expect(ratio).toBeCloseTo(4, 12);
    expect(Math.log((interval?.[1] ?? 0) / ratio)).toBeCloseTo(12.706205 * Math.log(2), 5);
    expect((interval?.[0] ?? 0) * (interval?.[1] ?? 0)).toBeCloseTo(16, 9);
  });

  it("does not depend on the unit, and turns over when the sides are exchanged", () => {
    const [a, b] = [
      [3, 5, 4],
      [2, 2, 3],
    ];
    expect(
      pairedRatio(
        a.map((v) => 1000 * v),
        b.map((v) => 1000 * v),
      ).ratio,
    ).toBeCloseTo(pairedRatio(a, b).ratio, 12);
    expect(pairedRatio(b, a).ratio).toBeCloseTo(1 / pairedRatio(a, b).ratio, 12);
  });

  it("claims no interval from one pair, and refuses what has no ratio", () => {
    expect(pairedRatio([6], [3])).toEqual({ n: 1, ratio: expect.closeTo(2, 12), interval: null });
    expect(() => pairedRatio([1], [0])).toThrow(OptionError);
    expect(() => pairedRatio([1, 2], [1])).toThrow(OptionError);
  });
});
