// Workers and a sweep's process in one process, with a server of their own; runs wait instead of computing.
import { hostname } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { Worker } from "bullmq";
import { Redis } from "ioredis";
import { DataError } from "isoloss";
import {
  type FakeRecord,
  type FakeReport,
  type FakeRun,
  fakeComputing,
  fast,
} from "isoloss-test-support/queue/fakes";
import { serverProgram, startServer, type TestServer } from "isoloss-test-support/queue/server";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { queueLanes } from "../src/coordinator.js";
import { sweepKeys } from "../src/keys.js";
import type { PastVerdict } from "../src/scripts.js";
import { closeSweep, listSweeps, type QueuedAsk, readSweep } from "../src/sweeps.js";
import { serveQueue } from "../src/worker.js";

const rule = { rule: "asha", factor: 3, startup: 3, above: 0 } as const;

describe.skipIf(!serverProgram)("a sweep behind a queue", () => {
  let server: TestServer;
  let count = 0;
  let id = "";
  let stopping: AbortController;
  let going: Promise<unknown>[];
  let ends: (() => Promise<void>)[];
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.end());
  beforeEach(() => {
    id = `t${++count}`;
    stopping = new AbortController();
    [going, ends] = [[], []];
  });
  afterEach(async () => {
    stopping.abort();
    await Promise.all(going);
    for (const end of ends) await end();
    const redis = new Redis(server.port);
    await redis.flushall();
    redis.disconnect();
  });

  const notice = (needs: readonly string[] = []) => ({
    id,
    name: "test",
    version: "1",
    needs,
    since: new Date(0).toISOString(),
  });

  function worker(
    name: string,
    { lanes = 2, version = "1", ...more }: Partial<Parameters<typeof serve>[0]> & { lanes?: number } = {},
  ) {
    const { computing, begun } = fakeComputing(name);
    const notes: string[] = [];
    const controller = new AbortController();
    const signal = AbortSignal.any([stopping.signal, controller.signal]);
    const done = serve({ name, lanes, version, computing, signal, notes, ...more });
    going.push(done);
    return { begun, notes, done, stop: () => controller.abort() };
  }
  const serve = ({
    notes,
    refuse = () => undefined,
    ...more
  }: {
    name: string;
    lanes: number;
    version: string;
    computing: ReturnType<typeof fakeComputing>["computing"];
    signal: AbortSignal;
    notes: string[];
    refuse?: (version: string) => string | undefined;
    idleExit?: number;
    once?: boolean;
    missing?: readonly string[];
  }) =>
    serveQueue<FakeRun, FakeRecord, FakeReport>({
      url: server.url,
      timing: fast,
      ruleOf: () => rule,
      withVerdicts: (record, verdicts) => ({
        ...record,
        verdicts: verdicts.map(([, { verdict, n, rank }]) => `${verdict} ${rank}/${n}`),
      }),
      refusal: async (sweep) => refuse(sweep.version),
      givenBack: ({ isMissing }) => (isMissing ? "its data are not here" : undefined),
      onNote: (line) => notes.push(line),
      ...more,
    });

  /** The process of a sweep. */
  async function sweep(
    {
      asks = [],
      before = [],
      needs = [],
      verdicts = [],
      expectsWorker,
    }: {
      asks?: QueuedAsk[];
      before?: FakeRecord[];
      needs?: readonly string[];
      verdicts?: readonly PastVerdict[];
      expectsWorker?: boolean;
    } = {},
    runs: readonly FakeRun[] = [],
  ) {
    const lanes = queueLanes<FakeRun, FakeRecord>({
      url: server.url,
      sweep: notice(needs),
      spec: { a: 1 },
      asks,
      timing: fast,
      expectsWorker,
      lost: (run, lost) => ({ run: run.id, result: -1, lost }),
      verdicts: () => verdicts,
    });
    const records: FakeRecord[] = [];
    const notes: string[] = [];
    await lanes.start(
      {
        record: (record) => records.push(record),
        progress() {},
        changed() {},
        note: (line) => notes.push(line),
        fail: (error) => notes.push(error.message),
      },
      before,
    );
    ends.push(() => lanes.stop());
    lanes.submit(runs);
    const all = async (number = runs.length) => {
      await expect.poll(() => records.length, { timeout: 20_000, interval: 20 }).toBe(number);
      return new Map(records.map(({ run, result }) => [run, result]));
    };
    return { lanes, records, notes, all };
  }

  const runsOf = (number: number, more: Partial<FakeRun> = {}): FakeRun[] =>
    Array.from({ length: number }, (_, i) => ({ id: `r-${i}`, number: i, milliseconds: 10, ...more }));
  const doubled = (number: number) =>
    new Map(Array.from({ length: number }, (_, i) => [`r-${i}`, 2 * i] as const));

  it("is computed by workers, each run counted once", async () => {
    worker("one");
    worker("two");
    const { all, lanes, records } = await sweep({}, runsOf(20));
    expect(await all()).toEqual(doubled(20));
    lanes.submit(runsOf(20));
    // They are told again, as what they are.
    await expect.poll(() => records.length).toBe(40);
    expect(await all(40)).toEqual(doubled(20));
    await expect.poll(() => lanes.words).toBe("2 workers, 4 lanes");
    expect((await listSweeps(server)).sweeps.map((one) => one.id)).toEqual([id]);
  });

  it("gets verdicts that the server makes, in its records", async () => {
    worker("one", { lanes: 1 });
    const values = [3, 2, 1, 4, 0.5];
    const { all, records } = await sweep(
      {},
      values.map((value, i) => ({ id: `r-${i}`, number: i, milliseconds: 1, values: [value] })),
    );
    await all();
    expect(records.map(({ run, verdicts }) => [run, verdicts])).toEqual([
      ["r-0", ["go 1/1"]],
      ["r-1", ["go 1/2"]],
      ["r-2", ["go 1/3"]],
      ["r-3", ["stop 4/4"]],
      ["r-4", ["go 1/5"]],
    ]);
    expect(records[3].stopped).toBe(10);
  });

  it("goes on elsewhere from what the server knows", async () => {
    worker("one");
    const first = await sweep({}, runsOf(4));
    first.lanes.asked([{ trial: 0 }, { trial: 1 }]);
    await first.all();
    await first.lanes.stop();
    const copy = await readSweep(server, id);
    expect(copy).toMatchObject({ spec: { a: 1 }, asks: [{ trial: 0 }, { trial: 1 }] });
    expect(copy.records.length).toBe(4);
    const second = await sweep({ asks: [...copy.asks], before: copy.records as FakeRecord[] }, []);
    second.lanes.submit([...runsOf(2), { id: "r-4", number: 4, milliseconds: 1 }]);
    // Two that it knows, at once, and a new one.
    expect((await second.all(3)).get("r-4")).toBe(8);
    await expect(readSweep(server, "none")).rejects.toThrow(/no open sweep none. It has t\d+ \(test\)/);
  });

  it("survives a server whose data are gone", async () => {
    const { begun } = worker("one");
    const { all, records, lanes } = await sweep({}, runsOf(12, { milliseconds: 60 }));
    await expect.poll(() => records.length, { interval: 5 }).toBeGreaterThan(3);
    const redis = new Redis(server.port);
    await redis.flushall();
    redis.disconnect();
    expect(await all()).toEqual(doubled(12));
    expect(begun.size).toBe(12);
    // Also for another computer.
    await expect
      .poll(async () => (await readSweep(server, id).catch(() => undefined))?.records.length)
      .toBe(12);
    expect(lanes.width).toBe(2);
  });

  it("compares runs with those that a server has forgotten", async () => {
    worker("one");
    const verdicts = [1, 3].map((value, i) => ({
      run: `r-old${i}`,
      seed: 0,
      rung: 10,
      value,
      verdict: "go" as const,
      n: i + 1,
      rank: i + 1,
    }));
    const before = verdicts.map(({ run }) => ({ run, result: 0 }));
    const { all, records } = await sweep({ before, verdicts }, runsOf(1, { values: [2] }));
    await all();
    expect(records[0].verdicts).toEqual(["go 2/3"]);
  });

  it("survives a server that dies and starts again", async () => {
    const { notes } = worker("one");
    const { all, records, notes: told } = await sweep({}, runsOf(12, { milliseconds: 60 }));
    await expect.poll(() => records.length, { interval: 5 }).toBeGreaterThan(2);
    await server.kill();
    for (const lines of [notes, told]) await expect.poll(() => lines, { interval: 5 }).toHaveLength(1);
    await server.start();
    expect(await all()).toEqual(doubled(12));
    for (const lines of [notes, told]) {
      await expect
        .poll(() => lines.filter((line) => line.includes(server.url)))
        .toEqual([
          `The server at ${server.url} does not answer: waiting for it`,
          `The server at ${server.url} answers again`,
        ]);
    }
  });

  it("gets runs back from a worker that is told to end", async () => {
    const one = worker("one", { lanes: 1 });
    const { all } = await sweep({}, runsOf(2, { milliseconds: 150 }));
    await expect.poll(() => one.begun.size, { interval: 5 }).toBeGreaterThan(0);
    one.stop();
    expect(await one.done).toBeLessThan(2);
    worker("two");
    expect(await all()).toEqual(doubled(2));
  });

  it("counts workers of one name, as in containers, apart", async () => {
    const first = worker("host:1");
    worker("host:1");
    const names = async () => (await listSweeps({ url: server.url })).workers.map(({ name }) => name);
    await expect.poll(names).toEqual(["host:1", "host:1"]);
    first.stop();
    await first.done;
    expect(await names()).toEqual(["host:1"]);
  });

  it("gets runs back from a worker whose disk is full, which ends with the error", async () => {
    const begun = new Map<string, number>();
    const { computing } = fakeComputing("full", begun, true);
    const signal = stopping.signal;
    const full = serve({ name: "full", lanes: 1, version: "1", computing, signal, notes: [] });
    const ended = expect(full).rejects.toThrow("the disk is full");
    const { all, records } = await sweep({}, runsOf(5));
    await ended;
    expect([records, begun.size]).toEqual([[], 1]);
    worker("other");
    expect(await all()).toEqual(doubled(5));
  });

  it("is not served by other versions, and says so on both sides", async () => {
    const { notes } = worker("old", { version: "0", refuse: (version) => `it is of version ${version}` });
    const { notes: told, lanes } = await sweep({}, runsOf(1));
    await expect.poll(() => notes).toEqual([`The sweep test (${id}) is not served here: it is of version 1`]);
    await expect
      .poll(() => told)
      .toEqual([
        "The worker old has version 0: it is not used.",
        expect.stringMatching(/No worker yet: start one with isoloss worker --queue redis/),
        expect.stringMatching(/Still no worker for this sweep/),
      ]);
    expect(lanes.width).toBe(0);
  });

  it("asks for a worker at once, and where one is on its way only when it does not come", async () => {
    const alone = await sweep({}, runsOf(1));
    expect(alone.notes).toEqual([expect.stringMatching(/^No worker yet/)]);
    await alone.lanes.stop();
    const { notes } = await sweep({ expectsWorker: true }, runsOf(1));
    expect(notes).toEqual([]);
    await expect.poll(() => notes).toEqual([expect.stringMatching(/^Still no worker/)]);
  });

  it("is not served by workers without its data", async () => {
    worker("bare", { missing: ["clothes"] });
    const { notes } = await sweep({ needs: ["digits", "clothes"] }, runsOf(1));
    await expect.poll(() => notes[0]).toBe("The worker bare has no clothes: it is not used.");
  });

  it("leaves nothing on the server that is forgotten", async () => {
    worker("one");
    const { all, lanes } = await sweep({}, runsOf(2));
    await all();
    await lanes.forget();
    const redis = new Redis(server.port);
    expect(await redis.keys(`{isoloss-${id}}*`)).toEqual([sweepKeys(id).closed]);
    redis.disconnect();
  });

  it("has one process at a time; another one takes over when it is dead", async () => {
    const { lanes } = await sweep();
    // Also where both have one host name and one process number, as in two containers.
    await expect(sweep()).rejects.toThrow(`is run by ${hostname()}:${process.pid}. Watch`);
    const other = new Redis(server.port);
    await lanes.stop();
    await other.set(sweepKeys(id).lease, "elsewhere:1", "PX", 5000);
    await expect(sweep()).rejects.toThrow(/is run by elsewhere:1.*--close/);
    await other.set(sweepKeys(id).lease, "elsewhere:1", "PX", 300);
    other.disconnect();
    const { notes } = await sweep();
    expect(notes.join()).toMatch(/Waiting for elsewhere:1/);
  });

  it("withdraws what has not begun, and stops what is cancelled", async () => {
    const { begun } = worker("one", { lanes: 1 });
    const { lanes, records, notes } = await sweep({}, runsOf(5, { milliseconds: 5000 }));
    await expect.poll(() => begun.size, { interval: 5 }).toBe(1);
    const dropped = await lanes.withdraw();
    expect(dropped.length).toBe(4);
    const [under] = [...begun.keys()];
    expect(dropped).not.toContain(under);
    lanes.cancel([]);
    lanes.cancel([under]);
    lanes.submit([{ id: "r-next", number: 9, milliseconds: 1 }]);
    await expect.poll(() => records.map(({ run }) => run), { timeout: 20_000 }).toEqual(["r-next"]);
    expect(notes.join()).not.toContain("refuses");
  });

  it("is on the server once it is handed over", async () => {
    const { lanes } = await sweep({}, runsOf(500));
    await lanes.handedOver();
    const redis = new Redis(server.port);
    const { prefix, queue } = sweepKeys(id);
    expect(await redis.llen(`${prefix}:${queue}:wait`)).toBe(500);
    redis.disconnect();
  });

  it("is closed for all", async () => {
    const { begun } = worker("one", { lanes: 1 });
    const { records, notes } = await sweep({}, runsOf(3, { milliseconds: 2000 }));
    await expect.poll(() => begun.size, { interval: 5 }).toBe(1);
    await closeSweep(server, id);
    await expect.poll(() => notes.join(), { timeout: 20_000 }).toMatch(/was closed on the server/);
    // The worker gives up its run within a heartbeat, and has a lane for the next one.
    await pause(2 * fast.heartbeat);
    expect(records).toEqual([]);
    expect(begun.size).toBe(1);
    expect((await listSweeps(server)).sweeps).toEqual([]);
  });

  it("gets the run of a dead worker back when it was closed under way and is resumed", async () => {
    const { prefix, queue } = sweepKeys(id);
    const { lanes } = await sweep({}, runsOf(1));
    const dead = new Worker(queue, () => new Promise(() => {}), {
      connection: { port: server.port, maxRetriesPerRequest: null },
      prefix,
      lockDuration: fast.lock,
      stalledInterval: fast.stalled,
    });
    const redis = new Redis(server.port);
    await expect.poll(() => redis.exists(`${prefix}:${queue}:r-0:lock`), { interval: 5 }).toBe(1);
    await lanes.finish();
    await lanes.stop();
    await dead.close(true);
    const { all } = await sweep({}, runsOf(1));
    expect(await redis.pttl(sweepKeys(id).lease)).toBeGreaterThan(0);
    redis.disconnect();
    worker("other");
    expect(await all()).toEqual(doubled(1));
  });

  it("is looked for by an idle worker without a new connection each time", async () => {
    await sweep({}, []);
    const { stop, done } = worker("idle");
    await expect.poll(async () => (await listSweeps(server)).workers).toHaveLength(1);
    const redis = new Redis(server.port);
    const connections = async () =>
      Number(/total_connections_received:(\d+)/.exec(await redis.info("stats"))?.[1]);
    await pause(4 * fast.look);
    const before = await connections();
    await pause(6 * fast.look);
    expect(await connections()).toBe(before);
    redis.disconnect();
    stop();
    await done;
  });

  it("keeps a worker that has nothing to do while another's run may come back", async () => {
    const first = worker("first", { lanes: 1 });
    const { all } = await sweep({}, runsOf(1, { milliseconds: 1500 }));
    await expect.poll(() => first.begun.size).toBe(1);
    let hasLeft = false;
    const second = worker("second", { idleExit: 0.3 });
    second.done.finally(() => {
      hasLeft = true;
    });
    await pause(900);
    expect(hasLeft).toBe(false);
    first.stop();
    expect(await all()).toEqual(doubled(1));
    expect(second.begun.size).toBe(1);
    expect(await second.done).toBe(1);
  });

  it("ends workers that have had nothing to do", async () => {
    const { done } = worker("one", { idleExit: 0.3 });
    expect(await done).toBe(0);
    const { done: once } = worker("two", { once: true });
    const { records } = await sweep({}, runsOf(3));
    expect(await once).toBe(1);
    expect(records.length).toBeLessThanOrEqual(1);
  });
});

