// The convex kernels that are no quadratic programs: CAGrad's inner problem and the power equation; and the spectrum.
import fc from "fast-check";
import { randomCases } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { powerRoot } from "../../../src/mtl/kernels/bargaining.js";
import { caGradInner } from "../../../src/mtl/kernels/ca-grad-inner.js";
import { rowNorms, type Square, squaredNorm, times, uniform } from "../../../src/mtl/kernels/gramian.js";
import { applySpectrum, spectrum } from "../../../src/mtl/kernels/symmetric.js";
import { gramianOf, type Rows } from "../methods/jacobians.js";
import { jacobians } from "../methods/properties.js";

const square = (rows: number[][]): Square => ({
  shape: [rows.length, rows.length],
  data: Float64Array.from(rows.flat()),
});
const base = square([
  [18, -22],
  [-22, 38],
]);

describe("caGradInner", () => {
  const objective = (G: Square, c: number, w: Float64Array) => {
    const m = uniform(w.length);
    const linear = times(G, m).reduce((sum, b, k) => sum + b * w[k], 0);
    return linear + c * Math.sqrt(squaredNorm(G, m) * squaredNorm(G, w));
  };

  it("is as good as the best of a million points between two tasks", () => {
    const G = gramianOf([
      [1, 2, -1],
      [-1.5, 1, 1],
    ]);
    // The objective at w = (a, 1 - a) by hand: a million calls of the function take seconds.
    const [p, q, , r] = G.data as Float64Array;
    const sizeOfMean = Math.sqrt((p + 2 * q + r) / 4);
    for (const c of [0.2, 0.5, 0.9, 2]) {
      let best = Infinity;
      for (let i = 0; i <= 1e6; i++) {
        const [a, b] = [i / 1e6, 1 - i / 1e6];
        const linear = (a * (p + q) + b * (q + r)) / 2;
        best = Math.min(best, linear + c * sizeOfMean * Math.sqrt(a * a * p + 2 * a * b * q + b * b * r));
      }
      const found = objective(G, c, caGradInner(G, c).weights);
      expect(found).toBeLessThanOrEqual(best + 1e-12);
    }
  });

  it("has a slope that is least, and the same, on the support", () => {
    const choices = fc.constantFrom(0.01, 0.4, 0.9, 1, 3);
    fc.assert(
      fc.property(jacobians({ spread: 3 }), choices, (rows: Rows, c) => {
        const G = gramianOf(rows);
        const { weights, norm } = caGradInner(G, c);
        expect(weights.every((w) => w >= 0)).toBe(true);
        expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
        if (norm === 0) return;
        const m = uniform(weights.length);
        const b = times(G, m);
        const sigma = c * Math.sqrt(squaredNorm(G, m));
        const slope = times(G, weights).map((x, k) => b[k] + (sigma * x) / norm);
        const level = slope.reduce((sum, s, k) => sum + s * weights[k], 0);
        // Rounding errors of g_w are amplified by 1 / ||g_w||.
        const n = rowNorms(G);
        const parts = weights.reduce((sum, w, k) => sum + w * n[k], 0);
        slope.forEach((s, k) => {
          const size = (n[k] + parts) * (Math.sqrt(squaredNorm(G, m)) + (sigma * parts) / norm);
          expect(s - level).toBeGreaterThanOrEqual(-1e-6 * size);
        });
      }),
      { numRuns: randomCases(300) },
    );
  });

  it("tells a Pareto stationary point where stopping is best from one where it is not", () => {
    const opposite = gramianOf([
      [1, -2, 2],
      [-2, 4, -4],
    ]);
    // The mean is half the second minus the first: (-1, 2, -2) / 2. Within 0.4 of its length nothing is as good as 0.
    expect(caGradInner(opposite, 0.4)).toMatchObject({ norm: 3 });
    expect(caGradInner(opposite, 1).norm).toBe(0);
  });
});

