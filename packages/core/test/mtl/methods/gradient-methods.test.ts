import { describe, expect, it } from "vitest";
import { OptionError, ShapeError } from "../../../src/errors.js";
import { createRng } from "../../../src/math/rng.js";
import type { MultiTaskMethod } from "../../../src/mtl/method.js";
import { dbMtl } from "../../../src/mtl/methods/db-mtl.js";
import { excessMtl } from "../../../src/mtl/methods/excess-mtl.js";
import { gradDrop } from "../../../src/mtl/methods/grad-drop.js";
import { gradVac } from "../../../src/mtl/methods/grad-vac.js";
import { moco } from "../../../src/mtl/methods/moco.js";
import { directionOf, expectNumbers, fakeRng, inputOf, type Rows } from "./stateful-support.js";

const rows: Rows = [
  [1, 2, -1],
  [-2, 1, 0.5],
  [0.5, -1.5, 3],
];

describe("methods that keep gradients", () => {
  it("bring all gradients to the length of the largest in DB-MTL", () => {
    const two: Rows = [
      [30, 0, 0],
      [0, 1, 0],
    ];
    const { direction, headWeights } = dbMtl({ beta: 0 }).combine(inputOf([1, 0.5], two), dbMtl().init(2));
    expectNumbers(direction, [30, 30, 0], 1e-7);
    expectNumbers(headWeights, [1, 2], 1e-7);
  });

  it("start ExcessMTL's comparison at a task's first gradient", () => {
    const method = excessMtl({ stepSize: 1 });
    const still: Rows = [
      [1, 0],
      [0, 0],
    ];
    const moving: Rows = [
      [1, 0],
      [0, 2],
    ];
    const first = method.combine(inputOf([1, 1], still), method.init(2));
    expect(first.state.first[1]).toBe(0);
    const second = method.combine(inputOf([1, 1], moving), first.state);
    // e_0 = 1 / sqrt(2), e_0(0) = 1; task 1 keeps its factor 1 and gets e_1(0) = 2.
    const factor = Math.exp(Math.SQRT1_2);
    expectNumbers(second.weights, [(2 * factor) / (factor + 1), 2 / (factor + 1)], 1e-6);
    expectNumbers([second.state.first[1]], [2], 1e-6);
  });

  it("say when the model has changed", () => {
    for (const method of [dbMtl(), excessMtl(), moco()] as MultiTaskMethod<unknown>[]) {
      const { state } = method.combine(inputOf([1, 1, 1], rows), method.init(3));
      const shorter = rows.map((row) => row.slice(0, 2));
      expect(() => method.combine(inputOf([1, 1, 1], shorter), state)).toThrow(ShapeError);
      expect(() => method.combine(inputOf([1, 1, 1], shorter), state)).toThrow("the state has 9 numbers");
    }
  });

  it("follow lambda to the smaller gradients in MoCo", () => {
    const method = moco({ gamma: 1 });
    const two: Rows = [
      [1, 0],
      [0, 1],
    ];
    const { state } = method.combine(inputOf([10, 0.1], two), method.init(2));
    expect(state.lambda[1]).toBeGreaterThan(state.lambda[0]);
  });
});

