import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inProcess } from "isoloss-test-support/cli/in-process";
import { afterAll, expect, it, vi } from "vitest";
import type { Course } from "../../src/screens/tasks/course.js";
import { experimentOf, typescriptOf } from "../../src/screens/tasks/export.js";
import { createTaskRuns } from "../../src/screens/tasks/runs.js";
import { defaultState, type TasksState } from "../../src/screens/tasks/state.js";
import * as trainExport from "../../src/screens/train/export.js";
import { createSession } from "../../src/screens/train/session.js";
import { type TrainState, defaultState as trainDefault } from "../../src/screens/train/state.js";

const folder = mkdtempSync(join(tmpdir(), "isoloss-lab-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a program that was copied: what it exports, which is what it prints. */
async function endsOf<T>(name: string, program: string): Promise<Readonly<Record<string, T>>> {
  const path = join(folder, `${name}.ts`);
  writeFileSync(path, program);
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const { ends } = (await import(path)) as { readonly ends: Readonly<Record<string, T>> };
  expect(log).toHaveBeenCalledWith(ends);
  log.mockRestore();
  return ends;
}

interface Variants {
  readonly variants: Readonly<
    Record<
      string,
      {
        readonly runs: readonly {
          readonly loss: { readonly last: number };
          readonly metrics: Readonly<Record<string, number>>;
        }[];
      }
    >
  >;
}

/** Runs an experiment that was copied: its results. */
async function experiment(name: string, yaml: string): Promise<Variants["variants"]> {
  writeFileSync(join(folder, "lab.yaml"), yaml);
  const { status, stdout, stderr } = await inProcess(
    ["run", "lab.yaml", "--quiet", "--json", "--out", name],
    folder,
  );
  expect(`${status} ${stderr}`).toBe("0 ");
  return (JSON.parse(stdout) as Variants).variants;
}

const tasks: TasksState = {
  ...defaultState,
  x: [-7.5, 6],
  methods: ["linearScalarization", "fairGrad"],
  with: ["alone", "cost", "random", "rate"],
  lr: 0.01,
  n: 400,
  every: 50,
};

it("copies of the tasks screen end where its runs do: the program, and the experiment", async () => {
  const courses = new Map<string, Course>();
  await createTaskRuns().run(tasks, {
    isStopped: async () => false,
    async send(course) {
      courses.set(course.variant === "alone" ? course.method : `${course.method}-${course.variant}`, course);
    },
  });
  const ends = await endsOf<{ readonly steps: number; readonly distance: number }>(
    "tasks",
    typescriptOf(tasks),
  );
  const variants = await experiment("tasks", experimentOf(tasks));
  expect(Object.keys(ends)).toEqual(Object.keys(variants));
  expect(Object.keys(ends).sort()).toEqual([...courses.keys()].sort());
  for (const [name, { step, distance }] of courses) {
    expect(ends[name]).toEqual({ steps: step.at(-1), distance: distance.at(-1) });
    const [{ metrics }] = variants[name].runs;
    expect(metrics["front.distance"]).toBeCloseTo(Number(distance.at(-1)), 9);
  }
});

const train: TrainState = {
  ...trainDefault,
  data: "digits",
  net: [8],
  batch: 50,
  epochs: 2,
  tp: { kind: "at", steps: [10, 20] },
  with: ["plain", "teleported", "random", "rate"],
};

const shapes: readonly (readonly [string, TrainState])[] = [
  ["digits", train],
  [
    "spirals",
    { ...train, data: "spirals", act: "tanh", sym: "hidden", state: "push", tp: { kind: "every", steps: 7 } },
  ],
  ["circles", { ...train, data: "circles", sym: "levelSet", with: ["teleported", "random"] }],
  ["moons in one batch", { ...train, data: "moons", batch: 2000, tp: { kind: "every", steps: 1 } }],
  ["digits in one batch", { ...train, batch: 2000, sym: "levelSet", with: ["plain", "random", "rate"] }],
];

it.each(shapes)("copies of the train screen end where its runs do: %s", async (name, state) => {
  const session = await createSession({ state });
  while (!session.isDone) await session.advance("steps");
  const runs = session.runs.map((run) => run.shown());
  const ends = await endsOf<{ readonly loss: number; readonly accuracy: number }>(
    name,
    trainExport.typescriptOf(state, runs),
  );
  // Of what is asked for, a random move along a level set is missing.
  const names = runs.map((run) => run.name);
  expect([...names, ...session.missing.map(({ name: missing }) => missing)].sort()).toEqual(
    [...state.with].sort(),
  );
  expect(Object.keys(ends)).toEqual(names);
  for (const run of runs) {
    const { loss, accuracy } = run.spreads.evaluated;
    expect(ends[run.name]).toEqual({ loss: loss.median.at(-1), accuracy: accuracy.median.at(-1) });
  }
  const yaml = trainExport.experimentOf(state, runs);
  if (yaml === undefined) return;
  const variants = await experiment(name, yaml);
  expect(Object.keys(variants)).toEqual(names);
  for (const run of runs) {
    const { loss } = run.evaluations.at(-1) ?? { loss: Number.NaN };
    const [{ metrics }] = variants[run.name].runs;
    expect(metrics["validation.loss"]).toBeCloseTo(loss, 6);
  }
});
