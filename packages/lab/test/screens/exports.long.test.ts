import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inProcess } from "isoloss-test-support/cli/in-process";
import { afterAll, expect, it, vi } from "vitest";
import type { Course } from "../../src/screens/landscape/course.js";
import { experimentOf, typescriptOf } from "../../src/screens/landscape/export.js";
import { createRuns } from "../../src/screens/landscape/runs.js";
import { defaultState } from "../../src/screens/landscape/state.js";

const runs = createRuns();
const folder = mkdtempSync(join(tmpdir(), "isoloss-lab-"));
afterAll(() => rmSync(folder, { recursive: true }));

let programs = 0;
const hand = { from: [-1, 0], to: [3, 1] } as const;
const own = { with: ["plain", "hand", "teleported", "lbfgs"] } as const;
const shown = [
  ["quadratic", { with: ["plain", "teleported", "random", "lbfgs", "cg"] }],
  ["booth", { tp: { kind: "every", steps: 3 }, search: "levelSet", obj: "modelDecrease", opt: "adam" }],
] as const;

it.each([
  ...shown,
  ["own", own],
  ["own", { ...own, r1: "x/2 + y - 1", r2: "2", search: "levelSet" }],
  ["own", { ...own, r1: "x/2 + y - 1", r2: "sin(2) - y", search: "bestAngle" }],
] as const)("the program that is copied prints the numbers of the screen: %s", async (f, more) => {
  const state = { ...defaultState(f), ...more };
  const path = join(folder, `program-${++programs}.ts`);
  writeFileSync(path, typescriptOf(state, hand.to));
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const { lastLosses } = (await import(path)) as { readonly lastLosses: Readonly<Record<string, number>> };
  expect(log).toHaveBeenCalledWith(lastLosses);
  log.mockRestore();
  expect(Object.keys(lastLosses).sort()).toEqual([...state.with].sort());
  for (const method of state.with) {
    const shownRun = (await runs.run(state, method, undefined, hand)) as Course;
    expect(lastLosses[method]).toBe(shownRun.loss.at(-1));
  }
});

it.each(shown)("the experiment that is copied ends with the losses of the screen: %s", async (f, more) => {
  const state = { ...defaultState(f), ...more };
  writeFileSync(join(folder, "lab.yaml"), experimentOf(state) ?? "");
  const { status, stdout, stderr } = await inProcess(
    ["run", "lab.yaml", "--quiet", "--json", "--out", f],
    folder,
  );
  expect(`${status} ${stderr}`).toBe("0 ");
  const { variants } = JSON.parse(stdout) as {
    readonly variants: Readonly<
      Record<string, { readonly runs: readonly { readonly loss: { readonly last: number } }[] }>
    >;
  };
  expect(Object.keys(variants)).toEqual([...state.with]);
  for (const method of state.with) {
    const [{ loss }] = variants[method].runs;
    const expected = ((await runs.run(state, method)) as Course).loss.at(-1);
    // In an experiment the first step that a line search tries is the learning rate.
    if (method === "lbfgs" || method === "cg") expect(loss.last).toBeLessThan(1e-20);
    else expect(loss.last).toBe(expected);
  }
});
