import { minimize } from "isoloss";
import { gd, optimizers } from "isoloss/optim";
import { booth, problems } from "isoloss/problems";
import { atSteps, bestAngle, objectives, orbitSearches, searches } from "isoloss/teleport";
import { svgText } from "isoloss-figures";
import { formatValue, gridOf, themeOf } from "isoloss-figures/base";
import { beforeAll, describe, expect, it } from "vitest";
import { objectiveNames, optimizerNames } from "../../src/app/choices.js";
import { levelsOfGrid, pictureOf } from "../../src/charts/levels.js";
import { noGroup } from "../../src/formula/affine.js";
import { handReading } from "../../src/screens/landscape/chart-data.js";
import { type Course, jumpsOf, type Missing } from "../../src/screens/landscape/course.js";
import { dataCsv } from "../../src/screens/landscape/export.js";
import { curvesFigure, planeFigure } from "../../src/screens/landscape/figures.js";
import { handOf, placesOf, stepped } from "../../src/screens/landscape/hand.js";
import { nowhereFinite } from "../../src/screens/landscape/nowhere.js";
import { createRuns, meanGain, quantilesOf, type Runs } from "../../src/screens/landscape/runs.js";
import {
  defaultState,
  functionNames,
  type LandscapeState,
  type MethodName,
  searchNames,
  viewOf,
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
    for (const name of functionNames.filter((f) => f !== "own"))
      expect(Object.keys(problems)).toContain(name);
  });

  it("runs what `minimize` runs, wherever it was compiled", async () => {
    const state = { ...defaultState("booth"), x: [0.2, 1.5] } as const;
    await course({ ...state, x: [1, 1] }, "teleported");
    const problem = booth({ start: state.x });
    const teleport = { when: atSteps([4]), search: bestAngle(problem.symmetry()) };
    const run = await minimize(problem, { optimizer: gd(), learningRate: 0.08, steps: 10, teleport });
    const shown = await course(state, "teleported");
    expect(Array.from(shown.loss)).toEqual(run.loss);
    expect(Array.from(shown.teleports.step)).toEqual([4]);
  });

  it("times warm runs in turns, with quartiles, and refused attempts apart", async () => {
    const own = createRuns();
    const state = { ...defaultState("quadratic"), cond: 1 };
    const first = (await own.run(state, "teleported")) as Course;
    const told = [true, false].map((isGoingOn) => summaryOf(first, undefined, isGoingOn).seconds);
    expect([first.times.runs, ...told]).toEqual([0, "measuring", "not timed"]);
    const [timed] = await own.timed(state, [first]);
    expect(timed.times.runs).toBeGreaterThan(0);
    expect(timed.loss).toEqual(first.loss);
    const { low, high } = timed.times as Required<Course["times"]>;
    timed.seconds.forEach((value, t) => {
      expect([low[t] <= value, value <= high[t]]).toEqual([true, true]);
    });
    expect(summaryOf(timed, undefined)).toMatchObject({
      refused: expect.stringMatching(/ m?s$/),
      teleports: "0 of 1",
    });
    expect(((await own.run(state, "teleported")) as Course).times).toEqual({ runs: 1 });
    const lists = [Float64Array.of(1, 5), Float64Array.of(3, 4), Float64Array.of(2, 6)];
    expect(Array.from(quantilesOf(lists, 0.5))).toEqual([2, 5]);
  });

  it("times again what took long while it was compiled, and has the times so far of what is stopped", async () => {
    const state = defaultState("booth");
    const cold = { method: "lbfgs", seconds: Float64Array.of(9), times: { runs: 0 } } as const;
    const own = createRuns();
    await own.run(state, "lbfgs");
    let looks = 0;
    const stopped = { isStopped: async () => ++looks > 2, send: async () => {} };
    const timed = await own.timed(state, [cold], stopped);
    expect(timed.map(({ times }) => times.runs)).toEqual([2]);
    expect(await own.timed(state, [{ ...cold, times: { runs: 1 } }])).toEqual([]);
  });

  it("jumps on Booth's function to where ten steps lead to 9.45e-4", async () => {
    const state = defaultState("booth");
    const shown = await course(state, "teleported");
    expect(shown.loss.at(-1)?.toPrecision(3)).toBe("0.000945");
    const { step, fromX, fromY, toX, toY } = shown.jumps;
    expect(Array.from(step)).toEqual([4]);
    expect(boothLoss(toX[0], toY[0]) / boothLoss(fromX[0], fromY[0])).toBeCloseTo(1, 10);
    const row = summaryOf(shown, await course(state, "plain"));
    expect(row).toMatchObject({ loss: "9.450e-4", teleports: "1 of 1", note: "" });
    expect(Number(row.steps)).toBeLessThan(10);
  });

  it("raises the rate by the root of the teleports' mean gain", async () => {
    const state = { ...defaultState("booth"), lr: 0.03, n: 40 };
    const teleported = await course(state, "teleported");
    const { gradNormSqBefore, gradNormSqAfter } = teleported.teleports;
    const { rate } = await course(state, "rate");
    expect(rate).toBeCloseTo(0.03 * Math.sqrt(gradNormSqAfter[0] / gradNormSqBefore[0]), 14);
    expect(rate).toBeCloseTo(0.03 * Math.sqrt(meanGain(teleported) as number), 14);
    // A circle: every point of a level has the same gradient.
    const round = { ...defaultState("quadratic"), cond: 1 };
    expect((await course(round, "teleported")).teleports.accepted[0]).toBe(0);
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

  it("makes no rate of the gain of a run that was stopped", async () => {
    const state = { ...defaultState("rosenbrock"), n: 300 };
    const stopped = { isStopped: async () => true, send: async () => {} };
    const [own, fresh] = [createRuns(), createRuns()];
    await own.run(state, "rate", stopped);
    const [after, expected] = [await own.run(state, "rate"), await fresh.run(state, "rate")];
    expect((expected as Course).rate).toBeGreaterThan(state.lr);
    expect((after as Course).rate).toBe((expected as Course).rate);
  });

  it("tells of a start without a finite loss", async () => {
    const start = { ...defaultState("own"), r1: "log(x)" };
    expect(summaryOf(await course(start, "plain"), undefined).note).toBe(
      "the loss or its gradient is not finite at the start",
    );
    const orbit = await createSurface().orbit(start, start.x);
    expect(handReading({ orbit, state: start })).toMatchObject({ kept: "not finite", gain: "–" });
  });

  it("says in the words of the page which formulas are finite nowhere", () => {
    const points = Float64Array.of(-1, -1, 0, 0, 1, 1);
    const why = (r1: string, r2: string) => nowhereFinite({ r1, r2 }, points);
    const rest = "or the half width of the plane.";
    expect(why("sqrt(-1)", "y")).toBe(
      `There are no levels to draw. The square of r₁ = sqrt(-1) is not finite anywhere in view. Change r₁, ${rest}`,
    );
    expect(why("x", "log(y-2)")).toContain(
      "The square of r₂ = log(y-2) is not finite anywhere in view. Change r₂,",
    );
    expect(why("exp(400)", "sqrt(-1)")).toContain(
      "Neither the square of r₁ = exp(400) nor that of r₂ = sqrt(-1) is finite",
    );
    expect(why("sqrt(x-1)", "sqrt(-y)")).toContain("their squares have no sum in view. Change one of them,");
  });

  it("gives no gain where the gradient at the start is 0", async () => {
    const state = { ...defaultState("booth"), x: [1, 3] } as const;
    const orbit = await createSurface().orbit(state, state.x);
    expect(handReading({ orbit, state })).toMatchObject({ kept: "kept exactly", gain: "–" });
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
      const orbit = await surface.orbit(defaultState("booth"), [x, y]);
      orbit.x.forEach((value, k) => {
        expect(boothLoss(value, orbit.y[k]) / boothLoss(x, y)).toBeCloseTo(1, 10);
        expect(orbit.gradNormSq[k]).toBeLessThanOrEqual(orbit.gradNormSq[orbit.best]);
        // The Hessian of Booth's function is [[10, 8], [8, 10]] everywhere.
        expect(orbit.lambdaMax[k]).toBeCloseTo(18, 12);
      });
      expect([orbit.x[0], orbit.y[0]]).toEqual([expect.closeTo(x, 12), expect.closeTo(y, 12)]);
    }
    expect(Array.from(await surface.valuesAt(defaultState("booth"), Float64Array.of(1, 3, 5, -5)))).toEqual([
      0, 144,
    ]);
  });

  it("follows level sets without a group once around, and to both sides where they do not close", async () => {
    const surface = createSurface();
    const himmelblau = (x: number, y: number) => (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2;
    const closed = await surface.orbit(defaultState("own"), [-1, 0]);
    expect(closed.isGroup).toBe(false);
    const last = closed.x.length - 1;
    expect([closed.x[0], closed.y[0], closed.x[last], closed.y[last]]).toEqual([-1, 0, -1, 0]);
    expect(
      closed.x.every((x, k) => Math.abs(himmelblau(x, closed.y[k]) / himmelblau(-1, 0) - 1) < 1e-12),
    ).toBe(true);
    // Steps of a point to the next: none jumps across the valley.
    for (let k = 1; k <= last; k++) {
      const step = Math.hypot(closed.x[k] - closed.x[k - 1], closed.y[k] - closed.y[k - 1]);
      expect(step).toBeLessThan(1.5 * (12 / 300));
      expect(closed.t[k] - closed.t[k - 1]).toBeCloseTo(step, 12);
    }
    // The circle x^2 + y^2 = 25, whose length is 10 pi, as the square of another function.
    const circle = { ...defaultState("own"), r1: "x^2 + y^2", r2: "0" };
    const around = await surface.orbit(circle, [3, 4]);
    expect(around.t.at(-1)).toBeCloseTo(10 * Math.PI, 2);
    // x y = 2, whose branch does not close.
    const { x, y, t } = await surface.orbit({ ...circle, r1: "x*y" }, [1, 2]);
    expect(x.every((value, k) => Math.abs(value * y[k] - 2) < 1e-10)).toBe(true);
    expect([t[0] < -5, (t.at(-1) as number) > 5, Math.min(...x) < 0.2, Math.max(...x) > 10]).toEqual(
      Array(4).fill(true),
    );
    // At a stationary point there is nowhere to go.
    expect((await surface.orbit(circle, [0, 0])).t).toHaveLength(1);
  });

  it("descends on an own function, by hand from a point of the same level, too", async () => {
    const state = { ...defaultState("own"), with: ["plain", "teleported", "hand"] as const };
    const [plain, teleported] = [await course(state, "plain"), await course(state, "teleported")];
    expect(plain.loss[0]).toBe(10 ** 2 + 8 ** 2);
    expect([teleported.teleports.step[0], teleported.teleports.accepted[0]]).toEqual([5, 1]);
    expect(teleported.teleports.drift[0]).toBeLessThan(1e-8);
    const hand = { from: [-1, 0], to: [3, 1] } as const;
    const byHand = (await runs.run(state, "hand", undefined, hand)) as Course;
    expect(byHand.jumps).toEqual(jumpsOf([{ step: 0, ...hand }]));
    expect(Array.from(byHand.loss)).toEqual(
      Array.from((await course({ ...state, x: [3, 1] }, "plain")).loss),
    );
    expect(await runs.run(state, "random")).toMatchObject({ missing: noGroup });
    expect(await runs.run(state, "hand")).toMatchObject({ missing: "There is no point on the orbit." });
  });

  it("moves the point on an orbit by shares of it, around where it is closed", async () => {
    const surface = createSurface();
    const orbit = await surface.orbit(defaultState("booth"), [5, -5]);
    const booth = defaultState("booth");
    expect(handOf(orbit, booth)).toBe(orbit.best);
    expect(handOf(orbit, { ...booth, on: 90 })).toBe(360);
    // The steepest point of Rosenbrock's orbit is far outside of the plane, at y = 223.
    const rosenbrock = defaultState("rosenbrock");
    const valley = await surface.orbit(rosenbrock, rosenbrock.x);
    expect(valley.y[valley.best]).toBeGreaterThan(200);
    const shown = handOf(valley, rosenbrock);
    expect([Math.abs(valley.x[shown]) <= 2, valley.y[shown] >= -1.5, valley.y[shown] <= 3]).toEqual([
      true,
      true,
      true,
    ]);
    expect(valley.gradNormSq[shown]).toBeGreaterThan(valley.gradNormSq[0]);
    expect(placesOf(orbit)[360]).toBeCloseTo(90, 10);
    expect(stepped(orbit, 360, 0.1)).toBe(504);
    expect(stepped(orbit, 0, -0.25)).toBe(1080);
    expect(stepped(orbit, 1439, 1e-5)).toBe(0);
    const open = await surface.orbit({ ...defaultState("own"), r1: "x*y", r2: "0" }, [1, 2]);
    expect(stepped(open, open.t.length - 1, 0.1)).toBe(open.t.length - 1);
    expect(stepped(open, 0, -1e-9)).toBe(0);
  });

  it("paints levels from the lowest color up, the top row first", () => {
    const grid = gridOf((_, y) => y, { x: [0, 1], y: [0, 1], n: 21 });
    const levels = levelsOfGrid(grid, themeOf("light"), 0);
    const { pixels } = pictureOf(grid, levels, { width: 8, height: 40, ink: themeOf("light").ink });
    const color = (row: number) =>
      `#${[0, 1, 2].map((c) => pixels[4 * 8 * row + 12 + c].toString(16).padStart(2, "0")).join("")}`;
    expect(color(39)).toBe(levels.colors[0]);
    expect(color(0)).toBe(levels.colors.at(-1));
    expect(pixels.filter((_, i) => i % 4 === 3).every((alpha) => alpha === 255)).toBe(true);
  });

  it.each([
    ["at", [100, 200, 300, 400, 500, 600, 700, 800, 900], 1000],
    ["every", 2, 300],
  ] as const)("breaks the path of a saved plane at every jump: %s %j", async (kind, steps, n) => {
    const state = { ...defaultState("rosenbrock"), lr: 1e-3, n, tp: { kind, steps } as LandscapeState["tp"] };
    const teleported = await course(state, "teleported");
    const grid = gridOf((x, y) => x * x + y * y, { ...viewOf(state), n: 9 });
    const svg = svgText(planeFigure({ state, courses: [teleported], theme: "light", grid, floor: 0 }));
    const path = /stroke-width="4.5"[\s\S]*?<path[^>]* d="([^"]*)"/.exec(svg)?.[1] ?? "";
    expect(path.match(/M/g)).toHaveLength(teleported.jumps.step.length + 1);
  });

  it("saves curves of a hundred thousand steps from the first to the last that is finite, with all that it counts", async () => {
    const state = { ...defaultState("booth"), logx: true, logy: true };
    const short = await course(state, "teleported");
    expect(Array.from(short.jumps.step)).toEqual([4]);
    const n = 100_001;
    // Every other one has no place on the axis.
    const loss = Float64Array.from({ length: n }, (_, t) => (t % 2 === 1 ? 1 / t : 0));
    const at = n - 7;
    loss.fill(Infinity, at);
    const svg = svgText(curvesFigure({ state, courses: [{ ...short, loss }], theme: "light" }));
    expect(svg).toContain(`Not on a logarithmic axis: ${at / 2 - 1} values ≤ 0.`);
    expect(svg).toContain(`teleported ends at ${formatValue(loss[at - 1])}, with 1 teleports.`);
    expect(svg).toMatch(/diverged at step/);
  });

  it("has all points in its table", async () => {
    const [head, first, ...rest] = dataCsv([await course({ ...defaultState("booth"), n: 2 }, "plain")]);
    expect(head).toBe("variant,step,seconds,loss,gradNormSq,x,y");
    expect(first).toMatch(/^plain,0,[\d.e-]+,144,[\d.]+,5,-5$/);
    expect(rest).toHaveLength(2);
  });
});
