import fc from "fast-check";
import { cost, createMethod, createMultiTaskTrainer, methods } from "isoloss/mtl";
import { adam } from "isoloss/optim";
import { twoTaskToy } from "isoloss/problems";
import { beforeAll, describe, expect, it } from "vitest";
import { curvesOf, lossPlaneOf, planeOf } from "../../src/screens/tasks/chart-data.js";
import type { Arrival, Course } from "../../src/screens/tasks/course.js";
import { dataCsv } from "../../src/screens/tasks/export.js";
import { lookOf } from "../../src/screens/tasks/looks.js";
import { createTaskRuns, type TaskRuns } from "../../src/screens/tasks/runs.js";
import {
  costOptionsOf,
  defaultState,
  hard,
  methodNames,
  presets,
  printTasks,
  readTasks,
  starts,
  type TasksState,
  variantNames,
} from "../../src/screens/tasks/state.js";
import { arrivalRow, summaryOf } from "../../src/screens/tasks/summary.js";
import { toyOf } from "../../src/screens/tasks/toy.js";

const within = ([min, max]: readonly [number, number]) =>
  fc.double({ min, max, noNaN: true }).map((v) => v + 0);
const whole = ([min, max]: readonly [number, number]) => fc.integer({ min, max });
const states: fc.Arbitrary<TasksState> = fc.record({
  scale: fc.constantFrom("1", "0.1"),
  x: fc.tuple(within(hard.x), within(hard.x)),
  from: fc.constantFrom("one", "five"),
  methods: fc.subarray([...methodNames], { maxLength: 4 }),
  with: fc.subarray([...variantNames]),
  every: whole(hard.every),
  weight: within(hard.weight),
  radius: within(hard.radius),
  lr: within(hard.lr),
  n: whole(hard.n),
  shows: fc.constantFrom("first", "second", "sum"),
  y: fc.constantFrom("distance", "first", "second"),
});

describe("the address of the tasks screen", () => {
  it("holds every state exactly", () => {
    fc.assert(
      fc.property(states, (state) => {
        expect(readTasks(printTasks(state))).toEqual({ state, notices: [] });
      }),
    );
    expect(printTasks(defaultState)).toBe("");
    for (const [name, { state }] of Object.entries(presets)) {
      expect(readTasks(`preset=${name}`)).toEqual({ state, notices: [] });
    }
  });

  it("says what it did not take as it is written", () => {
    expect(readTasks("n=1e7&x=0,99&methods=mgda,upGrad,pcGrad,caGrad,nashMtl&with=luck").notices).toEqual([
      "n=1e7 is beyond 100000: taken as 100000.",
      "x=99 is beyond 11: taken as 11.",
      "methods: at most 4 at a time, so pcGrad, mgda, caGrad, nashMtl.",
      "with: luck is none of alone, cost, random, same, rate.",
    ]);
  });
});

