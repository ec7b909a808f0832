import { randomCases } from "isoloss-test-support/random-cases";
import { evaluator, randomProblem, relative } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../../src/array.js";
import { OptionError } from "../../../src/errors.js";
import { dot, grad, hvp } from "../../../src/graph/autodiff.js";
import { div, mul } from "../../../src/graph/ops/arithmetic.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { gradNormSq, minimized, type Objective } from "../../../src/teleport/objective/objective.js";
import { type LevelSetOptions, levelSet } from "../../../src/teleport/search/level-set/level-set.js";
import { flatten } from "../../../src/tree.js";
import { at, booth, boothAt, coordinates, everyProposal, problemOf, teleportBy } from "./support.js";

const start = at(3.91226624, -0.06219008);
const boothProblem = problemOf(booth, start, {});
const walkBooth = (options: LevelSetOptions, steps: number, drift?: number) =>
  everyProposal(levelSet(options), boothProblem, steps, drift === undefined ? {} : { drift });

/** The decrease of the quadratic model, ||g||^4 / (2 g'Hg). */
const modelDecrease: Objective = (loss) => (p, b) => {
  const g = grad(loss)(p, b);
  return div(square(dot(g, g)), mul(2, dot(g, hvp(loss)(p, g, b))));
};

describe("levelSet", () => {
  // Mishkin et al. by a plain loop: x + rho h - v g with h = H g / ||g||^2, v = (rho g.h + f - f0) / ||g||^2 and rho = 0.1.
  it("takes the paper's steps on Booth's function with a fixed rho and no way back", async () => {
    const { points } = await walkBooth({ rho: 0.1, lineSearch: false, project: false }, 50);
    const norms = points.map((p) => boothAt(p).gradNormSq);
    expect(norms[0]).toBeCloseTo(75.02955620283186, 5);
    expect(norms[10]).toBeCloseTo(174.4071993, 8);
    expect(norms[20]).toBeCloseTo(268.43994, 5);
    expect(norms[50]).toBeCloseTo(416.27337, 5);
    const { loss } = boothAt(start);
    for (const p of points) expect(Math.abs(boothAt(p).loss - loss)).toBeLessThan(0.035);
  });

  // The maximum on a level set of a convex quadratic is 2 lambda_max L, with lambda_max = 18.
  it("reaches the largest gradient of Booth's level set, and stops there", async () => {
    const { points, stopped } = await walkBooth({ steps: 400 }, 400, 4e-10);
    const end = boothAt(points[points.length - 1]);
    expect(stopped).toMatch(/stationary point of the level set/);
    expect(end.gradNormSq).toBeCloseTo(36 * boothAt(start).loss, 4);
    const [x, y] = coordinates(points[points.length - 1]);
    const nearest = Math.min(
      Math.hypot(x - 0.0014396093, y - 2.0014396093),
      Math.hypot(x - 1.9985603907, y - 3.9985603907),
    );
    expect(nearest).toBeLessThan(1e-3);
    for (const p of points) expect(relative(boothAt(start).loss, boothAt(p).loss)).toBeLessThanOrEqual(1e-10);
  });

  it("gets further by its line search than with a fixed rho", async () => {
    const fixed = await walkBooth({ lineSearch: false }, 10);
    const searched = await walkBooth({}, 10);
    const last = ({ points }: typeof fixed) => boothAt(points[points.length - 1]).gradNormSq;
    expect(last(searched)).toBeGreaterThan(1.2 * last(fixed));
  });

  it("stays near the level set by its merit function where there is no way back", async () => {
    for (const sublevel of [true, false]) {
      const { points } = await walkBooth({ project: false, sublevel }, 30);
      const { loss } = boothAt(start);
      const quantities = points.map(boothAt);
      const excess = quantities.map((f) => (sublevel ? Math.max(f.loss - loss, 0) : Math.abs(f.loss - loss)));
      expect(Math.max(...excess) / loss).toBeLessThan(0.2);
      expect(quantities[quantities.length - 1].gradNormSq).toBeGreaterThan(4 * quantities[0].gradNormSq);
    }
  });

  it("is taken by the guard of a teleport on random networks, at a drift of 1e-10", async () => {
    let accepted = 0;
    const count = randomCases(10);
    for (let seed = 0; seed < count; seed++) {
      const problem = randomProblem(3000 + seed, { activations: ["tanh", "softplus", "elu"] });
      const { params, report } = await teleportBy(levelSet({ steps: 10 }), problem);
      expect(report.drift, problem.label).toBeLessThanOrEqual(1.01e-10);
      expect(report.search).toBe("level set");
      if (report.accepted) {
        accepted++;
        const norm = evaluator(gradNormSq(problem.loss), problem);
        expect(norm(params, problem.batch)).toBeGreaterThan(norm(problem.params, problem.batch));
      }
    }
    expect(accepted).toBeGreaterThanOrEqual(count - 1);
  });

  it("uses a quarter of the guard's drift before the last step, where it makes up little of the gain", async () => {
    let loose = 0;
    for (const seed of [3000, 3001, 3002, 3003]) {
      const random = randomProblem(seed, { activations: ["tanh"] });
      const { loss, params, batch, label } = random;
      const problem = problemOf(loss, params, batch);
      const lossAt = evaluator(loss, random);
      const driftsOf = async (drift: number) => {
        const { points } = await everyProposal(levelSet({ steps: 6 }), problem, 6, { drift });
        return points.map((p) => relative(lossAt(params, batch), lossAt(p, batch)));
      };
      const drifts = await driftsOf(1e-6);
      expect(Math.max(...drifts), label).toBeLessThanOrEqual(2.51e-7);
      // Walks that end early end between two steps.
      if (drifts.length === 7) expect(drifts[6], label).toBeLessThanOrEqual(1.01e-10);
      loose += drifts.filter((drift) => drift > 1.01e-10).length;
      expect(Math.max(...(await driftsOf(4e-9))), label).toBeLessThanOrEqual(1.01e-9);
      expect(Math.max(...(await driftsOf(4e-10))), label).toBeLessThanOrEqual(1.01e-10);
    }
    expect(loose).toBeGreaterThan(4);
  });

  it("does not get past the guard without a way back: the drift is too large", async () => {
    const { report } = await teleportBy(levelSet({ lineSearch: false, project: false }), boothProblem);
    expect(report).toMatchObject({ accepted: false });
    expect(report.reason).toMatch(/the loss drifts/);
  });

  it("raises other objectives, also those below zero", async () => {
    const problem = randomProblem(3003, { activations: ["tanh"] });
    for (const objective of [modelDecrease, minimized(gradNormSq)]) {
      const { report } = await teleportBy(levelSet({ steps: 10 }), problem, objective);
      expect(report.accepted).toBe(true);
      expect(report.objectiveAfter).toBeGreaterThan(
        report.objectiveBefore + 0.05 * Math.abs(report.objectiveBefore),
      );
      expect(report.drift).toBeLessThanOrEqual(1.01e-10);
    }
  });

  it("walks in float32 at float32's drift", async () => {
    const problem = randomProblem(3003, { activations: ["tanh"], dtype: "float32" });
    const { params, report } = await teleportBy(levelSet({ steps: 5 }), problem);
    expect(report).toMatchObject({ accepted: true });
    expect(report.drift).toBeLessThan(1e-4);
    expect(flatten<NdArray>(params, isNdArray).leaves.every(({ data }) => data instanceof Float32Array)).toBe(
      true,
    );
  });

  it("leaves its argument alone", async () => {
    const before = at(...coordinates(start));
    await teleportBy(levelSet({ steps: 3 }), boothProblem);
    expect(start).toEqual(before);
  });

  it("says why it cannot go on: a minimum, a zero objective, numbers that are not finite", async () => {
    const stopAt = async (p: typeof start, objective?: Objective) =>
      (await everyProposal(levelSet(), problemOf(booth, p, {}, objective), 1)).stopped;
    expect(await stopAt(at(1, 3))).toMatch(/gradient of the loss is zero/);
    expect(await stopAt(start, () => () => sum(constant(0, "float64")))).toMatch(/objective is zero/);
    expect(await stopAt(at(1e200, 0))).toMatch(/not finite/);
  });

  it.each<LevelSetOptions>([
    { steps: -1 },
    { rho: 0 },
    { tolerance: 0 },
    { lineSearch: 1 as never },
    { gamma: 1 } as never,
  ])("refuses %j", (options) => {
    expect(() => levelSet(options)).toThrow(OptionError);
  });
});
