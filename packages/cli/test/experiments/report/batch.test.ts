import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { loadExperiment } from "../../../src/experiments/definition/find.js";
import { resolveExperiment } from "../../../src/experiments/definition/resolve.js";
import type { Job } from "../../../src/experiments/jobs/job.js";
import { runSession } from "../../../src/experiments/jobs/session.js";
import { lanesFor, runBatch } from "../../../src/experiments/report/batch.js";

vi.mock("../../../src/experiments/jobs/session.js", async (original) => ({
  ...(await original<object>()),
  runSession: vi.fn(),
}));

const job = (kind: string, settings = {}) => ({ kind, settings }) as Job;
const counts = { threads: 1, untimed: 4 };

it("runs side by side where their seconds do not count and each takes one core", () => {
  expect(lanesFor([job("minimize"), job("train", { runtime: "javascript" })], false, counts)).toBe(4);
  expect(lanesFor([job("minimize")], true, counts)).toBe(1);
  // ONNX Runtime takes all cores for one, unless it is to have one thread.
  expect(lanesFor([job("train", { threads: 1 })], false, counts)).toBe(4);
  expect(lanesFor([job("minimize"), job("train")], false, counts)).toBe(1);
  expect(lanesFor([job("minimize")], false, { threads: 2 })).toBe(2);
});

it.each([
  ["have those of the experiment before where no time counts", 2, [false, true, false]],
  ["are new for each experiment where all times count", undefined, [false, false, false]],
])("threads %s", async (_, untimed, expected) => {
  const out = mkdtempSync(join(tmpdir(), "isoloss-batch-"));
  onTestFinished(() => {
    rmSync(out, { recursive: true });
    vi.mocked(runSession).mockReset();
  });
  const experiments = [];
  for (const name of ["booth", "toy", "booth"])
    experiments.push(resolveExperiment(await loadExperiment(`demo/${name}`)));
  const hasThreads: boolean[] = [];
  vi.mocked(runSession).mockImplementation(async ([{ isCompared }], { kept = [] }) => {
    if (!isCompared) hasThreads.push(kept.length > 0);
    if (kept.length === 0) kept.push({ run: async () => undefined, end: async () => {} });
    return { results: [], failures: [], interrupted: false };
  });
  await runBatch(experiments, { out, untimed, threads: 1, quiet: true });
  expect(hasThreads).toEqual(expected);
});