describe("powerRoot", () => {
  it("has the closed form of two tasks for p = 1", () => {
    // r = sqrt(c / a), x_2 = 1 / sqrt(c + b r), x_1 = r x_2.
    const r = Math.sqrt(38 / 18);
    const x = powerRoot(base, 1);
    expect(x?.[1]).toBeCloseTo(1 / Math.sqrt(38 - 22 * r), 12);
    expect(x?.[0]).toBeCloseTo(r / Math.sqrt(38 - 22 * r), 12);
  });

  it("has the closed form of one task: G^(-1 / (1 + p))", () => {
    for (const p of [0.05, 0.5, 1, 3, 20]) {
      for (const g of [1e-20, 1, 1e20]) {
        const x = powerRoot(square([[g]]), p);
        expect((x?.[0] ?? NaN) / g ** (-1 / (1 + p))).toBeCloseTo(1, 9);
      }
    }
  });

  it.each([
    [
      "a zero row",
      [
        [1, 2],
        [0, 0],
      ],
    ],
    [
      "opposite gradients",
      [
        [1, -2, 2],
        [-2, 4, -4],
      ],
    ],
    [
      "three gradients around 0",
      [
        [1, 0],
        [-1, 1],
        [-1, -1],
      ],
    ],
  ])("has no solution for %s", (_, rows) => {
    // biome-ignore format: matrices
    for (const p of [0.2, 1, 2]) expect(powerRoot(gramianOf(rows), p)).toBeNull();
  });

  it("solves G x = x^-p for independent gradients of any size", () => {
    const powers = fc.constantFrom(0.1, 0.2, 0.5, 1, 2, 5);
    fc.assert(
      fc.property(jacobians({ dependent: false, zeroRows: false, spread: 5 }), powers, (rows, p) => {
        const G = gramianOf(rows);
        const x = powerRoot(G, p) ?? new Float64Array(rows.length).fill(NaN);
        const n = rowNorms(G);
        const size = x.reduce((sum, v, k) => sum + v * n[k], 0);
        times(G, x).forEach((left, k) => {
          const right = x[k] ** -p;
          expect(Math.abs(left - right)).toBeLessThanOrEqual(1e-6 * right + 1e-12 * n[k] * size);
        });
      }),
      { numRuns: randomCases(300) },
    );
  });

  it("has the same J' x when gradients are multiplied by constants, for p = 1", () => {
    const G = gramianOf([
      [1, 2, -1, 0.5],
      [-2, 1, 0.5, 1],
      [0.5, -1.5, 3, -1],
    ]);
    const s = [1e-8, 1, 1e8];
    const scaled = { ...G, data: G.data.map((v, at) => v * s[Math.floor(at / 3)] * s[at % 3]) };
    powerRoot(scaled, 1)?.forEach((x, k) => {
      // golden/mtl-aggregators.json, "Nash-MTL exact" on conf3x4.
      expect(x * s[k]).toBeCloseTo([0.771169, 0.504834, 0.587179][k], 5);
    });
  });
});

describe("spectrum", () => {
  it("keeps the eigenvalues above a share of the largest", () => {
    const A = square([
      [2, 0, 0],
      [0, 1e-9, 0],
      [0, 0, 1],
    ]);
    expect([...spectrum(A, 1e-6).values]).toEqual([1, 2]);
    expect(spectrum(A).values).toHaveLength(3);
    expect(spectrum(square([[0]])).values).toHaveLength(0);
  });

  it("gives the pseudo-inverse of a matrix of rank 1: of (1, 2)(1, 2)' that over 25", () => {
    const A = square([
      [1, 2],
      [2, 4],
    ]);
    const x = applySpectrum(spectrum(A), Float64Array.of(1, 0), (l) => 1 / l);
    expect(x[0]).toBeCloseTo(1 / 25, 14);
    expect(x[1]).toBeCloseTo(2 / 25, 14);
  });
});
