// `isoloss run --queue` in one process: a worker with a lane, and a server.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OptionError } from "isoloss";
import { fast } from "isoloss-test-support/queue/fakes";
import { serverProgram, startServer, type TestServer } from "isoloss-test-support/queue/server";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { serveQueue } from "../../../queue/src/index.js";
import { parseConfig } from "../../src/config/load.js";
import { resolveExperiment } from "../../src/experiments/definition/resolve.js";
import { experimentSchema } from "../../src/experiments/definition/schema.js";
import { type Job, jobsOf } from "../../src/experiments/jobs/job.js";
import { type JobOutcome, localRunner, runJobs } from "../../src/experiments/jobs/pool.js";
import { createLane } from "../../src/sweep/lane.js";
import { programVersion } from "../../src/sweep/plan.js";
import { processLanes } from "../../src/sweep/process-lanes.js";
import { computingOf, ruleOf, withVerdicts } from "../../src/sweep/queue.js";
import { queuedJobs } from "../../src/sweep/queued-jobs.js";
import { booth } from "../commands/support.js";

describe.skipIf(!serverProgram)("runs on workers", () => {
  let server: TestServer;
  let folder: string;
  let ended: Promise<number>;
  const stopping = new AbortController();

  beforeAll(async () => {
    vi.stubEnv("ISOLOSS_QUEUE_TIMING", JSON.stringify(fast));
    folder = mkdtempSync(join(tmpdir(), "isoloss-queued-"));
    server = await startServer();
    const lanes = processLanes({
      jobs: 2,
      folder: join(folder, "work"),
      start(onMessage) {
        const take = createLane(localRunner(), { send: onMessage });
        return { send: take, kill() {} };
      },
    });
    ended = serveQueue({
      url: server.url,
      timing: fast,
      name: "one",
      version: programVersion(),
      lanes: 2,
      ruleOf,
      withVerdicts,
      computing: computingOf(lanes),
      signal: stopping.signal,
      refusal: async () => undefined,
      onNote() {},
    });
  });
  afterAll(async () => {
    stopping.abort();
    await ended;
    await server.end();
    rmSync(folder, { recursive: true });
    vi.unstubAllEnvs();
  });

  const jobs = (out: string, set: readonly string[] = []): Job[] =>
    jobsOf(
      resolveExperiment(parseConfig(booth, { schema: experimentSchema, file: "x.yaml", set: [...set] })),
      {
        out: join(folder, out),
        checkpointSeconds: 10,
      },
    );
  const onQueue = (all: readonly Job[], signal?: AbortSignal) =>
    queuedJobs({ url: server.url }).run(all, { line() {}, ...(signal ? { signal } : {}) });
  /** What does not depend on a clock, or on a place. */
  const lasting = (outcomes: readonly JobOutcome[]) =>
    outcomes.map((outcome) => {
      if ("error" in outcome) return outcome.error;
      const { document, seconds: _, ...rest } = outcome.result;
      const { wallSeconds: __, directory: ___, teleports, metrics, ...numbers } = document;
      const lastingOnes = Object.entries(metrics).filter(([name]) => !name.endsWith(".seconds"));
      return {
        ...rest,
        ...numbers,
        metrics: Object.fromEntries(lastingOnes),
        teleports: teleports.map(({ seconds: ____, ...of }) => of),
      };
    });

  it("end with the numbers and the directories of this computer", async () => {
    const remote = await onQueue(jobs("remote"));
    const local = await runJobs(jobs("local"), { threads: 1 });
    expect(lasting(remote)).toEqual(lasting(local));
    expect(remote.map((one) => "result" in one && one.result.document.directory)).toEqual([
      join(folder, "remote/small-plain-0-1"),
      join(folder, "remote/small-exact-0-1"),
    ]);
    for (const run of ["small-plain-0-1", "small-exact-0-1"]) {
      const files = (out: string) => readdirSync(join(folder, out, run)).sort();
      expect(files("remote")).toEqual(files("local"));
      const text = (out: string, name: string) => readFileSync(join(folder, out, run, name), "utf8");
      expect(text("remote", "config.yaml")).toBe(text("local", "config.yaml"));
      expect(JSON.parse(text("remote", "summary.json")).directory).toBe(join(folder, "remote", run));
    }
  });

  it("are collected by the same command when it was left", async () => {
    const leaving = new AbortController();
    leaving.abort();
    expect(await onQueue(jobs("left"), leaving.signal)).toEqual([]);
    expect((await onQueue(jobs("left"))).length).toBe(2);
    expect(readdirSync(join(folder, "left")).length).toBe(2);
  });

  it("fail with the error that they have here", async () => {
    // Of networks, which a function of two variables is not.
    const wrong = ["teleport={when: {atSteps: [4]}, search: referenceMlp}"];
    const [remote] = await onQueue(jobs("wrong", wrong));
    const [local] = await runJobs(jobs("wrong", wrong), { threads: 1 });
    expect(remote).toHaveProperty("error", (local as { error: unknown }).error);
    expect((remote as { error: unknown }).error).toBeInstanceOf(OptionError);
  });
});
