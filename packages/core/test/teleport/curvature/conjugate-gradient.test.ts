import { float64 } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../../src/errors.js";
import { createRng } from "../../../src/math/rng.js";
import { conjugateGradient } from "../../../src/teleport/curvature/conjugate-gradient.js";
import { createHessian } from "../../../src/teleport/curvature/hessian.js";
import { bowl } from "../objective/support.js";

/** A v for a symmetric matrix given by rows. */
const matrix = (rows: readonly (readonly number[])[]) => async (v: Float64Array) =>
  Float64Array.from(rows, (row) => row.reduce((s, a, j) => s + a * v[j], 0));

describe("conjugateGradient", () => {
  // The textbook example: [[4, 1], [1, 3]] x = (1, 2) has x = (1/11, 7/11).
  it("solves a system of two in two steps", async () => {
    const one = await conjugateGradient(
      matrix([
        [4, 1],
        [1, 3],
      ]),
      Float64Array.of(1, 2),
      { steps: 1 },
    );
    // After one step from 0: alpha = 5 / 20.
    expect(one.x[0]).toBeCloseTo(0.25, 14);
    expect(one.x[1]).toBeCloseTo(0.5, 14);
    expect(one).toMatchObject({ outcome: "steps", steps: 1 });
    const { x, outcome, steps, residual } = await conjugateGradient(
      matrix([
        [4, 1],
        [1, 3],
      ]),
      Float64Array.of(1, 2),
    );
    expect(x[0]).toBeCloseTo(1 / 11, 14);
    expect(x[1]).toBeCloseTo(7 / 11, 14);
    expect({ outcome, steps }).toEqual({ outcome: "converged", steps: 2 });
    expect(residual).toBeLessThan(1e-14);
  });

  it("needs as many steps as there are different eigenvalues", async () => {
    const diagonal = [2, 2, 2, 7, 7, 7, 7, 50];
    const rows = diagonal.map((d, i) => diagonal.map((_, j) => (i === j ? d : 0)));
    const b = Float64Array.from(diagonal, (_, i) => 1 + i);
    const { x, steps } = await conjugateGradient(matrix(rows), b);
    expect(steps).toBe(3);
    diagonal.forEach((d, i) => {
      expect(x[i]).toBeCloseTo((1 + i) / d, 10);
    });
  });

  it("solves random positive definite systems to the tolerance", async () => {
    const rng = createRng(7);
    const n = 12;
    const root = Array.from({ length: n }, () => Array.from({ length: n }, () => rng.normal()));
    const rows = root.map((r, i) =>
      root.map((s, j) => r.reduce((sum, v, k) => sum + v * s[k], 0) + (i === j ? 1 : 0)),
    );
    const b = Float64Array.from({ length: n }, () => rng.normal());
    const { x, outcome } = await conjugateGradient(matrix(rows), b, { tolerance: 1e-10 });
    expect(outcome).toBe("converged");
    const back = await matrix(rows)(x);
    expect(Math.hypot(...back.map((v, i) => v - b[i])) / Math.hypot(...b)).toBeLessThan(1e-9);
  });

  it("stops where the curvature is not positive, with the iterate before", async () => {
    const indefinite = matrix([
      [1, 0],
      [0, -2],
    ]);
    const first = await conjugateGradient(indefinite, Float64Array.of(0, 1));
    expect(first).toMatchObject({ outcome: "negativeCurvature", steps: 0, residual: 1 });
    expect([...first.x]).toEqual([0, 0]);
    // p'Ap = 4 - 2 > 0 at first, alpha 5/2; then the other direction shows.
    const second = await conjugateGradient(indefinite, Float64Array.of(2, 1));
    expect(second).toMatchObject({ outcome: "negativeCurvature", steps: 1 });
    expect(second.x[0]).toBeCloseTo(5, 14);
    expect(second.x[1]).toBeCloseTo(2.5, 14);
    const flat = await conjugateGradient(async (v) => v.map(() => 0), Float64Array.of(1, 1));
    expect(flat.outcome).toBe("negativeCurvature");
    const broken = await conjugateGradient(async (v) => v.map(() => Number.NaN), Float64Array.of(1, 1));
    expect(broken.outcome).toBe("negativeCurvature");
  });

  it("has the answer 0 for b = 0 without a product", async () => {
    const result = await conjugateGradient(
      () => Promise.reject(new Error("no product")),
      new Float64Array(3),
    );
    expect(result).toEqual({ x: new Float64Array(3), outcome: "converged", residual: 0, steps: 0 });
  });

  it("gives the Newton direction of a loss: w itself for a quadratic", async () => {
    const w = float64([3, 0.5]);
    const hessian = await createHessian(bowl(1, 10), w, {});
    const { g } = await hessian.times(w, {}, hessian.vectorOf(w));
    const { x } = await conjugateGradient(async (v) => (await hessian.times(w, {}, v)).hv, g);
    await hessian.dispose();
    expect(x[0]).toBeCloseTo(3, 12);
    expect(x[1]).toBeCloseTo(0.5, 12);
  });

  it("refuses options out of range", async () => {
    const one = (v: Float64Array) => Promise.resolve(v);
    await expect(conjugateGradient(one, Float64Array.of(1), { steps: 0 })).rejects.toThrow(OptionError);
    await expect(conjugateGradient(one, Float64Array.of(1), { tolerance: 0 })).rejects.toThrow(/tolerance/);
  });
});
