// Lanes whose processes are played by the test.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { DataError } from "isoloss";
import { describe, expect, it, vi } from "vitest";
import { plainError } from "../../src/experiments/jobs/pool.js";
import { isDiskError, type LaneMessage, type LaneOrder } from "../../src/sweep/lane.js";
import type { LaneHost, RunRecord, RunRequest } from "../../src/sweep/lanes.js";
import { childLane, processLanes } from "../../src/sweep/process-lanes.js";

const request = (id: string, set: Partial<RunRequest> = {}): RunRequest => ({
  id,
  place: `${id}-0`,
  metrics: ["loss"],
  job: { name: "n", variant: "v", seed: 0, kind: "minimize", settings: {}, config: {} },
  ...set,
});

/** Lanes, the processes that they have started, and the records that they told. */
async function played(jobs: number) {
  const processes: {
    readonly orders: LaneOrder[];
    say(message: LaneMessage): void;
    die(last?: string, how?: string): void;
    isKilled: boolean;
  }[] = [];
  const records: RunRecord[] = [];
  const errors: Error[] = [];
  const lanes = processLanes({
    jobs,
    folder: "/sweep/runs",
    start(onMessage, onExit) {
      const one = {
        orders: [] as LaneOrder[],
        say: onMessage,
        die: (last = "", how = "code 1") => onExit(last, how),
        isKilled: false,
      };
      processes.push(one);
      return {
        send: (order) => void one.orders.push(order),
        kill() {
          one.isKilled = true;
        },
      };
    },
  });
  const host: LaneHost = {
    record: (record) => void records.push(record),
    judge: ({ value }) => (value > 1 ? "stop" : "go"),
    progress() {},
    changed() {},
    note() {},
    fail: (error) => void errors.push(error),
  };
  await lanes.start(host, []);
  return { lanes, processes, records, errors };
}

it("tells lanes of another process apart: times of the two cannot be compared", async () => {
  const { lanes, processes, records } = await played(1);
  lanes.submit([request("r-0")]);
  processes[0]?.say(done("r-0"));
  expect(records[0]?.lane).toBe(`${hostname()}:${process.pid}:0`);
});

const done = (run: string): LaneMessage => ({
  record: { run, status: "completed", values: {}, metrics: {}, steps: 1, seconds: 1, directory: null },
});

describe("a lane's process", () => {
  it("is told its share of the cores, where there are others, and the provider", async () => {
    const folder = mkdtempSync(join(tmpdir(), "isoloss-lane-"));
    const script = join(folder, "lane.mjs");
    writeFileSync(script, "process.send({ stopped: process.argv.slice(2).join() });");
    const told = (jobs: number, provider?: string) =>
      new Promise<string>((resolve) => {
        const lane = childLane(
          pathToFileURL(script),
          jobs,
          provider,
        )(
          (message) => {
            if ("stopped" in message) resolve(message.stopped);
            lane.kill();
          },
          () => {},
        );
      });
    expect(await told(1)).toBe("lane,,");
    expect(await told(10_000)).toBe("lane,1,");
    expect(await told(1, "cuda")).toBe("lane,,cuda");
    rmSync(folder, { recursive: true });
  });
});

it.each([
  ["process.exit(7)", "code 7"],
  ["process.kill(process.pid, 'SIGKILL')", "SIGKILL"],
])("tells how a lane's process ended: %s", async (program, how) => {
  const folder = mkdtempSync(join(tmpdir(), "isoloss-lane-"));
  const script = join(folder, "lane.mjs");
  writeFileSync(script, program);
  const ended = new Promise<string>((resolve) => {
    childLane(pathToFileURL(script), 1)(
      () => {},
      (_, end) => resolve(end),
    );
  });
  expect(await ended).toBe(how);
  rmSync(folder, { recursive: true });
});

