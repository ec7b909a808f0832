// Sweeps behind a queue whose workers, own process and server are killed, with the built command line: they end as the
// undisturbed sweep of this computer does. What is compared is read from the journal and the server, not through the engine.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { createRng } from "isoloss/data";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { serverProgram, startServer, type TestServer } from "../../../queue/test/server.js";
import { workbench } from "../commands/support.js";

const bench = workbench();
const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 100_000);
const random = createRng(seed);

/**
 * Short, so that deaths are noticed soon. In a long rehearsal on a busy computer a lock of two seconds also expires where nothing
 * died, and a run whose lock expired five times is lost.
 */
const timing = {
  ...(process.env.REHEARSAL
    ? { lock: 12_000, lockRenewal: 3000, stalled: 3000 }
    : { lock: 2000, lockRenewal: 500, stalled: 1000 }),
  lease: 2000,
  look: 200,
  reconcile: 3000,
  heartbeat: 1000,
};

// A run takes a second or two: a sweep must not end before the last of five kills.
const sweep = `name: chaos
experiment: classify-digits
variant: sgd
set: { steps: 20000, runtime: javascript, model: { name: mlp, sizes: [64, 8, 10] } }
method: random
metric: { name: validation.loss }
seeds: [0]
parameters:
  learningRate: { min: 1.0e-2, max: 1, scale: log }
  batchSize: { values: [10, 20] }
budget: { trials: 5 }
confirm: false
`;

/**
 * The rehearsal: workers, the sweep's own process and the server are killed at random for a quarter of a minute, or with
 * REHEARSAL=600 for ten minutes of a sweep of 60 trials with two seeds.
 */
const rehearsal = {
  seconds: Number(process.env.REHEARSAL ?? 15),
  ...(process.env.REHEARSAL
    ? {
        trials: 60,
        text: sweep
          .replace("trials: 5", "trials: 60")
          .replace("seeds: [0]", "seeds: 0..1")
          .replace("steps: 20000", "steps: 200000"),
      }
    : { trials: 5, text: sweep }),
};

type Entry = Record<string, unknown> & { readonly entry: string; readonly run?: string };

/** The whole lines of a journal. */
const entriesOf = (directory: string): Entry[] => {
  const path = join(directory, "journal.jsonl");
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
};
const recordsOf = (directory: string): Entry[] =>
  entriesOf(directory).filter(({ entry }) => entry === "record");
/** The numbers of all runs, by their ids, which are hashes of what they compute. */
const numbersOf = (directory: string): Map<unknown, unknown> =>
  new Map(
    recordsOf(directory)
      .map(({ run, status, values, metrics, steps }) => [run, { status, values, metrics, steps }] as const)
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  );

