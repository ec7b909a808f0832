import { float64 } from "isoloss-test-support/nn/support";
import { randomProblem } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../../src/errors.js";
import { div, mul, neg } from "../../../src/graph/ops/arithmetic.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { concat, slice } from "../../../src/graph/ops/slice.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { positiveScaling } from "../../../src/symmetry/positive-scaling.js";
import type { Symmetry } from "../../../src/symmetry/symmetry.js";
import { minimized, type Objective } from "../../../src/teleport/objective/objective.js";
import { orbitCurvature } from "../../../src/teleport/objective/orbit-curvature.js";
import { createTeleporter } from "../../../src/teleport/teleporter.js";
import { batchOf, numbersOf, productLoss, toy, toyScaling } from "../toy.js";
import { expectGradient, measured } from "./support.js";

/** Rotations of the plane. */
const rotations: Symmetry<ReturnType<typeof float64>> = {
  name: "rotation",
  paths: [""],
  exact: "everywhere",
  algebra: [[1]],
  bound: { kind: "norm", value: 3 },
  derivative: (w, [t]) => {
    const [x, y] = [slice(w, { ends: [1] }), slice(w, { starts: [1] })];
    return concat([neg(mul(y, t)), mul(x, t)]);
  },
  act: async (w) => w,
  trace: (w) => w,
};

const anyLoss = (w: Tensor) => sum(square(w));

describe("orbitCurvature", () => {
  it.each([
    [0.5, 0],
    [3, 4],
    [-200, 100],
  ])("of a circle is one over its radius: (%d, %d)", (x, y) => {
    const { value } = measured(orbitCurvature(rotations), anyLoss, float64([x, y]));
    expect(value * Math.hypot(x, y)).toBeCloseTo(1, 13);
  });

  // (a e^t, b e^-t): c' = (a, -b), c'' = (a, b), so kappa = 2 |ab| / (a^2 + b^2)^(3/2).
  it("of a hyperbola ab = const is 2 |ab| / (a^2 + b^2)^(3/2)", () => {
    const batch = batchOf(1, 2);
    const objective = orbitCurvature(toyScaling(), { samples: 2, seed: 9 });
    const { value } = measured(objective, productLoss, toy(3, 0.5), { batch });
    expect(value).toBeCloseTo(3 / 9.25 ** 1.5, 14);
    expectGradient(objective, productLoss, toy(3, 0.5), { batch });
  });

  it("averages over generators", () => {
    const { params, batch, loss } = randomProblem(2001, { activations: ["relu"] });
    const symmetry = positiveScaling(params);
    const generators = [1, 2].map((seed) =>
      symmetry.algebra.map(([n]) => float64(Array.from({ length: n }, (_, i) => Math.sin(seed + i)))),
    );
    const kappa = (objective: Objective) => measured(objective, loss, params, { batch }).value;
    const [both, one, two] = [generators, [generators[0]], [generators[1]]].map((chosen) =>
      kappa(orbitCurvature(symmetry, { generators: chosen })),
    );
    expect(both).toBeCloseTo((one + two) / 2, 12);
    expect(one).not.toBeCloseTo(two, 6);
  });

  it("is that of the curve's own points: difference quotients of the action", async () => {
    const { params, batch, loss } = randomProblem(2004, { activations: ["relu"] });
    const symmetry = positiveScaling(params);
    const M = symmetry.algebra.map(([n]) => float64(Array.from({ length: n }, (_, i) => Math.cos(1 + i))));
    const { value } = measured(orbitCurvature(symmetry, { generators: [M] }), loss, params, { batch });
    const h = 1e-3;
    const at = async (t: number) => {
      const T = M.map(({ shape, data }) => ({ shape, data: (data as Float64Array).map((v) => t * v) }));
      const { layers } = (await symmetry.act(params, T, batch)) as typeof params;
      return layers.flatMap(({ weight, bias }) => [...weight.data, ...(bias?.data ?? [])].map(Number));
    };
    const [low, here, high] = [await at(-h), await at(0), await at(h)];
    const first = high.map((v, i) => (v - low[i]) / (2 * h));
    const second = high.map((v, i) => (v - 2 * here[i] + low[i]) / h ** 2);
    const dot = (a: number[], b: number[]) => a.reduce((s, v, i) => s + v * b[i], 0);
    const [aa, bb, ab] = [dot(first, first), dot(second, second), dot(first, second)];
    expect(value / (Math.sqrt(aa * bb - ab ** 2) / aa ** 1.5)).toBeCloseTo(1, 5);
  });

  it("is 0, with a finite gradient, for a fixed point and for a straight orbit", () => {
    const fixed = measured(orbitCurvature(rotations), anyLoss, float64([0, 0]));
    expect(fixed.value).toBeLessThan(1e-12);
    expect(fixed.gradient.every(Number.isFinite)).toBe(true);
    const scaling: Symmetry<ReturnType<typeof float64>> = {
      ...rotations,
      derivative: (w, [t]) => mul(w, div(t, 2)),
    };
    const straight = measured(orbitCurvature(scaling), anyLoss, float64([3, 4]));
    expect(straight.value).toBeLessThan(1e-12);
    expect(straight.gradient.every(Number.isFinite)).toBe(true);
  });

  it("is what a teleport looks for: the flattest point of the hyperbola within reach", async () => {
    const batch = batchOf(1, 2);
    const start = toy(1, 0.9);
    const teleporter = await createTeleporter({
      symmetry: toyScaling(),
      loss: productLoss,
      objective: minimized(orbitCurvature(toyScaling())),
      params: start,
      batch,
    });
    const { params, report } = await teleporter.teleport(start, batch);
    await teleporter.dispose();
    expect(report.accepted).toBe(true);
    const [a, b] = numbersOf(params);
    expect(a / b).toBeCloseTo((1 / 0.9) * Math.exp(1), 5);
  });

  it("refuses a symmetry whose action holds arrays fixed, and generators that do not fit", () => {
    const fixed = { ...toyScaling(), contextShapes: () => [[2, 2]] };
    expect(() => measured(orbitCurvature(fixed), productLoss, toy(1, 1), { batch: batchOf(1, 2) })).toThrow(
      OptionError,
    );
    expect(() => orbitCurvature(toyScaling(), { generators: [[]] })).toThrow(/1 blocks each/);
    expect(() => orbitCurvature(toyScaling(), { samples: 0 })).toThrow(OptionError);
  });
});

describe("an objective of one's own", () => {
  it("is any traced function of loss, parameters and batch", async () => {
    const batch = batchOf(1, 2);
    // Looks for a large a: the bound lets it grow by e^.5.
    const largeA: Objective = () => (params) => sum(square((params as { a: Tensor }).a));
    const teleporter = await createTeleporter({
      symmetry: toyScaling(),
      loss: productLoss,
      objective: largeA,
      params: toy(1, 1),
      batch,
    });
    const { params, report } = await teleporter.teleport(toy(1, 1), batch);
    await teleporter.dispose();
    expect(report.objectiveAfter).toBeCloseTo(Math.E, 5);
    expect(numbersOf(params)[0]).toBeCloseTo(Math.exp(0.5), 6);
  });
});
