import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { projectSimplex } from "../../../src/mtl/kernels/simplex.js";

const vectors = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 40 });

describe("projectSimplex", () => {
  it.each([
    // By hand: tau = 0.2, then 0.
    [
      [0.9, 0.5, -1],
      [0.7, 0.3, 0],
    ],
    [
      [0.2, 0.3, 0.5],
      [0.2, 0.3, 0.5],
    ],
    [[-5], [1]],
    [
      [7, 7],
      [0.5, 0.5],
    ],
    [
      [3, 1],
      [1, 0],
    ],
  ])("of %j is %j", (v, expected) => {
    const w = projectSimplex(Float64Array.from(v));
    expected.forEach((x, k) => {
      expect(w[k]).toBeCloseTo(x, 14);
    });
  });

  it("is on the simplex, and no vertex lies on the side that v is on", () => {
    fc.assert(
      fc.property(vectors, (values) => {
        const w = projectSimplex(Float64Array.from(values));
        expect(w.every((x) => x >= 0)).toBe(true);
        expect(Math.abs(w.reduce((a, b) => a + b, 0) - 1)).toBeLessThan(1e-10);
        // (v - w) . (e_k - w) <= 0 for all k: w is the nearest point.
        const away = values.map((v, k) => v - w[k]);
        const level = away.reduce((sum, a, k) => sum + a * w[k], 0);
        for (const a of away) expect(a).toBeLessThanOrEqual(level + 1e-9);
      }),
    );
  });

  it("keeps a sum of 1 far away from the simplex", () => {
    const w = projectSimplex(Float64Array.of(1e18, 1e18, -1e300));
    expect([...w]).toEqual([0.5, 0.5, 0]);
  });
});