describe("GradDrop", () => {
  it("keeps what leaks, a share for all or one a task", () => {
    const two: Rows = [[3], [-1]];
    const at = (leak: number | number[], u: number) => {
      const input = inputOf([1, 1], two, { rng: fakeRng({ next: [u] }) });
      return gradDrop({ leak }).combine(input, null).direction?.[0];
    };
    // P = 3/4.
    expect(at(0, 0.7)).toBe(3);
    expect(at(0, 0.8)).toBe(-1);
    expect(at(0.5, 0.7)).toBe(2.5);
    expect(at([0.5, 0], 0.8)).toBe(0.5);
    expect(at(1, 0.8)).toBe(2);
  });

  it("keeps a gradient without opponents whatever is drawn", () => {
    const input = inputOf([1], [[-2, 3]], { rng: fakeRng({ next: [0, 1 - 2 ** -53] }) });
    expect([...(gradDrop().combine(input, null).direction ?? [])]).toEqual([-2, 3]);
  });

  it("draws one number for every parameter, in order", () => {
    const input = inputOf(
      [1, 1],
      [
        [0, 1, 3],
        [0, 1, -1],
      ],
      { rng: fakeRng({ next: [0.9, 0.9, 0.9] }) },
    );
    expect([...(gradDrop().combine(input, null).direction ?? [])]).toEqual([0, 2, -1]);
    const short = inputOf(
      [1, 1],
      [
        [0, 1],
        [0, 1],
      ],
      { rng: fakeRng({ next: [0.9] }) },
    );
    expect(() => gradDrop().combine(short, null)).toThrow("More random numbers");
  });

  it("clips the shared gradient at norm 1 unless told otherwise", () => {
    expect(gradDrop().clipNorm).toBe(1);
    expect(gradDrop({ clipNorm: 5 }).clipNorm).toBe(5);
    expect(gradDrop({ clipNorm: 0 }).clipNorm).toBeUndefined();
  });
});

describe("gradient vaccine", () => {
  it("treats every block as a problem of its own", () => {
    const left = rows.map((row) => row.slice(0, 1));
    const right = rows.map((row) => row.slice(1));
    const method = gradVac({ blocks: [1, 2] });
    let [state, a, b] = [method.init(3), gradVac().init(3), gradVac().init(3)];
    for (let t = 0; t < 3; t++) {
      const rng = () => ({ rng: createRng(t) });
      const both = method.combine(inputOf([1, 1, 1], rows, rng()), state);
      const first = gradVac().combine(inputOf([1, 1, 1], left, rng()), a);
      const second = gradVac().combine(inputOf([1, 1, 1], right, rng()), b);
      const expected = [...directionOf(left, first), ...directionOf(right, second)];
      expectNumbers(both.direction, expected, 1e-12);
      [state, a, b] = [both.state, first.state, second.state];
    }
  });

  it("leaves no conflict with rho = 0, as PCGrad", () => {
    const two: Rows = [
      [-4, 1, 1],
      [6, 1, 1],
    ];
    // By hand, PCGrad's weights are 1 + 22/18 and 1 + 22/38.
    const { weights } = gradVac().combine(inputOf([1, 1], two), gradVac().init(2));
    expectNumbers(weights, [1 + 22 / 18, 1 + 22 / 38], 1e-12);
  });

  it("makes gradients as similar as they usually are", () => {
    const two: Rows = [
      [1, 0],
      [0.2, 1],
    ];
    const rho = Float64Array.of(0, 0.6, 0, 0);
    const { weights } = gradVac().combine(inputOf([1, 1], two), { rho });
    // d = g' + g_1, and cos(g', g_1) = 0.6.
    const d = directionOf(two, { weights, state: null });
    const g = [d[0] - 0.2, d[1] - 1];
    expect((g[0] * 0.2 + g[1]) / Math.hypot(...g) / Math.hypot(0.2, 1)).toBeCloseTo(0.6, 12);
  });

  it("stays with equal gradients for hundreds of steps", () => {
    const two: Rows = [
      [0.3, 0.1],
      [0.3, 0.1],
    ];
    const method = gradVac();
    let state = method.init(2);
    for (let t = 0; t < 300; t++) {
      const combination = method.combine(inputOf([1, 1], two), state);
      expectNumbers(combination.weights, [1, 1], 1e-12);
      ({ state } = combination);
    }
  });

  it("rejects blocks that do not add up to the parameters", () => {
    const method = gradVac({ blocks: [1, 1] });
    expect(() => method.combine(inputOf([1, 1, 1], rows), method.init(3))).toThrow(OptionError);
    expect(() => method.combine(inputOf([1, 1, 1], rows), method.init(3))).toThrow("they add up to 2");
  });
});
