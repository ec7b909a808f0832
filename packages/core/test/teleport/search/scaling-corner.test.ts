import { describe, expect, it } from "vitest";
import type { NdArray } from "../../../src/array.js";
import { OptionError } from "../../../src/errors.js";
import type { MlpParams } from "../../../src/nn/models/mlp.js";
import { mlpRegression } from "../../../src/problems/mlp-regression.js";
import type { Problem } from "../../../src/problems/problem.js";
import { positiveScaling } from "../../../src/symmetry/positive-scaling.js";
import { isRefusal } from "../../../src/symmetry/symmetry.js";
import { gradientAscent } from "../../../src/teleport/search/gradient-ascent.js";
import { scalingCorner } from "../../../src/teleport/search/scaling-corner.js";
import type { SearchFactory } from "../../../src/teleport/search/search.js";
import { createTeleporter } from "../../../src/teleport/teleporter.js";
import { measurer } from "../../problems/support.js";

const activation = { activation: "leakyRelu" };

async function teleport({ loss, start, batch }: Problem<MlpParams>, search: SearchFactory<MlpParams>) {
  const teleporter = await createTeleporter({ search, loss, params: start, batch, guard: { curvature: 0 } });
  const result = await teleporter.teleport(start, batch);
  await teleporter.dispose();
  return result;
}

/** ||grad L||^2 at every corner of the box |T_i| <= b. */
async function corners(problem: Problem<MlpParams>, bound: number): Promise<number[]> {
  const symmetry = positiveScaling(problem.start, activation);
  const measure = await measurer(problem);
  const count = symmetry.algebra.reduce((sum, [n]) => sum + n, 0);
  const values: number[] = [];
  for (let bits = 0; bits < 2 ** count; bits++) {
    let unit = 0;
    const T = symmetry.algebra.map(([n]) => ({
      shape: [n],
      data: Float64Array.from({ length: n }, () => ((bits >> unit++) & 1 ? bound : -bound)),
    }));
    const moved = await symmetry.act(problem.start, T, problem.batch);
    if (isRefusal(moved)) throw new Error(moved.refused);
    values.push((await measure(moved)).gradNormSq);
  }
  return values;
}

describe("scalingCorner", () => {
  it("finds the best of all corners of a network with one hidden layer, at the same loss", async () => {
    for (const seed of [0, 12345, 49380]) {
      const problem = mlpRegression({ seed, sizes: [5, 6, 8] });
      const search = scalingCorner(positiveScaling(problem.start, activation), { bound: 0.3, sweeps: 0 });
      const { report } = await teleport(problem, search);
      expect(report.accepted).toBe(true);
      expect(report.drift).toBeLessThan(1e-13);
      expect(report.gradNormSqAfter / Math.max(...(await corners(problem, 0.3)))).toBeCloseTo(1, 12);
    }
  });

  it("finds the best of all corners of the regression's two hidden layers", async () => {
    for (const seed of [0, 12345, 49380]) {
      const problem = mlpRegression({ seed, sizes: [4, 5, 4, 3] });
      const { report } = await teleport(problem, scalingCorner(positiveScaling(problem.start, activation)));
      expect(report.accepted).toBe(true);
      expect(report.gradNormSqAfter / Math.max(...(await corners(problem, 0.3)))).toBeCloseTo(1, 12);
    }
  });

  it("gets at least as far as gradient ascent within the same bound", async () => {
    const problem = mlpRegression();
    const symmetry = positiveScaling(problem.start, activation);
    const corner = await teleport(problem, scalingCorner(symmetry));
    const ascent = await teleport(problem, gradientAscent(symmetry, { steps: 50 }));
    expect(corner.report.gradNormSqAfter).toBeGreaterThanOrEqual(ascent.report.gradNormSqAfter * (1 - 1e-12));
  });

  it("pushes the gradient forward to the gradient at the corner", async () => {
    const problem = mlpRegression();
    const { params, pushForward } = await teleport(
      problem,
      scalingCorner(positiveScaling(problem.start, activation)),
    );
    const measure = await measurer(problem);
    const pushed = await pushForward?.((await measure(problem.start)).gradient, 1);
    if (pushed === undefined || isRefusal(pushed)) throw new Error("no push-forward");
    const flat = ({ layers }: MlpParams) =>
      layers.flatMap(({ weight }: { weight: NdArray }) => Array.from(weight.data as Float64Array));
    const there = flat((await measure(params)).gradient);
    flat(pushed).forEach((v, i) => {
      expect(Math.abs(v - there[i])).toBeLessThan(1e-10 * Math.hypot(...there));
    });
  });

  it("takes element-wise scalings and settings in range only", () => {
    const { start, symmetry } = mlpRegression();
    expect(() => scalingCorner(symmetry())).toThrow(/bounded by its norm/);
    expect(() => scalingCorner(positiveScaling(start, activation), { bound: 0 })).toThrow(OptionError);
    expect(() => scalingCorner(positiveScaling(start, activation), { sweeps: -1 })).toThrow(OptionError);
  });
});
