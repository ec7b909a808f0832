import { describe, expect, it } from "vitest";
import { array } from "../../../src/array.js";
import { NumericalError, OptionError } from "../../../src/errors.js";
import { booth } from "../../../src/problems/booth.js";
import { mlpRegression } from "../../../src/problems/mlp-regression.js";
import { vector } from "../../../src/problems/problem.js";
import { quadratic } from "../../../src/problems/quadratic.js";
import { rosenbrock } from "../../../src/problems/rosenbrock.js";
import { modelDecrease } from "../../../src/teleport/objective/model-decrease.js";
import { bestAngle } from "../../../src/teleport/search/best-angle.js";
import { levelSet } from "../../../src/teleport/search/level-set/level-set.js";
import { atSteps } from "../../../src/teleport/when.js";
import {
  conjugateDirections,
  type DirectionRule,
  lbfgs,
  steepestDescent,
} from "../../../src/train/line-search/directions.js";
import {
  createLineSearchMinimizer,
  minimizeByLineSearch,
} from "../../../src/train/minimize/minimize-by-line-search.js";

const rules: Readonly<Record<string, DirectionRule>> = {
  steepestDescent,
  conjugateDirections,
  lbfgs: lbfgs(),
};

/** diag(1, 10, 100) from (1, 1, 1). */
const stretched = () =>
  quadratic({
    matrix: array(
      [
        [1, 0, 0],
        [0, 10, 0],
        [0, 0, 100],
      ],
      "float64",
    ),
    start: [1, 1, 1],
  });

describe("minimizeByLineSearch", () => {
  it.each(Object.keys(rules))("never raises the loss, and records what it saw, with %s", async (name) => {
    const {
      loss,
      gradNormSq,
      evaluations,
      seconds,
      trajectory = [],
      status,
    } = await minimizeByLineSearch(rosenbrock(), { directions: rules[name], steps: 20, trajectory: true });
    expect(status).toBe("done");
    expect([loss.length, gradNormSq.length, evaluations.length, seconds.length, trajectory.length]).toEqual(
      Array(5).fill(21),
    );
    // Rosenbrock's function and its gradient at (-1, -1), by hand: 400 + 4, (-804, -400).
    expect(loss[0]).toBeCloseTo(404, 10);
    expect(gradNormSq[0]).toBeCloseTo(804 ** 2 + 400 ** 2, 7);
    for (let t = 0; t < 20; t++) {
      expect(loss[t + 1]).toBeLessThan(loss[t]);
      expect(evaluations[t + 1]).toBeGreaterThan(evaluations[t]);
      expect(seconds[t + 1]).toBeGreaterThanOrEqual(seconds[t]);
      const [x, y] = trajectory[t].w.data as Float64Array;
      expect(loss[t]).toBeCloseTo(100 * (x * x - y) ** 2 + (x - 1) ** 2, 9);
    }
  });

  it("starts where a run says, with the numbers of a problem that starts there", async () => {
    const options = { directions: lbfgs(), steps: 6 };
    const minimizer = await createLineSearchMinimizer(rosenbrock(), options);
    const fresh = await minimizeByLineSearch(rosenbrock({ start: [0.5, 2] }), options);
    await minimizer.run();
    expect((await minimizer.run({ start: vector([0.5, 2]) })).loss).toEqual(fresh.loss);
    await expect(minimizer.run({ start: vector([1]) })).rejects.toThrow(/start\.w must have the shape \[2\]/);
    await minimizer.dispose();
  });

  it("follows exact line searches on a quadratic: conjugate gradients end after as many steps as variables", async () => {
    const ends: Record<string, number> = {};
    for (const [name, directions] of Object.entries(rules)) {
      const { loss } = await minimizeByLineSearch(stretched(), { directions, steps: 12 });
      ends[name] = loss.at(-1) ?? Number.NaN;
    }
    // With steps of exact length steepest descent falls by ((kappa - 1) / (kappa + 1))^2 = .96 a step at worst.
    expect(ends.steepestDescent).toBeGreaterThan(1e-4);
    expect(ends.conjugateDirections).toBeLessThan(1e-12);
    expect(ends.lbfgs).toBeLessThan(1e-12);
  });

  it("stalls where nothing is lower, and says so", async () => {
    const { status, loss } = await minimizeByLineSearch(booth(), { directions: lbfgs(), steps: 100 });
    expect(status).toBe("stalled");
    expect(loss.length).toBeLessThan(40);
    expect(loss.at(-1)).toBeLessThan(1e-20);
  });

  it("teleports before the steps of a plan, at the same loss", async () => {
    const problem = booth();
    const { loss, gradNormSq, teleports } = await minimizeByLineSearch(problem, {
      directions: steepestDescent,
      steps: 4,
      teleport: { when: atSteps([1]), search: bestAngle(problem.symmetry()) },
    });
    expect(teleports).toHaveLength(1);
    expect(teleports[0]).toMatchObject({ step: 1, accepted: true });
    // 2 lambda_max L on Booth's level sets.
    expect(gradNormSq[1] / (36 * loss[1])).toBeCloseTo(1, 8);
    expect(teleports[0].lossBefore / loss[1]).toBeCloseTo(1, 10);
    // There -g points at the optimum: one step of exact length ends there.
    expect(loss[2]).toBeLessThan(1e-3 * loss[1]);
  });

  it("takes J as objective of teleports on the regression, with any directions", async () => {
    const problem = mlpRegression({ seed: 3 });
    for (const directions of Object.values(rules)) {
      const { teleports, loss } = await minimizeByLineSearch(problem, {
        directions,
        steps: 12,
        teleport: {
          when: atSteps([3, 6]),
          search: levelSet({ steps: 5 }),
          objective: modelDecrease,
          guard: { curvature: 0 },
        },
      });
      expect(teleports.filter(({ accepted }) => accepted)).toHaveLength(2);
      for (const { objectiveAfter, objectiveBefore } of teleports)
        expect(objectiveAfter).toBeGreaterThan(objectiveBefore);
      expect(loss.at(-1)).toBeLessThan(loss[0]);
    }
  });

  it("takes a tree of float32, and gives one back", async () => {
    const [double, single] = await Promise.all(
      (["float64", "float32"] as const).map((dtype) =>
        minimizeByLineSearch(mlpRegression({ seed: 3, dtype }), { directions: lbfgs(), steps: 5 }),
      ),
    );
    for (const { weight } of single.params.layers) expect(weight.data).toBeInstanceOf(Float32Array);
    single.loss.forEach((loss, t) => {
      expect(loss / double.loss[t]).toBeCloseTo(1, 3);
    });
  });

  it("refuses settings out of range, and a start where the loss is not finite", async () => {
    const run = (options: object) =>
      minimizeByLineSearch(booth(), { directions: steepestDescent, steps: 2, ...options });
    await expect(run({ steps: -1 })).rejects.toThrow(OptionError);
    await expect(run({ firstStep: 0 })).rejects.toThrow(/firstStep must be a finite number > 0; got 0/);
    expect(() => lbfgs({ memory: 0 })).toThrow(OptionError);
    const far = { ...booth(), start: vector([Number.NaN, 0]) };
    await expect(minimizeByLineSearch(far, { directions: lbfgs(), steps: 2 })).rejects.toThrow(
      NumericalError,
    );
  });
});