describe("lanes on this computer", () => {
  it("compute as many runs at once as there are lanes, each run once", async () => {
    const { lanes, processes, records } = await played(2);
    lanes.submit(["a", "b", "c"].map((id) => request(id)));
    lanes.submit([request("a")]);
    expect(processes.map(({ orders }) => orders)).toMatchObject([
      [{ run: { id: "a" }, directory: "/sweep/runs/a-0" }],
      [{ run: { id: "b" } }],
    ]);
    processes[1]?.say(done("b"));
    expect(processes[1]?.orders).toMatchObject([{ run: { id: "b" } }, { run: { id: "c" } }]);
    processes[0]?.say(done("a"));
    processes[1]?.say(done("c"));
    expect(records.map(({ run }) => run)).toEqual(["b", "a", "c"]);
    expect(records.every(({ lane }) => /:[01]$/.test(lane))).toBe(true);
  });

  it("compute runs whose times are compared in one lane", async () => {
    const { lanes, processes, records } = await played(2);
    const runs = ["a", "b", "c", "d"].map((id, i) => request(id, { together: i < 3 ? 7 : 8 }));
    lanes.submit(runs);
    const begun = () => processes.map(({ orders }) => orders.map((order) => "run" in order && order.run.id));
    expect(begun()).toEqual([["a"], ["d"]]);
    processes[1]?.say(done("d"));
    expect(begun()).toEqual([["a"], ["d"]]);
    for (const id of ["a", "b", "c"]) processes[0]?.say(done(id));
    expect(begun()).toEqual([["a", "b", "c"], ["d"]]);
    expect(new Set(records.filter(({ run }) => run !== "d").map(({ lane }) => lane)).size).toBe(1);
  });

  it("answer a report with the verdict", async () => {
    const { lanes, processes } = await played(1);
    lanes.submit([request("a")]);
    const report = { run: "a", seed: 0, rung: 1, unit: "steps", step: 1, best: 0 } as const;
    processes[0]?.say({ report: { ...report, value: 0.5 } });
    processes[0]?.say({ report: { ...report, value: 2 } });
    await expect.poll(() => processes[0]?.orders.slice(1)).toEqual([{ verdict: "go" }, { verdict: "stop" }]);
  });

  it("start a run again when its process dies, before others, and give it up after five deaths", async () => {
    const { lanes, processes, records } = await played(1);
    lanes.submit([request("a"), request("b")]);
    for (const how of ["SIGKILL", "code 134", "code 1", "code 1", "code 1"])
      processes.at(-1)?.die("out of memory", how);
    expect(processes).toHaveLength(6);
    expect(records).toMatchObject([
      {
        run: "a",
        status: "lost",
        error:
          "Its process died 5 times (SIGKILL, code 134, code 1, code 1, code 1); the last said: out of memory",
      },
    ]);
    expect(processes.at(-1)?.orders).toMatchObject([{ run: { id: "b" } }]);
  });

  it("have no end for a run whose time is longer than a timer's", async () => {
    vi.useFakeTimers();
    try {
      const { lanes, processes } = await played(1);
      lanes.submit([request("a", { timeout: 30 * 24 * 3600 })]);
      vi.advanceTimersByTime(1e6);
      expect(processes[0]?.orders).toHaveLength(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it("stop a run that takes too long, kill it where it does not stop, and record why", async () => {
    vi.useFakeTimers();
    try {
      const { lanes, processes, records } = await played(2);
      lanes.submit([request("a", { timeout: 5 }), request("b", { timeout: 5 })]);
      vi.advanceTimersByTime(5000);
      expect(processes.map(({ orders }) => orders.at(-1))).toEqual([{ stop: true }, { stop: true }]);
      processes[0]?.say({ stopped: "a" });
      vi.advanceTimersByTime(10_000);
      expect(processes.map(({ isKilled }) => isKilled)).toEqual([false, true]);
      processes[1]?.die();
      expect(records.map(({ status, error }) => [status, error])).toEqual([
        ["failed", "timeout: it took longer than 5 s"],
        ["failed", "timeout: it took longer than 5 s"],
      ]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("record nothing of a run whose disk is full, and begin no other one: the sweep cannot go on", async () => {
    const { lanes, processes, records, errors } = await played(1);
    lanes.submit([request("a"), request("b")]);
    const cause = Object.assign(new Error("write"), { code: "ENOSPC" });
    processes[0]?.say({ stuck: plainError(new DataError("Cannot write a: no space.", { cause })) });
    expect(errors.map((error) => [error.message, isDiskError(error)])).toEqual([
      ["Cannot write a: no space.", true],
    ]);
    expect([records, processes[0]?.orders.length]).toEqual([[], 1]);
    await lanes.stop();
  });

  it("give back what has not begun, and stop what is cancelled", async () => {
    const { lanes, processes } = await played(1);
    lanes.submit(["a", "b", "c"].map((id) => request(id)));
    expect(await lanes.withdraw()).toEqual(["b", "c"]);
    lanes.submit([request("b")]);
    lanes.cancel(["a", "b"]);
    expect(processes[0]?.orders.at(-1)).toEqual({ stop: true });
    processes[0]?.say({ stopped: "a" });
    expect(processes[0]?.orders).toHaveLength(2);
  });

  it("end when the runs under way have stopped", async () => {
    const { lanes, processes, records } = await played(2);
    lanes.submit([request("a")]);
    const stopped = lanes.stop();
    expect(processes[0]?.orders.at(-1)).toEqual({ stop: true });
    processes[0]?.say({ stopped: "a" });
    await stopped;
    expect(processes[0]?.isKilled).toBe(true);
    expect(records).toEqual([]);
  });
});