it.skipIf(!serverProgram)(
  "waits as a worker for a server that is full, and says as a sweep that it is",
  async () => {
    const full = await startServer("--maxmemory", "100kb");
    const stopping = new AbortController();
    const notes: string[] = [];
    const onNote = (line: string) => {
      notes.push(line);
      stopping.abort();
    };
    const served = serveQueue<FakeRun, FakeRecord, FakeReport>({
      url: full.url,
      name: "w",
      version: "1",
      lanes: 1,
      timing: fast,
      signal: stopping.signal,
      onNote,
      computing: fakeComputing("w").computing,
      ruleOf: () => rule,
      withVerdicts: (record) => record,
      refusal: async () => undefined,
    });
    expect(await served).toBe(0);
    expect(notes).toEqual([expect.stringMatching(/the server refuses, and is asked again: OOM/)]);
    const lanes = queueLanes<FakeRun, FakeRecord>({
      url: full.url,
      spec: null,
      asks: [],
      timing: fast,
      sweep: { id: "full", name: "full", version: "1", needs: [], since: new Date(0).toISOString() },
      lost: ({ id: run }) => ({ run, result: 0 }),
    });
    const host = { record() {}, progress() {}, changed() {}, note() {}, fail() {} };
    const refused = lanes.start(host, []);
    await expect(refused).rejects.toThrow(DataError);
    await expect(refused).rejects.toThrow(`The server at ${full.url} refuses: OOM`);
    await lanes.stop();
    await full.end();
  },
);
