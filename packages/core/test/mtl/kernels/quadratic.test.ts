// The kernels that are quadratic programs, tested by their optimality conditions, which are sufficient for convex ones.
import fc from "fast-check";
import { randomCases } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { GrowingCholesky, solveDefinite } from "../../../src/mtl/kernels/cholesky.js";
import { dualCone, dualConeEach } from "../../../src/mtl/kernels/dual-cone.js";
import { rowNorms, type Square, times } from "../../../src/mtl/kernels/gramian.js";
import { minNorm } from "../../../src/mtl/kernels/min-norm.js";
import { nnls } from "../../../src/mtl/kernels/nnls.js";
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

function holds(test: (rows: Rows) => void, numRuns = 100): void {
  fc.assert(fc.property(jacobians(), test), { numRuns: randomCases(numRuns) });
}

const close = (actual: Float64Array, expected: number[], digits = 12) => {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((x, k) => {
    expect(actual[k]).toBeCloseTo(x, digits);
  });
};

describe("GrowingCholesky", () => {
  const A = square([
    [4, 2, 1],
    [2, 3, 0],
    [1, 0, 2],
  ]);

  it("solves with the rows that are in, after some were dropped", () => {
    const factor = new GrowingCholesky(A);
    factor.start(Float64Array.of(1, 2, 3));
    expect([factor.add(1), factor.add(0), factor.add(2)]).toEqual([true, true, true]);
    factor.keepPositive(Float64Array.of(0, 1, 1));
    expect(factor.indices).toEqual([1, 2]);
    close(factor.solution(), [0, 2 / 3, 3 / 2]);
  });

  it("refuses a column that depends on others", () => {
    const singular = square([
      [1, 1],
      [1, 1],
    ]);
    const factor = new GrowingCholesky(singular);
    factor.start(Float64Array.of(1, 1));
    expect([factor.add(0), factor.add(1)]).toEqual([true, false]);
    expect(solveDefinite(singular, Float64Array.of(1, 1))).toBeNull();
  });

  it("solves a regular system: by hand 4 x = 1", () => {
    close(solveDefinite(A, Float64Array.of(7, 5, 3)) ?? new Float64Array(), [1, 1, 1]);
  });
});

describe("nnls", () => {
  it("is the unconstrained solution where that is positive, and drops what is not", () => {
    const A = square([
      [2, 1],
      [1, 2],
    ]);
    close(nnls(A, Float64Array.of(3, 3)), [1, 1]);
    close(nnls(A, Float64Array.of(1, -3)), [0.5, 0]);
    close(nnls(A, Float64Array.of(-1, -3)), [0, 0]);
  });

  it("solves a problem with a singular matrix, if bounded", () => {
    const singular = square([
      [1, -2],
      [-2, 4],
    ]);
    const z = nnls(singular, Float64Array.of(-1, 2));
    close(times(singular, z), [-1, 2]);
  });

  it("has slope 0 where z > 0 and no slope toward positive z elsewhere", () => {
    holds((rows) => {
      const G = gramianOf(rows);
      const n = rowNorms(G);
      // b in the range of G, so that the problem is bounded.
      const b = times(
        G,
        n.map((x, k) => (x > 0 ? Math.sin(7 * k + 1) / x : 0)),
      );
      const z = nnls(G, b);
      const Gz = times(G, z);
      const size = z.reduce((sum, x, k) => sum + x * n[k], 0) + n.length;
      z.forEach((x, k) => {
        expect(x).toBeGreaterThanOrEqual(0);
        const slope = Gz[k] - b[k];
        expect(slope).toBeGreaterThanOrEqual(-1e-6 * n[k] * size);
        if (x > 0) expect(slope).toBeLessThanOrEqual(1e-6 * n[k] * size);
      });
    });
  });
});

