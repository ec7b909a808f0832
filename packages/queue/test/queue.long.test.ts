// What takes as long as a patience or a lock.
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import {
  type FakeRecord,
  type FakeReport,
  type FakeRun,
  fakeComputing,
  fast,
} from "isoloss-test-support/queue/fakes";
import { serverProgram, startServer } from "isoloss-test-support/queue/server";
import { describe, expect, it } from "vitest";
import { connect } from "../src/connection.js";
import { queueLanes } from "../src/coordinator.js";
import { sweepKeys } from "../src/keys.js";
import { serveQueue } from "../src/worker.js";

describe.skipIf(!serverProgram)("a queue", () => {
  it("tells that there is no server", async () => {
    const server = await startServer();
    await server.end();
    await expect(connect({ url: server.url })).rejects.toThrow(
      new RegExp(`There is no server at ${server.url} \\(ECONNREFUSED\\)`),
    );
  });

  it("counts the first record of a run that two workers have", async () => {
    const server = await startServer();
    const stopping = new AbortController();
    const [one, two] = [fakeComputing("one"), fakeComputing("two")];
    const workers = [one, two].map(({ computing }, i) =>
      serveQueue<FakeRun, FakeRecord, FakeReport>({
        url: server.url,
        timing: fast,
        name: `${i}`,
        version: "1",
        lanes: 1,
        computing,
        ruleOf: () => ({ rule: "bound", factor: 1, startup: 0, above: 1 }),
        withVerdicts: (record) => record,
        refusal: async () => undefined,
        onNote() {},
        signal: stopping.signal,
      }),
    );
    const sweep = { id: "twice", name: "test", version: "1", needs: [], since: "" };
    const lanes = queueLanes<FakeRun, FakeRecord>({
      url: server.url,
      sweep,
      spec: null,
      asks: [],
      timing: fast,
      lost: ({ id }) => ({ run: id, result: -1 }),
    });
    const records: FakeRecord[] = [];
    const silent = { progress() {}, changed() {}, note() {}, fail() {} };
    await lanes.start({ record: (record) => records.push(record), ...silent }, []);
    lanes.submit([{ id: "r-0", number: 0, milliseconds: 3000 }]);
    const redis = new Redis(server.port);
    const keys = sweepKeys("twice");
    const begun = () => (one.begun.get("r-0") ?? 0) + (two.begun.get("r-0") ?? 0);
    // A lock that expires under a worker that goes on: its next renewal fails, too.
    await expect
      .poll(
        async () => {
          await redis.del(`${keys.prefix}:${keys.queue}:r-0:lock`);
          return begun();
        },
        { timeout: 10_000, interval: 20 },
      )
      .toBeGreaterThan(1);
    redis.disconnect();
    await expect.poll(() => records.length, { timeout: 20_000 }).toBe(1);
    await pause(500);
    expect(records.map(({ run }) => run)).toEqual(["r-0"]);
    await lanes.stop();
    stopping.abort();
    await Promise.all(workers);
    await server.end();
  });

  it("does not count outages of the server as deaths of a worker that lives", async () => {
    const server = await startServer();
    const stopping = new AbortController();
    const { computing, begun } = fakeComputing("one");
    const served = serveQueue<FakeRun, FakeRecord, FakeReport>({
      url: server.url,
      timing: fast,
      name: "one",
      version: "1",
      lanes: 1,
      computing,
      ruleOf: () => ({ rule: "bound", factor: 1, startup: 0, above: 1 }),
      withVerdicts: (record) => record,
      refusal: async () => undefined,
      onNote() {},
      signal: stopping.signal,
    });
    const lanes = queueLanes<FakeRun, FakeRecord>({
      url: server.url,
      spec: null,
      asks: [],
      timing: fast,
      sweep: { id: "outages", name: "test", version: "1", needs: [], since: "" },
      lost: ({ id }, lost) => ({ run: id, result: -1, lost }),
    });
    const records: FakeRecord[] = [];
    const silent = { progress() {}, changed() {}, note() {}, fail() {} };
    await lanes.start({ record: (record) => records.push(record), ...silent }, []);
    lanes.submit([{ id: "r-0", number: 4, milliseconds: 2000 }]);
    for (let outages = 1; outages <= 5; outages++) {
      await expect.poll(() => begun.get("r-0"), { interval: 20 }).toBe(outages);
      await server.kill();
      // Until the lock of the run has expired.
      await pause(fast.lock + 200);
      await server.start();
    }
    await expect.poll(() => records).toEqual([{ run: "r-0", result: 8, stopped: null, by: "one" }]);
    await lanes.stop();
    stopping.abort();
    await served;
    await server.end();
  });
});
