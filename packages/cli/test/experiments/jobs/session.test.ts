import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { loadExperiment } from "../../../src/experiments/definition/find.js";
import { resolveExperiment } from "../../../src/experiments/definition/resolve.js";
import { jobsOf } from "../../../src/experiments/jobs/job.js";

let hasOnnx: boolean;
let stderr: string;

beforeEach(() => {
  vi.resetModules();
  vi.doMock("../../../src/run/environment.js", async (original) => ({
    ...(await original<object>()),
    hasOnnxRuntime: () => hasOnnx,
  }));
  stderr = "";
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    stderr += text;
    return true;
  });
});

afterEach(() => vi.restoreAllMocks());

/** Twice one step of an experiment; what was said on stderr. */
async function saidBy(name: string, sets: readonly string[], { quiet = false } = {}): Promise<string> {
  const { runSession } = await import("../../../src/experiments/jobs/session.js");
  const experiment = resolveExperiment(await loadExperiment(name, sets), { seeds: [0], variants: ["sgd"] });
  const jobs = jobsOf(experiment, { checkpointSeconds: 10 }).slice(0, 1);
  for (let i = 0; i < 2; i++) await runSession(jobs, { threads: 1, quiet });
  return stderr;
}

const line = "npm install onnxruntime-node --ignore-scripts";
const short = ["steps=1"];

it("a session without ONNX Runtime says once what to type, where networks are trained", async () => {
  hasOnnx = false;
  expect((await saidBy("classify-digits", short)).split(line)).toHaveLength(2);
});

it.each([
  ["there is ONNX Runtime", true, short, {}],
  ["JavaScript was asked for", false, [...short, "runtime=javascript"], {}],
  ["it is to be quiet", false, short, { quiet: true }],
])("a session says nothing of ONNX Runtime where %s", async (_, installed, sets, options) => {
  hasOnnx = installed;
  expect(await saidBy("classify-digits", sets, options)).not.toContain(line);
});