describe("the tasks screen's worker", () => {
  let runs: TaskRuns;
  const never = { isStopped: async () => false };
  const short: TasksState = { ...defaultState, x: [-7.5, 6], lr: 0.01, n: 400, every: 50 };
  const toy = twoTaskToy();
  const courses = async (state: TasksState): Promise<Course[]> => {
    const last = new Map<string, Course>();
    await runs.run(state, {
      ...never,
      async send(course) {
        last.set(`${course.method} ${course.variant}`, course);
      },
    });
    return [...last.values()];
  };
  beforeAll(() => {
    runs = createTaskRuns();
  });

  it("offers methods that the library has, by its names, and the published starts", () => {
    for (const name of methodNames) expect(Object.keys(methods)).toContain(name);
    expect(starts).toEqual(toy.starts);
  });

  it("runs what the trainer runs, wherever it was started before, and takes COST's teleports", async () => {
    await courses({ ...short, x: [3, 3], n: 60 });
    const [alone, withCost] = await courses({ ...short, with: ["alone", "cost"] });
    for (const [course, hook] of [
      [alone, undefined],
      [withCost, cost({ ...costOptionsOf(short), optimizer: adam() })],
    ] as const) {
      const trainer = await createMultiTaskTrainer({
        losses: toy.losses,
        params: toy.at(short.x),
        tasks: toy.tasks,
        method: createMethod("linearScalarization"),
        optimizer: adam(),
        learningRate: 0.01,
        clipNorm: 0,
        ...(hook ? { beforeStep: hook.beforeStep as never } : {}),
      });
      const points = [[...short.x]];
      for (let step = 0; step < 400; step++) {
        await trainer.run({ steps: 1 });
        points.push(Array.from(trainer.current.params.shared.w.data, Number));
      }
      expect(points).toEqual(Array.from(course.x, (x, k) => [x, course.y[k]]));
      expect(Array.from(course.attempts.step)).toEqual(trainer.history.events.map(({ step }) => step));
    }
    expect(withCost.attempts.step.length).toBeGreaterThan(0);
    const { jumps, attempts } = withCost;
    const count = attempts.accepted.reduce((a, b) => a + b, 0);
    expect(jumps.step).toHaveLength(count);
    for (let k = 0; k < count; k++) {
      const { fromX, fromY, toX, toY } = jumps;
      expect(Math.hypot(toX[k] - fromX[k], toY[k] - fromY[k])).toBeLessThanOrEqual(1 + 1e-12);
    }
    attempts.change.forEach((change, k) => {
      if (attempts.accepted[k]) expect(change).toBeLessThanOrEqual(2);
    });
  });

  it("measures the cosine of the gradients as difference quotients do", async () => {
    const { measure } = await toyOf("0.1");
    const [x, y, h] = [2.3, 1.7, 1e-5];
    const xy = [
      [x, y],
      [x + h, y],
      [x - h, y],
      [x, y + h],
      [x, y - h],
    ];
    const { first, second, cosine } = await measure(Float64Array.from(xy.flat()));
    const gradient = (f: Float64Array) => [f[1] - f[2], f[3] - f[4]];
    const [g, k] = [gradient(first), gradient(second)];
    const expected = (g[0] * k[0] + g[1] * k[1]) / (Math.hypot(...g) * Math.hypot(...k));
    expect(cosine[0]).toBeCloseTo(expected, 6);
  });

  it("ends at the front, and spends the time of COST's attempts on more steps", async () => {
    const state = { ...short, x: [2, -8], n: 500, with: ["alone"] } as const;
    const [arrived] = await courses({ ...state, lr: 0.02 });
    expect(arrived.status).toBe("front");
    expect(arrived.distance.at(-1)).toBeLessThan(0.15);
    expect(arrived.distance.at(-2)).toBeGreaterThanOrEqual(0.15);
    expect(summaryOf(arrived).arrived).toBe(`at step ${arrived.step.at(-1)}`);
    // What goes on does not look as though it had come there.
    expect(summaryOf({ ...arrived, status: "running" }).arrived).toMatch(/^not yet, at step \d+$/);
    const all = await courses({ ...short, with: ["same"] });
    expect(all.map(({ variant }) => variant)).toEqual(["same"]);
    const more = Number(all[0].step.at(-1)) - 400;
    expect(more).toBeGreaterThan(0);
    expect(all[0].note).toBe(`${more} steps more, for the time of COST's attempts`);
  });

  it("tells of a run that fails, and stops where it is asked to", async () => {
    const [failed] = await courses({
      ...short,
      methods: ["nashMtl"],
      with: ["alone"],
      x: [-7.5, 6],
      lr: 1,
      n: 300,
    });
    expect(["failed", "done", "front"]).toContain(failed.status);
    let looks = 0;
    const sent: Course[] = [];
    await runs.run(
      { ...short, n: 100_000, with: ["alone"] },
      {
        isStopped: async () => ++looks > 1,
        async send(course) {
          sent.push(course);
        },
      },
    );
    expect(sent.at(-1)?.status).toBe("running");
    expect(sent.at(-1)?.step.at(-1)).toBeLessThan(100_000);
  });

  it("runs from all five starts, and counts those that come to the front", async () => {
    const arrivals: Arrival[] = [];
    const state = { ...short, lr: 0.1, n: 1200, with: ["alone"] } as const;
    await runs.arrivals(state, {
      ...never,
      async send(arrival) {
        arrivals.push(arrival);
      },
    });
    expect(arrivals.map(({ start }) => start)).toEqual([0, 1, 2, 3, 4]);
    const row = arrivalRow(
      arrivals,
      { method: "linearScalarization", variant: "alone" },
      { starts: 5, isGoingOn: false },
    );
    const came = arrivals.filter(({ arrived }) => arrived !== undefined);
    expect(came.length).toBeGreaterThan(1);
    expect(row.total).toBe(`${came.length} of 5`);
    const half = arrivalRow(arrivals.slice(0, 2), arrivals[0], { starts: 5, isGoingOn: false });
    expect(half.total).toMatch(/ of 5$/);
    expect(row.cells[came[0].start]).toBe(String(came[0].arrived));
  });

  it("draws what it ran: paths with breaks at teleports, cosines with the conflict shaded, a table of all points", async () => {
    const list = await courses({ ...short, with: ["alone", "cost"] });
    const shown = {
      ...({ state: short, theme: "light", runs: list, atStart: undefined, points: 300 } as const),
      front: [toy.front(0), toy.front(1)],
    };
    const plane = planeOf(shown);
    expect(plane.paths.map(({ shown: count }) => count)).toEqual([301, 301]);
    const [, { jumps, indexAfter }] = plane.paths;
    const step = jumps?.step[0] as number;
    expect(indexAfter?.(step)).toBe(step + 1);
    expect(plane.front?.x).toEqual([7, -7]);
    expect(lossPlaneOf(shown).front?.x[0]).toBeCloseTo(toy.front(0).losses[0], 12);
    const cosines = curvesOf(shown, "steps", "cosine");
    expect(cosines.shade?.label).toBe("conflict");
    expect(cosines.series[0].y).toHaveLength(301);
    expect(curvesOf(shown, "seconds").logY).toBe(true);
    // Axes of fewer steps, and of another start, begin anew.
    for (const other of [{ n: short.n - 1 }, { x: [0, 0] }] as const) {
      const { of } = curvesOf({ ...shown, state: { ...short, ...other } }, "steps");
      expect(of).not.toBe(curvesOf(shown, "steps").of);
    }
    const rows = [...dataCsv(list)];
    expect(rows).toHaveLength(1 + list.reduce((sum, { step }) => sum + step.length, 0));
    expect(rows[1]).toMatch(/^linearScalarization,0,0,-7.5,6,/);
  });

  it("gives no two runs that are compared the same look", () => {
    for (const compared of [["mgda"], ["linearScalarization", "pcGrad", "fairGrad", "upGrad"]] as const) {
      const all = compared.flatMap((method) =>
        variantNames.map((variant) =>
          JSON.stringify(lookOf({ method, variant }, { methods: compared }, "dark")),
        ),
      );
      expect(new Set(all).size).toBe(all.length);
    }
  });
});
