import { describe, expect, it } from "vitest";
import { betaQuantile, tQuantile } from "../../src/math/distributions.js";

describe("tQuantile", () => {
  // Closed forms: one degree is Cauchy, tan(pi (p - 1/2)); two degrees a / sqrt(2 p (1 - p)) with a = 2 p - 1.
  it.each([0.6, 0.9, 0.975, 0.9995])("has the closed forms of one and two degrees at %f", (p) => {
    expect(tQuantile(p, 1)).toBeCloseTo(Math.tan(Math.PI * (p - 0.5)), 9);
    expect(tQuantile(p, 2)).toBeCloseTo((2 * p - 1) / Math.sqrt(2 * p * (1 - p)), 11);
  });

  // Printed tables (NIST/SEMATECH e-Handbook, 1.3.6.7.2).
  it.each([
    [4, 2.776],
    [9, 2.262],
    [29, 2.045],
    [100, 1.984],
    [1, 12.706],
    [30, 2.042],
    [60, 2.0],
    [120, 1.98],
  ])("has the table's 97.5 %% quantile for %i degrees", (degrees, value) => {
    expect(tQuantile(0.975, degrees)).toBeCloseTo(value, 3);
  });

  it("is odd around the median, and nears the normal distribution", () => {
    expect(tQuantile(0.025, 4)).toBe(-tQuantile(0.975, 4));
    expect(tQuantile(0.5, 4)).toBe(0);
    expect(tQuantile(0.975, 1e7)).toBeCloseTo(1.959964, 6);
  });
});

describe("betaQuantile", () => {
  // The distribution function of a = n, b = 1 is x ** n; that of a = 1, b = n is 1 - (1 - x) ** n.
  it.each([1, 2, 5, 30])("has the closed forms for %i and 1", (n) => {
    expect(betaQuantile(0.025, n, 1)).toBeCloseTo(0.025 ** (1 / n), 13);
    expect(betaQuantile(0.025, 1, n)).toBeCloseTo(1 - 0.975 ** (1 / n), 13);
  });
});
