import { describe, expect, it } from "vitest";
import { normalCdf, normalQuantile } from "../../src/entries/linalg.js";

describe("normalCdf", () => {
  it("is symmetric, and P(|X| <= 1, 2, 3) is 68.27, 95.45, 99.73 %", () => {
    for (const [x, inside] of [
      [1, 0.682689492137],
      [2, 0.954499736104],
      [3, 0.997300203937],
    ]) {
      expect(normalCdf(x) - normalCdf(-x)).toBeCloseTo(inside, 12);
      expect(normalCdf(x) + normalCdf(-x)).toBeCloseTo(1, 15);
    }
    expect(normalCdf(0)).toBe(0.5);
  });
});

describe("normalQuantile", () => {
  // Tables of the normal distribution.
  it.each([
    [0.5, 0],
    [0.975, 1.959963984540054],
    [0.01, -2.3263478740408408],
    [0.001, -3.090232306167813],
  ])("of %d is %d", (p, x) => {
    expect(normalQuantile(p)).toBeCloseTo(x, 12);
  });

  it("inverts the distribution, tails included", () => {
    for (const x of [-5, -2, -0.3, 0, 0.7, 3, 5]) {
      expect(normalQuantile(normalCdf(x))).toBeCloseTo(x, 8);
    }
    for (let p = 1e-9; p < 1; p += 0.0137) expect(normalCdf(normalQuantile(p))).toBeCloseTo(p, 14);
    expect([normalQuantile(0), normalQuantile(1)]).toEqual([-Infinity, Infinity]);
  });
});
