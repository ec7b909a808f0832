import { minimize } from "isoloss";
import { gd, optimizers } from "isoloss/optim";
import { booth, problems } from "isoloss/problems";
import { atSteps, bestAngle, objectives, orbitSearches, searches } from "isoloss/teleport";
import { gridOf, themeOf } from "isoloss-figures/base";
import { beforeAll, describe, expect, it } from "vitest";
import { levelsOfGrid, pictureOf } from "../../src/charts/levels.js";
import { dataCsv } from "../../src/export/csv.js";
import type { Course, Missing } from "../../src/screens/landscape/course.js";
import { createRuns, meanGain, type Runs } from "../../src/screens/landscape/runs.js";
import {
  defaultState,
  functionNames,
  type MethodName,
  objectiveNames,
  optimizerNames,
  searchNames,
} from "../../src/screens/landscape/state.js";
import { summaryOf } from "../../src/screens/landscape/summary.js";
import { createSurface } from "../../src/screens/landscape/surface.js";

const boothLoss = (x: number, y: number) => (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2;

describe("the landscape screen's worker", () => {
  let runs: Runs;
  beforeAll(() => {
    runs = createRuns();
  });
  const course = async (state: Parameters<Runs["run"]>[0], method: MethodName) =>
    (await runs.run(state, method)) as Course;

  it("offers what the library has, by its names", () => {
    for (const name of optimizerNames) expect(Object.keys(optimizers)).toContain(name);
    for (const name of searchNames) expect({ ...searches, ...orbitSearches }).toHaveProperty(name);
    for (const name of objectiveNames) expect(Object.keys(objectives)).toContain(name);
    for (const name of functionNames) expect(Object.keys(problems)).toContain(name);
  });

  it("runs what `minimize` runs, wherever it was compiled", async () => {
    const state = { ...defaultState("booth"), x: [0.2, 1.5] } as const;
    await course({ ...state, x: [1, 1] }, "teleported");
    const problem = booth({ start: state.x });
    const teleport = { when: atSteps([4]), search: bestAngle(problem.symmetry()) };
    const run = await minimize(problem, { optimizer: gd(), learningRate: 0.08, steps: 10, teleport });
    const shown = await course(state, "teleported");
    expect(Array.from(shown.loss)).toEqual(run.loss);
    expect(shown.teleports.map(({ step }) => step)).toEqual([4]);
  });

  it("jumps on Booth's function to where ten steps lead to 9.45e-4", async () => {
    const state = defaultState("booth");
    const shown = await course(state, "teleported");
    expect(shown.loss.at(-1)?.toPrecision(3)).toBe("0.000945");
    const [{ step, from, to }] = shown.jumps;
    expect(step).toBe(4);
    expect(boothLoss(...to) / boothLoss(...from)).toBeCloseTo(1, 10);
    const row = summaryOf(shown, await course(state, "plain"));
    expect(row).toMatchObject({ loss: "9.450e-4", teleports: "1 of 1", note: "" });
    expect(Number(row.steps)).toBeLessThan(10);
  });

  it("raises the rate by the root of the teleports' mean gain", async () => {
    const state = { ...defaultState("booth"), lr: 0.03, n: 40 };
    const teleported = await course(state, "teleported");
    const [{ gradNormSqBefore, gradNormSqAfter }] = teleported.teleports;
    const { rate } = await course(state, "rate");
    expect(rate).toBeCloseTo(0.03 * Math.sqrt(gradNormSqAfter / gradNormSqBefore), 14);
    expect(rate).toBeCloseTo(0.03 * Math.sqrt(meanGain(teleported) as number), 14);
    // A circle: every point of a level has the same gradient.
    const round = { ...defaultState("quadratic"), cond: 1 };
    expect((await course(round, "teleported")).teleports[0].accepted).toBe(false);
    expect((await runs.run(round, "rate")) as Missing).toEqual({
      method: "rate",
      missing: "No teleport was accepted: there is no gain to match.",
    });
    const never = { ...state, tp: { kind: "off" } as const };
    for (const method of ["teleported", "random", "rate"] as const) {
      expect(summaryOf(await runs.run(never, method), undefined).note).toBe(
        "There are no teleports: choose when.",
      );
    }
  });

  it("tells of runs that diverge, and of line searches that end", async () => {
    const fast = await course({ ...defaultState("booth"), lr: 5, n: 500, tp: { kind: "off" } }, "plain");
    expect(fast.status).toBe("diverged");
    expect(summaryOf(fast, undefined).note).toMatch(/^diverged at step \d+: a smaller rate may help$/);
    const quick = await course({ ...defaultState("booth"), n: 60 }, "lbfgs");
    expect(quick.loss.at(-1)).toBeLessThan(1e-20);
    expect(summaryOf(quick, quick).note).toMatch(/\d+ evaluations$/);
  });

  it("puts all points of an orbit on the level of its start", async () => {
    const surface = createSurface();
    for (const [x, y] of [
      [5, -5],
      [0, 0],
    ]) {
      // biome-ignore format: one line
      const orbit = await surface.orbit({ f: "booth", cond: 10 }, [x, y]);
      orbit.x.forEach((value, k) => {
        expect(boothLoss(value, orbit.y[k]) / boothLoss(x, y)).toBeCloseTo(1, 10);
        expect(orbit.gradNormSq[k]).toBeLessThanOrEqual(orbit.gradNormSq[orbit.best]);
        // The Hessian of Booth's function is [[10, 8], [8, 10]] everywhere.
        expect(orbit.lambdaMax[k]).toBeCloseTo(18, 12);
      });
      expect([orbit.x[0], orbit.y[0]]).toEqual([expect.closeTo(x, 12), expect.closeTo(y, 12)]);
    }
    expect(
      Array.from(await surface.valuesAt({ f: "booth", cond: 10 }, Float64Array.of(1, 3, 5, -5))),
    ).toEqual([0, 144]);
  });

  it("paints levels from the lowest color up, the top row first", () => {
    const grid = gridOf((_, y) => y, { x: [0, 1], y: [0, 1], n: 21 });
    const levels = levelsOfGrid(grid, "light", 0);
    const { pixels } = pictureOf(grid, levels, { width: 8, height: 40, ink: themeOf("light").ink });
    const color = (row: number) =>
      `#${[0, 1, 2].map((c) => pixels[4 * 8 * row + 12 + c].toString(16).padStart(2, "0")).join("")}`;
    expect(color(39)).toBe(levels.colors[0]);
    expect(color(0)).toBe(levels.colors.at(-1));
    expect(pixels.filter((_, i) => i % 4 === 3).every((alpha) => alpha === 255)).toBe(true);
  });

  it("has all points in its table", async () => {
    const text = dataCsv([await course({ ...defaultState("booth"), n: 2 }, "plain")]);
    const [head, first, ...rest] = text.trimEnd().split("\n");
    expect(head).toBe("variant,step,seconds,loss,gradNormSq,x,y");
    expect(first).toMatch(/^plain,0,[\d.e-]+,144,[\d.]+,5,-5$/);
    expect(rest).toHaveLength(2);
  });
});
