import { describe, expect, it } from "vitest";
import { OptionError } from "../../../src/errors.js";
import { booth } from "../../../src/problems/booth.js";
import { mlpRegression } from "../../../src/problems/mlp-regression.js";
import type { Problem } from "../../../src/problems/problem.js";
import { rosenbrock } from "../../../src/problems/rosenbrock.js";
import type { VectorParams } from "../../../src/symmetry/rotation/quadratic-rotation.js";
import { isRefusal } from "../../../src/symmetry/symmetry.js";
import {
  type ReferenceAngleOptions,
  referenceAngleTeleport,
} from "../../../src/teleport/reference/reference-angle.js";
import { descend, measurer, numbers } from "../../problems/support.js";

async function released(
  { loss, start, symmetry }: Problem<VectorParams>,
  options: ReferenceAngleOptions,
  at = start,
) {
  const moved = await referenceAngleTeleport(at, {}, loss, symmetry(), options);
  if (isRefusal(moved)) throw new Error(moved.refused);
  return moved;
}

/** ||grad L||^2 at an angle on the orbit of a point. */
async function onOrbit({ start, symmetry, ...problem }: Problem<VectorParams>) {
  const measure = await measurer({ start, ...problem });
  const group = symmetry();
  return async (angle: number) => {
    const moved = await group.act(start, [{ shape: [1], data: Float64Array.of(angle) }], {});
    if (isRefusal(moved)) throw new Error(moved.refused);
    return { moved, value: (await measure(moved)).gradNormSq };
  };
}

describe("referenceAngleTeleport", () => {
  it("returns the point before the last update: with one step, the random angle itself", async () => {
    const at = await onOrbit(booth());
    expect(await released(booth(), { steps: 1, angle: 1 })).toEqual((await at(1)).moved);
  });

  it("steps along the derivative in the angle, by difference quotients", async () => {
    const at = await onOrbit(booth());
    const h = 1e-5;
    let angle = 1;
    for (let step = 1; step < 10; step++) {
      angle += 1e-3 * (((await at(angle + h)).value - (await at(angle - h)).value) / (2 * h));
    }
    const [x, y] = numbers(await released(booth(), { learningRate: 1e-3, angle: 1 }));
    const expected = numbers((await at(angle)).moved);
    expect(x).toBeCloseTo(expected[0], 5);
    expect(y).toBeCloseTo(expected[1], 5);
  });

  it("draws the angle uniformly in [0, pi) from the seed", async () => {
    const angles: number[] = [];
    for (let seed = 0; seed < 80; seed++) {
      // r(5, -5) = (-12, 0) turns to 12 (cos(pi + theta), sin(pi + theta)).
      const [x, y] = numbers(await released(booth(), { steps: 1, seed }));
      angles.push(Math.atan2(-(2 * x + y - 5), -(x + 2 * y - 7)));
    }
    expect(Math.min(...angles)).toBeGreaterThanOrEqual(0);
    expect(Math.min(...angles)).toBeLessThan(0.2);
    expect(Math.max(...angles)).toBeLessThan(Math.PI);
    expect(Math.max(...angles)).toBeGreaterThan(Math.PI - 0.2);
    expect(await released(booth(), { seed: 3 })).toEqual(await released(booth(), { seed: 3 }));
  });

  // The settings of the paper's experiments.
  it("keeps the loss in the paper's runs on Rosenbrock's and Booth's functions", async () => {
    for (const [problem, rate, steps, isDue, learningRate] of [
      [rosenbrock(), 1e-3, 300, (t: number) => t % 100 === 99, 0.1],
      [booth(), 0.08, 10, (t: number) => t === 4, 1e-3],
    ] as const) {
      const measure = await measurer(problem);
      await descend(problem, rate, steps, async (p, t) => {
        if (!isDue(t)) return p;
        const moved = await released(problem, { learningRate, seed: t }, p);
        const [before, after] = [(await measure(p)).loss, (await measure(moved)).loss];
        expect(Math.abs(after - before)).toBeLessThan(1e-9 * before);
        return moved;
      });
    }
  });

  it("takes one angle and settings in range only", async () => {
    const { start, batch, loss, symmetry } = mlpRegression();
    await expect(referenceAngleTeleport(start, batch, loss, symmetry())).rejects.toThrow(OptionError);
    await expect(released(booth(), { steps: 0 })).rejects.toThrow(OptionError);
    await expect(released(booth(), { angle: Number.NaN })).rejects.toThrow(OptionError);
  });
});
