import { EventEmitter } from "node:events";
import { beforeEach, expect, it, vi } from "vitest";
import type { Job } from "../../../src/experiments/jobs/job.js";
import { type Runner, runJobs, workerRunner } from "../../../src/experiments/jobs/pool.js";
import type { JobResult } from "../../../src/experiments/kind.js";

/** Threads, of which a test plays what they do. */
const { threads } = vi.hoisted(() => ({ threads: [] as EventEmitter[] }));

vi.mock("node:worker_threads", async (original) => ({
  ...(await original<object>()),
  Worker: class extends EventEmitter {
    constructor() {
      super();
      threads.push(this);
    }
    postMessage() {}
    async terminate() {
      this.emit("terminate");
    }
  },
}));

beforeEach(() => {
  threads.length = 0;
});

const job = { kind: "minimize" } as Job;
const hooks = { onProgress() {} };

it.each([
  ["ends", "exit", 1],
  ["fails", "error", new Error("no memory")],
])("a runner whose thread %s between two jobs starts another for the next", async (_, event, value) => {
  const runner = workerRunner(new URL("file:///x.js"));
  const first = runner.run(job, hooks);
  threads[0].emit("message", { result: 1 });
  expect(await first).toEqual({ job, result: 1 });
  threads[0].emit(event, value);
  const second = runner.run(job, hooks);
  expect(threads).toHaveLength(2);
  // Told late, of the thread before.
  threads[0].emit("exit", 1);
  threads[1].emit("message", { result: 2 });
  expect(await second).toEqual({ job, result: 2 });
  void runner.run(job, hooks);
  expect(threads).toHaveLength(2);
});

it("a runner gives no other job to a thread that an abort ends, though its result came first", async () => {
  const runner = workerRunner(new URL("file:///x.js"));
  const controller = new AbortController();
  const first = runner.run(job, { ...hooks, signal: controller.signal });
  threads[0].emit("message", { stoppable: false });
  controller.abort();
  threads[0].emit("message", { result: 1 });
  expect(await first).toEqual({ job, result: 1 });
  void runner.run(job, hooks);
  expect(threads).toHaveLength(2);
});

it("a runner leaves a thread alone whose job stops by itself, and gives it the next one", async () => {
  const runner = workerRunner(new URL("file:///x.js"));
  const controller = new AbortController();
  const first = runner.run(job, { ...hooks, signal: controller.signal });
  const onTerminate = vi.fn();
  threads[0].on("terminate", onTerminate);
  threads[0].emit("message", { stoppable: true });
  controller.abort();
  threads[0].emit("message", { result: 1 });
  await first;
  void runner.run(job, hooks);
  expect(threads).toHaveLength(1);
  expect(onTerminate).not.toHaveBeenCalled();
});

it("runners that are kept run later jobs in the same threads", async () => {
  const kept: Runner[] = [];
  const options = { threads: 2, script: new URL("file:///x.js"), kept };
  for (let call = 0; call < 2; call++) {
    const outcomes = runJobs([job, job], options);
    for (const [k, thread] of threads.entries()) thread.emit("message", { result: k });
    await outcomes;
  }
  expect(threads).toHaveLength(2);
  expect(kept).toHaveLength(2);
});

it("runners that are kept are all back where one fails", async () => {
  const kept: Runner[] = [];
  const onEnd = () => {
    throw new Error("the disk is full");
  };
  const outcomes = runJobs([job, job], { threads: 2, script: new URL("file:///x.js"), kept, onEnd });
  threads[0].emit("message", { result: 1 });
  setTimeout(() => threads[1].emit("message", { result: 2 }));
  await expect(outcomes).rejects.toThrow("the disk is full");
  expect(kept).toHaveLength(2);
});

it("a lane of several takes the jobs of a seed that its thread has had, before those of a new one", async () => {
  const jobs = [0, 1, 2, 0, 1, 2].map((seed) => ({ ...job, seed }));
  const seeds: number[][] = [[], []];
  const outcomes = runJobs(jobs, {
    threads: 2,
    script: new URL("file:///x.js"),
    kept: seeds.map((own) => ({
      async run(given) {
        own.push(given.seed);
        return { job: given, result: {} as JobResult };
      },
      end: async () => {},
    })),
  });
  expect((await outcomes).map((outcome) => outcome.job)).toEqual(jobs);
  for (const own of seeds) expect(own).toEqual([...own].sort());
  expect(seeds.map((own) => own.slice(0, 2)).sort()).toEqual([
    [0, 0],
    [1, 1],
  ]);
});
