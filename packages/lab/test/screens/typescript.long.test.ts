import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";
import { typescriptOf } from "../../src/export/typescript.js";
import type { Course } from "../../src/screens/landscape/course.js";
import { createRuns } from "../../src/screens/landscape/runs.js";
import { defaultState } from "../../src/screens/landscape/state.js";

const runs = createRuns();
const folder = mkdtempSync(join(tmpdir(), "isoloss-lab-"));
afterAll(() => rmSync(folder, { recursive: true }));

it.each([
  ["quadratic", { with: ["plain", "teleported", "random", "lbfgs", "cg"] }],
  ["booth", { tp: { kind: "every", steps: 3 }, search: "levelSet", obj: "modelDecrease", opt: "adam" }],
] as const)("the program that is copied prints the numbers of the screen: %s", async (f, more) => {
  const state = { ...defaultState(f), ...more };
  const path = join(folder, `${f}.ts`);
  writeFileSync(path, typescriptOf(state));
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const { lastLosses } = (await import(path)) as { readonly lastLosses: Readonly<Record<string, number>> };
  expect(log).toHaveBeenCalledWith(lastLosses);
  log.mockRestore();
  expect(Object.keys(lastLosses)).toEqual([...state.with]);
  for (const method of state.with) {
    expect(lastLosses[method]).toBe(((await runs.run(state, method)) as Course).loss.at(-1));
  }
});