describe.skipIf(!serverProgram)("a sweep behind a queue comes to the numbers of one on this computer", () => {
  let server: TestServer;
  let children: Set<ChildProcess>;
  let calm: Map<unknown, unknown>;

  /** A command with short times between signs of life. */
  function start(...args: string[]): {
    child: ChildProcess;
    ended: Promise<number | null>;
    errors(): string;
  } {
    const child = spawn(process.execPath, [bench.cli.script, ...args], {
      cwd: bench.folder,
      env: { ...process.env, ISOLOSS_QUEUE_TIMING: JSON.stringify(timing) },
    });
    children.add(child);
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
    }
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    return { child, ended, errors: () => text };
  }
  const worker = (name: string, url = server.url) =>
    start("worker", "--queue", url, "--jobs", "1", "--work", `work-${name}`);
  const folderOf = (out: string) => join(bench.folder, out, "chaos-1");

  async function check(directory: string, expected = calm, trials = 5): Promise<void> {
    const entries = entriesOf(directory);
    const records = recordsOf(directory);
    expect(new Set(records.map(({ run }) => run)).size).toBe(records.length);
    const asked = entries.filter(({ entry }) => entry === "ask").map(({ trial }) => trial);
    expect(asked).toEqual(Array.from({ length: trials }, (_, trial) => trial));
    expect(entries.at(-1)?.entry).toBe("end");
    expect(numbersOf(directory)).toEqual(expected);
  }

  beforeAll(async () => {
    console.log(`CHAOS_SEED=${seed}`);
    bench.write("chaos.yaml", sweep);
    children = new Set();
    const { ended, errors } = start("sweep", "chaos.yaml", "--out", "calm", "--jobs", "2");
    expect(await ended, errors()).toBe(0);
    calm = numbersOf(folderOf("calm"));
    expect(calm.size).toBe(5);
  });
  beforeEach(async () => {
    server = await startServer();
    children = new Set();
  });
  afterEach(async () => {
    for (const child of children) child.kill("SIGKILL");
    await server.end();
  });

  it(
    "when workers, its own process and the server are killed at random",
    async () => {
      const { seconds, trials, text } = rehearsal;
      // Milliseconds between kills, the mean of an even distribution.
      let between = 700;
      bench.write("rehearsal.yaml", text);
      let expected = calm;
      if (text !== sweep) {
        const begin = Date.now();
        const local = start("sweep", "rehearsal.yaml", "--out", "rehearsed", "--jobs", "2");
        expect(await local.ended, local.errors()).toBe(0);
        expected = numbersOf(folderOf("rehearsed"));
        // Twice the time of a run, however busy the machine is: a run whose worker is killed five times counts as lost.
        between = (2 * 2 * (Date.now() - begin)) / expected.size;
      }
      const directory = folderOf("rehearsal");
      const workers = ["a", "b", "c"].map((name) => worker(name));
      let own = start("sweep", "rehearsal.yaml", "--out", "rehearsal", "--queue", server.url);
      while (entriesOf(directory).length < 2) await pause(50);
      const kills = { workers: 0, own: 0, server: 0 };
      const since = Date.now();
      while (Date.now() - since < 1000 * seconds && recordsOf(directory).length < expected.size - 1) {
        await pause(2 * between * random.next());
        const which = random.next();
        if (which < 0.6) {
          const i = Math.floor(3 * random.next());
          workers[i].child.kill("SIGKILL");
          await workers[i].ended;
          workers[i] = worker(`${"abc"[i]}`);
          kills.workers++;
        } else if (which < 0.8) {
          own.child.kill("SIGKILL");
          await own.ended;
          own = start("sweep", "--resume", directory, "--queue", server.url);
          kills.own++;
        } else {
          await server.kill();
          await pause(2000 * random.next());
          await server.start();
          kills.server++;
        }
      }
      const chaos = (Date.now() - since) / 1000;
      expect(await own.ended, own.errors()).toBe(0);
      const total = (Date.now() - since) / 1000;
      console.log(`rehearsal: ${JSON.stringify({ kills, chaos, total, runs: expected.size })}`);
      await check(directory, expected, trials);
    },
    process.env.REHEARSAL ? 7_200_000 : undefined,
  );

  it("when no other computer helps, with --jobs", async () => {
    const { ended, errors } = start(
      ...["sweep", "chaos.yaml", "--out", "alone", "--queue", server.url, "--jobs", "1"],
    );
    expect(await ended, errors()).toBe(0);
    await check(folderOf("alone"));
  });

  it("when a worker is frozen past its lock, and goes on", async () => {
    const directory = folderOf("frozen");
    const [one] = [worker("a"), worker("b")];
    const { ended, errors } = start("sweep", "chaos.yaml", "--out", "frozen", "--queue", server.url);
    while (recordsOf(directory).length < 2) await pause(50);
    one.child.kill("SIGSTOP");
    await pause(5000);
    one.child.kill("SIGCONT");
    expect(await ended, errors()).toBe(0);
    await check(directory);
  });

  it("when its own process is killed five times, and goes on, at last elsewhere", async () => {
    const directory = folderOf("own");
    worker("a");
    worker("b");
    let args = ["sweep", "chaos.yaml", "--out", "own", "--queue", server.url];
    for (let kills = 0; kills < 5; kills++) {
      const before = recordsOf(directory).length;
      const { child, ended } = start(...args);
      // The workers go on meanwhile: with more records a process that goes on might end before it is killed.
      while (recordsOf(directory).length < Math.min(before + 1, 3) && child.exitCode === null)
        await pause(20);
      child.kill("SIGKILL");
      await ended;
      args = ["sweep", "--resume", directory, "--queue", server.url];
    }
    const { id } = entriesOf(directory)[0] as unknown as { id: string };
    rmSync(directory, { recursive: true });
    const elsewhere = start("sweep", "--attach", id, "--out", "elsewhere", "--queue", server.url);
    expect(await elsewhere.ended, elsewhere.errors()).toBe(0);
    await check(folderOf("elsewhere"));
  });

  it.each([1, 3, 10])("when the server is killed, and is back after %i s", async (seconds) => {
    const directory = folderOf(`server-${seconds}`);
    worker("a");
    worker("b");
    const { ended, errors } = start(
      "sweep",
      "chaos.yaml",
      "--out",
      `server-${seconds}`,
      "--queue",
      server.url,
    );
    while (recordsOf(directory).length < 2) await pause(20);
    await server.kill();
    await pause(1000 * seconds);
    await server.start();
    expect(await ended, errors()).toBe(0);
    await check(directory);
  });

  it("when the network stalls and is cut for five seconds", async () => {
    const directory = folderOf("network");
    const proxy = await stallingProxy(server.port);
    worker("a", proxy.url);
    worker("b", proxy.url);
    const { ended, errors } = start("sweep", "chaos.yaml", "--out", "network", "--queue", server.url);
    while (recordsOf(directory).length < 2) await pause(20);
    proxy.stall();
    await pause(2500);
    proxy.cut();
    await pause(2500);
    proxy.restore();
    expect(await ended, errors()).toBe(0);
    await check(directory);
    proxy.end();
  });

  it("when a worker is told to end, which gives its run back", async () => {
    const directory = folderOf("given");
    const first = worker("same");
    const { ended, errors } = start("sweep", "chaos.yaml", "--out", "given", "--queue", server.url);
    while (recordsOf(directory).length < 2) await pause(20);
    first.child.kill("SIGTERM");
    expect(await first.ended).toBe(0);
    expect(first.errors()).toContain("given back");
    worker("same");
    expect(await ended, errors()).toBe(0);
    await check(directory);
  });

  it("but for a run that kills its workers, which is lost", async () => {
    const directory = folderOf("poison");
    const { ended, errors } = start("sweep", "chaos.yaml", "--out", "poison", "--queue", server.url);
    while (entriesOf(directory).length < 5) await pause(50);
    const [, , , ask] = entriesOf(directory);
    const poison = (ask as unknown as { runs: string[] }).runs[0];
    const { id } = entriesOf(directory)[0] as unknown as { id: string };
    const redis = new Redis(server.port);
    let going = worker("poison");
    const isOver = () => entriesOf(directory).some(({ entry }) => entry === "end");
    while (!isOver()) {
      // Of a worker that lives: a dead one's expires.
      if (await redis.exists(`{isoloss-${id}}:isoloss-${id}:${poison}:lock`)) {
        going.child.kill("SIGKILL");
        await going.ended;
        going = worker("poison");
        // Until its death was noticed.
        await pause(2500);
      }
      await pause(20);
    }
    redis.disconnect();
    expect(await ended, errors()).toBe(1);
    const lost = recordsOf(directory).filter(({ status }) => status === "lost");
    expect(lost).toMatchObject([{ run: poison, error: expect.stringMatching(/Its worker died/) }]);
  });
});

/** Passes bytes on to a port of this computer, until it stalls or is cut. */
async function stallingProxy(port: number) {
  const sockets = new Set<Socket>();
  let isCut = false;
  const proxy = createServer((from) => {
    if (isCut) {
      from.destroy();
      return;
    }
    const to = connect(port, "127.0.0.1");
    for (const socket of [from, to]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        from.destroy();
        to.destroy();
      });
    }
    from.pipe(to).pipe(from);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return {
    url: `redis://127.0.0.1:${(proxy.address() as { port: number }).port}`,
    stall() {
      for (const socket of sockets) socket.pause();
    },
    cut() {
      isCut = true;
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    },
    restore() {
      isCut = false;
    },
    end: () => proxy.close(),
  };
}
