import fc from "fast-check";
import { randomCases, sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { array, isNdArray, type NdArray } from "../../../src/array.js";
import { NumericalError, OptionError } from "../../../src/errors.js";
import { add, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { abs, sqrt, square } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import { booth } from "../../../src/problems/booth.js";
import { vector } from "../../../src/problems/problem.js";
import { quadratic } from "../../../src/problems/quadratic.js";
import { jit } from "../../../src/runtime/jit.js";
import { quadraticRotation, type VectorParams } from "../../../src/symmetry/rotation/quadratic-rotation.js";
import { type ResidualMap, residualRotation } from "../../../src/symmetry/rotation/residual-rotation.js";
import { isRefusal } from "../../../src/symmetry/symmetry.js";
import { measurer, numbers } from "../../problems/support.js";
import {
  difference,
  element,
  expectSameLosses,
  hundredsByName,
  point,
  rows,
  unwrap,
} from "./rotations-support.js";

type Run = (params: VectorParams, T: readonly NdArray[]) => Promise<VectorParams>;

const seeds = fc.integer({ min: 0, max: 1e6 });

const sizes = fc.double({ min: 1e-6, max: 3, noNaN: true });

describe.each(sampledRows(rows).map((p) => [`${p.name} of ${p.start.w.shape[0]}`, p] as const))(
  "rotations of %s",
  (_, problem) => {
    const symmetry = problem.symmetry();
    const batch = problem.batch;
    const act = async (p: VectorParams, T: readonly NdArray[]) => unwrap(await symmetry.act(p, T, batch));

    it("keep the loss at random points", async () => {
      const measure = await measurer(problem);
      await fc.assert(
        fc.asyncProperty(seeds, sizes, async (seed, norm) => {
          const p = point(problem, seed);
          const moved = await act(p, element(symmetry, seed, norm));
          const [before, after] = [(await measure(p)).loss, (await measure(moved)).loss];
          expect(Math.abs(after - before)).toBeLessThan(1e-10 * before);
        }),
      );
    });

    it("move the point, keep it at T = 0, and leave the argument alone", async () => {
      const p = point(problem, 3);
      expect(difference(p, await act(p, element(symmetry, 3, 1)))).toBeGreaterThan(1e-2);
      expect(difference(p, await act(p, element(symmetry, 3, 0)))).toBeLessThan(1e-12);
      expect(p).toEqual(point(problem, 3));
    });

    it("compose and invert as a group", async () => {
      await fc.assert(
        fc.asyncProperty(seeds, sizes, sizes, async (seed, a, b) => {
          const p = point(problem, seed);
          const [first, second] = [element(symmetry, seed, a), element(symmetry, seed + 1, b)];
          const both = symmetry.compose?.(second, first) ?? [];
          const back = symmetry.inverse?.(first) ?? [];
          const stepwise = await act(await act(p, first), second);
          expect(difference(stepwise, await act(p, both))).toBeLessThan(1e-7);
          expect(difference(p, await act(await act(p, first), back))).toBeLessThan(1e-8);
        }),
        { numRuns: randomCases(50) },
      );
    });

    it("have the derivative at the identity that difference quotients of the action give", async () => {
      const f = (p: TensorsOf<VectorParams>, T: readonly Tensor[]) => symmetry.derivative(p, T, {}, []);
      const T0 = element(symmetry, 0, 1);
      const run = (await jit(f, [problem.start, T0])) as never as Run;
      for (let seed = 0; seed < randomCases(10); seed++) {
        const [p, T] = [point(problem, seed), element(symmetry, seed, 1)];
        const h = 1e-6;
        const [up, down] = [
          numbers(await act(p, element(symmetry, seed, h))),
          numbers(await act(p, element(symmetry, seed, -h))),
        ];
        const quotient = vector(up.map((v, i) => (v - down[i]) / (2 * h)));
        const tangent = await run(p, T);
        expect(difference(quotient, tangent), `seed ${seed}`).toBeLessThan(1e-7);
      }
    });

    it("push the gradient forward to the gradient at the new point, and squares through the squared Jacobian", async () => {
      const measure = await measurer(problem);
      for (let seed = 0; seed < randomCases(10); seed++) {
        const p = point(problem, seed);
        const T = element(symmetry, seed, 0.3 * (seed + 1));
        const { gradient } = await measure(p);
        const there = (await measure(await act(p, T))).gradient;
        const pushed = unwrap(await symmetry.pushForward?.(gradient, T, 1, p, batch));
        expect(difference(there, pushed as VectorParams), `seed ${seed}`).toBeLessThan(1e-8);
      }
      // Of e_j, the squared Jacobian makes the squares of what the Jacobian makes.
      const [p, T] = [point(problem, 1), element(symmetry, 1, 1)];
      const unit = vector(numbers(p).map((_, i) => (i === 1 ? 1 : 0)));
      const once = numbers(unwrap(await symmetry.pushForward?.(unit, T, 1, p, batch)) as VectorParams);
      const squares = unwrap(await symmetry.pushForward?.(unit, T, 2, p, batch)) as VectorParams;
      expect(difference(vector(once.map((v) => v * v)), squares)).toBeLessThan(1e-12);
    });

    it("are traced as they act, and not at all far beyond a whole turn", async () => {
      const trace = symmetry.trace as NonNullable<typeof symmetry.trace>;
      const f = (p: TensorsOf<VectorParams>, T: readonly Tensor[]) => trace(p, T, {});
      const run = (await jit(f, [problem.start, element(symmetry, 0, 1)])) as never as Run;
      for (let seed = 0; seed < randomCases(10); seed++) {
        const [p, T] = [point(problem, seed), element(symmetry, seed, seed)];
        expect(difference(await act(p, T), await run(p, T))).toBeLessThan(1e-12);
      }
      if (problem.start.w.shape[0] === 2) return;
      const still = point(problem, 3);
      expect(await run(still, element(symmetry, 3, 0))).toEqual(still);
      expect(await symmetry.act(still, element(symmetry, 3, 2000), batch)).toEqual({
        refused: expect.stringContaining("rotations are computed up to a norm of T of 1000"),
      });
      expect(numbers(await run(still, element(symmetry, 3, 2000))).every(Number.isNaN)).toBe(true);
    });

    it("keep float32 parameters in float32", async () => {
      const single = { w: { shape: problem.start.w.shape, data: Float32Array.from(numbers(problem.start)) } };
      const moved = await act(single, element(symmetry, 1, 1));
      expect(isNdArray(moved.w) && moved.w.data).toBeInstanceOf(Float32Array);
    });

    it("act everywhere, for there is no data", () => {
      expect(symmetry.exact).toBe("everywhere");
      expect(symmetry.bound).toEqual({ kind: "norm", value: Math.PI });
    });
  },
);

expectSameLosses(hundredsByName.slice(0, 1));

describe("quadraticRotation", () => {
  it("turns (1, 0) to (0, 1 / sqrt(10)) on 1/2 (x^2 + 10 y^2) by a right angle, by hand", async () => {
    const T = [{ shape: [1], data: Float64Array.of(Math.PI / 2) }];
    const moved = unwrap(
      await quadratic()
        .symmetry()
        .act(vector([1, 0]), T, {}),
    );
    expect(numbers(moved)[0]).toBeCloseTo(0, 15);
    expect(numbers(moved)[1]).toBeCloseTo(1 / Math.sqrt(10), 15);
  });

  it("takes symmetric, positive definite matrices of two rows or more", () => {
    const of = (...rowsOf: number[][]) => quadraticRotation(array(rowsOf, "float64"));
    expect(() => of([1])).toThrow(OptionError);
    expect(() => of([1, 0, 0], [0, 1, 0])).toThrow(OptionError);
    expect(() => of([1, 0], [0, 0])).toThrow(/positive definite/);
    expect(() => of([1, 2], [0, 1])).toThrow(NumericalError);
  });
});

describe("residualRotation", () => {
  const params = vector([1, 2]);
  const map = booth().residuals as ResidualMap<VectorParams>;

  it("turns Booth's residuals by a right angle to their negative opposites, by hand", async () => {
    // r(5, -5) = (-12, 0), turned (0, -12): x = -8 + 1 = -7, y = 4 + 3 = 7.
    const T = [{ shape: [1], data: Float64Array.of(Math.PI / 2) }];
    const moved = unwrap(await booth().symmetry().act(booth().start, T, {}));
    expect(numbers(moved)[0]).toBeCloseTo(-7, 14);
    expect(numbers(moved)[1]).toBeCloseTo(7, 14);
  });

  it("refuses, with the tolerance, where the inverse does not invert", async () => {
    const wrong: ResidualMap<VectorParams> = {
      ...map,
      inverse: (u, b) => ({ w: add(map.inverse(u, b).w, 0.01) }),
    };
    const T = [{ shape: [1], data: Float64Array.of(0.1) }];
    const symmetry = residualRotation(wrong, { params, batch: {} });
    expect(await symmetry.act(params, T, {})).toEqual({
      refused: expect.stringMatching(/inverse\(residuals\(w\)\) is not w, .* to 1e-8 of their size/),
    });
  });

  it("refuses where the rotated residuals are out of the map's range", async () => {
    // u = w^2 has the inverse sqrt(u) for positive w only; a right angle makes one u negative.
    const squares: ResidualMap<VectorParams> = {
      residuals: ({ w }) => square(w),
      inverse: (u) => ({ w: sqrt(u) }),
    };
    const symmetry = residualRotation(squares, { params, batch: {} });
    const T = (angle: number) => [{ shape: [1], data: Float64Array.of(angle) }];
    expect(await symmetry.act(params, T(0.1), {})).not.toHaveProperty("refused");
    expect(await symmetry.act(params, T(2), {})).toEqual({ refused: expect.stringMatching(/is not u/) });
    expect(await symmetry.act(vector([-1, 2]), T(0.1), {})).toEqual({
      refused: expect.stringMatching(/is not w/),
    });
  });

  it("is not finite as a traced action where the action is refused, though the inverse is", async () => {
    // sqrt |u| has the loss of a negative residual u, and is another point.
    const folded: ResidualMap<VectorParams> = {
      residuals: ({ w }) => square(w),
      inverse: (u) => ({ w: sqrt(abs(u)) }),
    };
    const symmetry = residualRotation(folded, { params, batch: {} });
    const types = [params, array([0], "float64")] as const;
    const traced = await jit((p, T) => symmetry.trace?.(p, [T], {}) as typeof p, types);
    for (const [w, angle, isRefused] of [
      [[1, 2], 0.1, false],
      [[1, 2], 2, true],
      [[-1, 2], 0.1, true],
    ] as const) {
      const T = array([angle], "float64");
      expect(isRefusal(await symmetry.act(vector([...w]), [T], {}))).toBe(isRefused);
      expect(numbers((await traced(vector([...w]), T)) as VectorParams).some(Number.isNaN)).toBe(isRefused);
    }
    await traced.dispose();
    await symmetry.dispose?.();
  });

  it("checks the inverse of float32 parameters to the precision of float64, in which it moves them", async () => {
    const nearly: ResidualMap<VectorParams> = {
      ...map,
      inverse: (u, b) => ({ w: mul(1 + 1e-5, map.inverse(u, b).w) }),
    };
    const single = { w: { shape: [2], data: Float32Array.of(1, 2) } };
    const symmetry = residualRotation(nearly, { params: single, batch: {} });
    const T = array([0.1], "float64");
    expect(await symmetry.act(single, [T], {})).toHaveProperty("refused");
    const types = [single, array([0], "float32")] as const;
    const traced = await jit((p, t) => symmetry.trace?.(p, [t], {}) as typeof p, types);
    const to = (await traced(single, array([0.1], "float32"))) as VectorParams;
    expect(numbers(to).every(Number.isFinite)).toBe(true);
    await traced.dispose();
    await symmetry.dispose?.();
  });

  it("is exact on the batch where residuals see data", async () => {
    const shifted: ResidualMap<VectorParams> = {
      residuals: ({ w }, { x }) => sub(w, x),
      inverse: (u, { x }) => ({ w: add(u, x) }),
    };
    const batch = { x: array([1, 1], "float64") };
    const symmetry = residualRotation(shifted, { params, batch });
    expect(symmetry.exact).toBe("batch");
    const moved = unwrap(
      await symmetry.act(params, [{ shape: [1], data: Float64Array.of(Math.PI / 2) }], batch),
    );
    // (0, 1) around (1, 1) turns to (-1, 0).
    expect(numbers(moved)[0]).toBeCloseTo(0, 15);
    expect(numbers(moved)[1]).toBeCloseTo(1, 15);
    await symmetry.dispose?.();
  });

  it("takes as many residuals as parameters, and an inverse that returns a tree like them", () => {
    const make = (changed: Partial<ResidualMap<VectorParams>>) =>
      residualRotation({ ...map, ...changed }, { params, batch: {} });
    expect(() => make({ residuals: ({ w }) => sum(w) })).toThrow(
      /got 2 parameters and residuals of shape \[\]/,
    );
    expect(() => make({ inverse: (u) => ({ v: u }) as never })).toThrow(
      /like the parameters: w \[2\]; got v \[2\]/,
    );
    expect(() => residualRotation(map, { params: vector([1]), batch: {} })).toThrow();
  });
});
