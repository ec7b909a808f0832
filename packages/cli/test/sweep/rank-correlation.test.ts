import { describe, expect, it } from "vitest";
import { rankCorrelation } from "../../src/sweep/sweep-report.js";

describe("rankCorrelation", () => {
  it("is Pearson's correlation of the ranks, equal values with the mean of theirs", () => {
    // Ranks 1, 2, 3.5, 5, 3.5 against 1 to 5: by hand 8 / sqrt(10 * 9.5).
    const found = rankCorrelation([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]);
    expect(found?.rho).toBeCloseTo(8 / Math.sqrt(95), 12);
    // z = atanh(rho), half width 1.96 * 1.06 / sqrt(2).
    const [low, high] = found?.interval ?? [Number.NaN, Number.NaN];
    expect(Math.atanh(high) - Math.atanh(low)).toBeCloseTo((2 * 1.959964 * 1.06) / Math.SQRT2, 6);
  });

  it("does not change under a map that keeps the order, and is -1 under one that turns it", () => {
    const x = [0.1, 3, 2, 7, 0.5];
    expect(rankCorrelation(x, x.map(Math.exp))?.rho).toBeCloseTo(1, 12);
    expect(
      rankCorrelation(
        x,
        x.map((v) => -v),
      )?.rho,
    ).toBeCloseTo(-1, 12);
  });

  it("is none of a constant, and has no interval for three pairs", () => {
    expect(rankCorrelation([1, 2, 3, 4], [1, 1, 1, 1])).toBeNull();
    expect(rankCorrelation([1, 2, 3], [1, 3, 2])?.interval).toBeNull();
  });

  it("has no interval where the ranks agree or are turned: Fisher's z, which is infinite, would make it a point", () => {
    expect(rankCorrelation([1, 2, 3, 4], [5, 6, 7, 8])).toEqual({ rho: 1, interval: null, n: 4 });
    expect(rankCorrelation([1, 2, 3, 4, 5, 6], [0, -1, -2, -3, -4, -5])?.interval).toBeNull();
  });
});
