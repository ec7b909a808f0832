import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.js";
import { correlation, partialCorrelation } from "../../src/math/correlation.js";
import { createRng } from "../../src/math/rng.js";

const expectNear = (actual: readonly number[], expected: readonly number[]) =>
  actual.forEach((v, i) => {
    expect(v).toBeCloseTo(expected[i], 6);
  });

describe("correlation", () => {
  it("is 8 / 10 with the interval tanh(atanh .8 +- 1.96 / sqrt 2) for five pairs, by hand", () => {
    const { count, pearson, interval, spearman } = correlation([1, 2, 3, 4, 5], [2, 1, 4, 3, 5]);
    expect(count).toBe(5);
    expectNear([pearson, spearman], [0.8, 0.8]);
    // atanh .8 = 1.0986123, 1.959964 / sqrt 2 = 1.3859038.
    expectNear(interval, [-0.27964, 0.9861962]);
  });

  it("is 1543.5 / sqrt(5 * 701520.75) where ranks agree, whose correlation is 1, by hand", () => {
    const { pearson, spearman } = correlation([1, 2, 3, 4], [1, 10, 100, 1000]);
    expectNear([pearson, spearman], [1543.5 / Math.sqrt(5 * 701520.75), 1]);
  });

  it("gives equal values the mean of their ranks: 4.5 / sqrt(4.5 * 5), by hand", () => {
    expectNear([correlation([1, 2, 2, 3], [1, 3, 2, 4]).spearman], [4.5 / Math.sqrt(22.5)]);
  });

  it("does not change with shift and scale, also at numbers whose squares overflow", () => {
    const [x, y] = [
      [0.3, -1, 2.5, 0.7],
      [1, 0.2, 0.9, 3],
    ];
    const { pearson } = correlation(x, y);
    for (const [shift, scale] of [
      [5, 2],
      [0, 1e200],
      [0, 1e-200],
    ]) {
      expect(
        correlation(
          x.map((v) => shift + scale * v),
          y,
        ).pearson,
      ).toBeCloseTo(pearson, 12);
    }
    expect(
      correlation(
        x.map((v) => -v),
        y,
      ).pearson,
    ).toBeCloseTo(-pearson, 12);
  });

  it("has an interval that holds the true correlation in 95 of 100 samples", () => {
    const [rho, samples, size] = [0.6, 2000, 20];
    const rng = createRng(1);
    let inside = 0;
    for (let s = 0; s < samples; s++) {
      const x = Array.from({ length: size }, () => rng.normal());
      const y = x.map((v) => rho * v + Math.sqrt(1 - rho * rho) * rng.normal());
      const [low, high] = correlation(x, y).interval;
      if (low < rho && rho < high) inside++;
    }
    // Three standard errors of a share of 2000: 0.015.
    expect(Math.abs(inside / samples - 0.95)).toBeLessThan(0.015);
  });

  it("is NaN for a constant, and open for three pairs", () => {
    const { pearson, interval, spearman } = correlation([1, 2, 3, 4], [0.1, 0.1, 0.1, 0.1]);
    expect([pearson, ...interval, spearman]).toEqual([Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
    expect(correlation([1, 2, 3], [1, 3, 2]).interval).toEqual([-1, 1]);
    expect(correlation([1, 2, 3, 4], [2, 4, 6, 8])).toMatchObject({
      pearson: 1,
      interval: [1, 1],
      spearman: 1,
    });
  });

  it("says what does not fit", () => {
    expect(() => correlation([1, 2], [1])).toThrow(OptionError);
    expect(() => correlation([1], [1])).toThrow(/two or more; got 1 and 1/);
    expect(() => correlation([1, 2], [1, Number.NaN])).toThrow(/y\[1\] is NaN/);
  });
});

describe("partialCorrelation", () => {
  /** Residuals of the regression of y on z, written out. */
  const residuals = (y: readonly number[], z: readonly number[]) => {
    const mean = (v: readonly number[]) => v.reduce((sum, x) => sum + x, 0) / v.length;
    const [my, mz] = [mean(y), mean(z)];
    const slope =
      z.reduce((sum, x, i) => sum + (x - mz) * (y[i] - my), 0) / z.reduce((sum, x) => sum + (x - mz) ** 2, 0);
    return y.map((value, i) => value - my - slope * (z[i] - mz));
  };

  it("is the correlation of what regressions on the third quantity leave", () => {
    const rng = createRng(3);
    const z = Array.from({ length: 40 }, () => rng.normal());
    const x = z.map((v) => v + rng.normal());
    const y = z.map((v, i) => 2 * v + 0.3 * x[i] + rng.normal());
    const { pearson, interval, count } = partialCorrelation(x, y, z);
    const left = correlation(residuals(x, z), residuals(y, z));
    expectNear([pearson], [left.pearson]);
    expect(count).toBe(40);
    // tanh(atanh r +- 1.96 / sqrt(40 - 4)).
    const half = 1.959964 / 6;
    expectNear(interval, [Math.tanh(Math.atanh(pearson) - half), Math.tanh(Math.atanh(pearson) + half)]);
  });

  it("is no number where the third quantity decides", () => {
    expect(partialCorrelation([1, 2, 3, 5], [2, 1, 4, 3], [2, 4, 6, 10]).pearson).toBeNaN();
  });
});
