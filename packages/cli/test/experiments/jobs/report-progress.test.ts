import { expect, it } from "vitest";
import type { Job } from "../../../src/experiments/jobs/job.js";
import { jobReporter } from "../../../src/experiments/jobs/session.js";
import type { JobResult } from "../../../src/experiments/kind.js";
import { runDocument } from "../../../src/formats/json.js";

const job = { name: "digits", variant: "sgd", seed: 3 } as Job;
const at = { step: 250, steps: 1000, loss: 0.25, gradNormSq: 0.0125, teleports: 2, stepsPerSecond: 500 };

const terminal = (jobs: number, options = { quiet: false }) => {
  const stream = { isTTY: true, columns: 200, text: "", write: (text: string) => (stream.text += text) };
  return { stream, reporter: jobReporter(Array(jobs).fill(job), stream, options) };
};

it("tells step, loss, gradient norm, teleports, steps a second and the time left", () => {
  const { stream, reporter } = terminal(1);
  reporter.onProgress(job, at);
  expect(stream.text).toBe(
    "\r\u001b[Jdigits-sgd, seed 3: step 250 of 1000, loss 0.25, ||g||^2 0.0125, 2 teleports, 500 it/s, 1.5 s left",
  );
});

it("leaves a line for each of several runs that fail, and none for a single one, whose command says why", () => {
  const error = new Error("no");
  const several = terminal(2);
  several.reporter.onEnd({ job, error });
  expect(several.stream.text).toBe("\r\u001b[J1/2 digits-sgd, seed 3: failed\n");
  const single = terminal(1);
  single.reporter.onProgress(job, at);
  single.reporter.onEnd({ job, error });
  single.reporter.end();
  expect(single.stream.text.endsWith("left\r\u001b[J")).toBe(true);
});

it("has no loss of a run that was interrupted before its first step", () => {
  const { stream, reporter } = terminal(1);
  const document = runDocument({
    name: "digits",
    seed: 3,
    status: "interrupted",
    steps: 0,
    wallSeconds: 0,
    loss: [],
  });
  const result = { document, settings: {} } as JobResult;
  reporter.onEnd({ job, result });
  expect(stream.text).toBe("\r\u001b[Jdigits-sgd, seed 3: interrupted after 0 steps, final loss -, 0 ms\n");
});

it("is silent where it is to be", () => {
  const { stream, reporter } = terminal(1, { quiet: true });
  reporter.onProgress(job, at);
  reporter.line("Stopping");
  reporter.end();
  expect(stream.text).toBe("");
});
