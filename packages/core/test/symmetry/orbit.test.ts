import { randomProblem } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { array } from "../../src/array.js";
import { OptionError } from "../../src/errors.js";
import { add } from "../../src/graph/ops/arithmetic.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { reshape } from "../../src/graph/ops/reshape.js";
import { concat } from "../../src/graph/ops/slice.js";
import { rosenbrock } from "../../src/problems/rosenbrock.js";
import { defineSymmetry } from "../../src/symmetry/define-symmetry.js";
import { hiddenAction } from "../../src/symmetry/hidden/hidden-action.js";
import { createOrbitSampler, type OrbitPoint, orbit } from "../../src/symmetry/orbit.js";
import { quadraticRotation, type VectorParams } from "../../src/symmetry/rotation/quadratic-rotation.js";
import { isRefusal } from "../../src/symmetry/symmetry.js";

const w = (x: number, y: number): VectorParams => ({ w: array([x, y], "float64") });
const placesOf = (points: readonly OrbitPoint<VectorParams>[]) =>
  points.map(({ params }) => (isRefusal(params) ? undefined : Array.from(params.w.data, Number)));
const rosenbrockLoss = ([x, y]: readonly number[]) => 100 * (x ** 2 - y) ** 2 + (x - 1) ** 2;

describe("orbit", () => {
  it("goes once around an ellipse, and ends where it began", async () => {
    const symmetry = quadraticRotation(array([[1, 0], [0, 4]], "float64")); // biome-ignore format: one line
    const points = await orbit(symmetry, w(2, 0), {}, { samples: 5 });
    expect(points.map(({ t }) => t)).toEqual([0, 1, 2, 3, 4].map((k) => (k * Math.PI) / 2));
    const ellipse = [[2, 0], [0, 1], [-2, 0], [0, -1], [2, 0]]; // biome-ignore format: one line
    placesOf(points).forEach((at, k) => {
      at?.forEach((v, i) => {
        expect(v).toBeCloseTo(ellipse[k][i], 14);
      });
    });
  });

  it("stays on Rosenbrock's level set, from any point that a sampler is asked for", async () => {
    const problem = rosenbrock();
    const sampler = await createOrbitSampler(problem.symmetry(), { params: problem.start });
    for (const [x, y] of [
      [-1, -1],
      [0.3, 2],
      [1.2, 0],
    ]) {
      // biome-ignore format: one line
      const level = rosenbrockLoss([x, y]);
      const places = placesOf(await sampler.through(w(x, y)));
      expect(places).toHaveLength(361);
      for (const at of places) expect(rosenbrockLoss(at as number[]) / level).toBeCloseTo(1, 11);
    }
    await sampler.dispose();
    await expect(sampler.through(problem.start)).rejects.toThrow(/disposed/);
  });

  it("gives the same points from act as from the traced action", async () => {
    const symmetry = rosenbrock().symmetry();
    const hosted = {
      ...symmetry,
      context: async () => [],
      traceContext: () => ({ context: [], isCertain: constant(1) }),
    };
    const options = { samples: 9, range: [-1, 1] } as const;
    const [a, b] = [
      await orbit(symmetry, w(-1, -1), {}, options),
      await orbit(hosted, w(-1, -1), {}, options),
    ];
    expect(placesOf(a)[4]?.every((v) => Math.abs(v + 1) < 1e-14)).toBe(true);
    placesOf(a).forEach((at, k) => {
      at?.forEach((v, i) => {
        expect(v).toBeCloseTo(placesOf(b)[k]?.[i] as number, 12);
      });
    });
  });

  it("varies one entry of T, counted through its blocks", async () => {
    const symmetry = defineSymmetry<VectorParams>({
      name: "shifts",
      paths: ["w"],
      exact: "everywhere",
      algebra: [[1], [2]],
      bound: { kind: "norm", value: 1 },
      derivative: (p) => p,
      trace: ({ w: at }, [a, b]) => ({
        w: add(
          at,
          concat([a, reshape(matmul(constant(array([[1, 10]], "float64")), reshape(b, [2, 1])), [1])]),
        ),
      }),
    });
    const at = async (plane: number) =>
      placesOf(await orbit(symmetry, w(5, 0), {}, { samples: 2, plane, range: [0, 1] }))[1];
    expect([await at(0), await at(1), await at(2)]).toEqual([[6, 0], [5, 1], [5, 10]]); // biome-ignore format: one line
    await expect(at(3)).rejects.toThrow(/plane must be below 3, .* "shifts"; got 3/);
  });

  it("puts the reason in the place of a point that cannot be reached", async () => {
    const symmetry = quadraticRotation(array([[1, 0], [0, 4]], "float64")); // biome-ignore format: one line
    const points = await orbit(symmetry, w(Number.MAX_VALUE, Number.MAX_VALUE), {}, { samples: 3 });
    expect(points[1].params).toEqual({ refused: "the action is not finite" });
    await expect(orbit(symmetry, w(1, 1), {}, { samples: 1 })).rejects.toThrow(OptionError);
  });

  it("has no points where the batch is too large for the action", async () => {
    const { params, batch, activation } = randomProblem(7002, { activations: ["tanh"], size: "wide" });
    const range = [0, 1e-3] as const;
    const points = await orbit(hiddenAction(params, activation), params, batch, { samples: 3, range });
    for (const { params: at } of points)
      expect(isRefusal(at) && at.refused).toMatch(/rank \d+ for a batch of \d+/);
  });
});