describe("minNorm", () => {
  it.each([
    [2, 0.6, 0.4],
    // Between the tasks no minimum: the shorter gradient alone.
    [20, 1, 0],
  ])("has the closed form of two gradients", (_, first, second) => {
    const G = first === 1 ? square([[18, 22], [22, 38]]) : base; // biome-ignore format: a matrix
    close(minNorm(G).weights, [first, second]);
  });

  it("is 2 for the Jacobian [[-4, 1, 1], [6, 1, 1]]: the point (0, 1, 1)", () => {
    expect(minNorm(base).squaredNorm).toBeCloseTo(2, 12);
  });

  it("gives all weight to zero rows, equally", () => {
    const G = square([
      [0, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 0, 0],
      [0, 0, 0, 2],
    ]);
    expect([...minNorm(G).weights]).toEqual([0.5, 0, 0.5, 0]);
  });

  it("keeps the digits of a weight of 1e-16 of the other", () => {
    // Orthogonal gradients of length 1 and 1e8: w = (1e16, 1) / (1e16 + 1).
    const G = square([
      [1, 0],
      [0, 1e16],
    ]);
    expect(minNorm(G).weights[1] * 1e16).toBeCloseTo(1, 12);
  });

  it("is a point w of the simplex with (G w)_k >= w' G w for all k", () => {
    holds((rows) => {
      const G = gramianOf(rows);
      const n = rowNorms(G);
      const { weights, squaredNorm } = minNorm(G);
      const size = weights.reduce((sum, x, k) => sum + x * n[k], 0);
      expect(weights.every((x) => x >= 0)).toBe(true);
      expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
      times(G, weights).forEach((x, k) => {
        expect(x - squaredNorm).toBeGreaterThanOrEqual(-1e-6 * (n[k] + size) * size);
      });
    }, 300);
  });
});

describe("dualCone", () => {
  it("of the mean of [[-4, 1, 1], [6, 1, 1]] adds 1/9 of the first", () => {
    close(dualCone(base, Float64Array.of(0.5, 0.5)), [11 / 18, 0.5]);
  });

  it("leaves a combination that harms no task as it is", () => {
    const G = square([
      [5, 4],
      [4, 6],
    ]);
    expect([...dualCone(G, Float64Array.of(0.5, 0.5))]).toEqual([0.5, 0.5]);
  });

  it("has v >= u, G v >= 0 and (G v)_k = 0 wherever v_k > u_k", () => {
    holds((rows) => {
      const G = gramianOf(rows);
      const n = rowNorms(G);
      const u = n.map((_, k) => Math.sin(5 * k + 2));
      const v = dualCone(G, u);
      const size = v.reduce((sum, x, k) => sum + (Math.abs(x) + Math.abs(u[k])) * n[k], 0);
      times(G, v).forEach((x, k) => {
        expect(v[k]).toBeGreaterThanOrEqual(u[k]);
        expect(x).toBeGreaterThanOrEqual(-1e-6 * n[k] * size);
        if (v[k] > u[k]) expect(x).toBeLessThanOrEqual(1e-6 * n[k] * size);
      });
    });
  });

  it("of each gradient alone sums up to dualConeEach", () => {
    holds((rows) => {
      const G = gramianOf(rows);
      const n = rowNorms(G);
      const p = n.map((_, k) => 1 + Math.sin(3 * k));
      const each = dualConeEach(G, p);
      const total = new Float64Array(p.length);
      p.forEach((x, i) => {
        const u = new Float64Array(p.length);
        u[i] = x;
        dualCone(G, u).forEach((v, k) => {
          total[k] += v;
        });
      });
      // d = J' w is unique, w is not: compare G w.
      const size = total.reduce((sum, x, k) => sum + x * n[k], 0);
      const expected = times(G, total);
      times(G, each).forEach((x, k) => {
        expect(Math.abs(x - expected[k])).toBeLessThanOrEqual(1e-6 * n[k] * size);
      });
    }, 50);
  });
});
