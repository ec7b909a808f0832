// Sweeps behind a queue whose workers, own process and server are killed, with the built command line: they end as the
// undisturbed sweep of this computer does. What is compared is read from the journal and the server, not through the engine.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { createRng } from "isoloss/data";
import { serverProgram, startServer, type TestServer } from "isoloss-test-support/queue/server";
import { beforeAll, describe, expect, test } from "vitest";
import { workbench } from "../commands/support.js";

const bench = workbench();
const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 100_000);
const random = createRng(seed);

/** Short, so that deaths are noticed soon. */
const timing = {
  lock: 2000,
  lockRenewal: 500,
  stalled: 1000,
  lease: 2000,
  look: 200,
  reconcile: 3000,
  heartbeat: 1000,
};

/** How long chaos begins sweeps at least: until everything has happened once. */
const minutes = Number(process.env.ISOLOSS_CHAOS_MINUTES ?? 0);
/** What happens to sweeps of this computer, and to those behind the server. */
const here = ["laneKilled", "sweepKilled", "sweepInterrupted", "frozen", "diskFull"];
const disturbances = { here, queued: [...here, "workerKilled", "serverKilled"] };

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

/** A command with short times between signs of life. */
function start(...args: string[]) {
  const child = spawn(process.execPath, [bench.cli.script, ...args], {
    cwd: bench.folder,
    env: { ...process.env, ISOLOSS_QUEUE_TIMING: JSON.stringify(timing) },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { child, ended, errors: () => text };
}

/** A server, and what starts commands, which end with the test. */
interface Field {
  readonly server: TestServer;
  readonly start: typeof start;
  worker(name: string, url?: string): ReturnType<typeof start>;
}

const it = test.extend<{ field: Field }>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads there what a fixture needs.
  async field({}, use) {
    const server = await startServer();
    const children: ChildProcess[] = [];
    const field: Field = {
      server,
      start(...args) {
        const command = start(...args);
        children.push(command.child);
        return command;
      },
      worker: (name, url = server.url) =>
        field.start("worker", "--queue", url, "--jobs", "1", "--work", `work-${server.port}-${name}`),
    };
    await use(field);
    for (const child of children) child.kill("SIGKILL");
    await server.end();
  },
});

describe.skipIf(!serverProgram)("a sweep behind a queue comes to the numbers of one on this computer", () => {
  let calm: Map<unknown, unknown>;
  const folderOf = (out: string) => join(bench.folder, out, "chaos-1");

  async function check(directory: string): Promise<void> {
    const entries = entriesOf(directory);
    const records = recordsOf(directory);
    expect(new Set(records.map(({ run }) => run)).size).toBe(records.length);
    const asked = entries.filter(({ entry }) => entry === "ask").map(({ trial }) => trial);
    expect(asked).toEqual([0, 1, 2, 3, 4]);
    expect(entries.at(-1)?.entry).toBe("end");
    expect(numbersOf(directory)).toEqual(calm);
  }

  beforeAll(async () => {
    console.log(`CHAOS_SEED=${seed}`);
    bench.write("chaos.yaml", sweep);
    const { ended, errors } = start("sweep", "chaos.yaml", "--out", "calm", "--jobs", "2");
    expect(await ended, errors()).toBe(0);
    calm = numbersOf(folderOf("calm"));
    expect(calm.size).toBe(5);
  });

  it(
    "when anything is killed, stopped, frozen or finds its disk full, until all of it has happened here and behind the server",
    async ({ field }) => {
      const counts = { queued: new Map<string, number>(), here: new Map<string, number>() };
      const until = Date.now() + 60_000 * minutes;
      for (let sweeps = 0; ; sweeps++) {
        const missing = (["queued", "here"] as const).find(
          (one) => counts[one].size < disturbances[one].length,
        );
        if (missing === undefined && Date.now() >= until) break;
        const where = missing ?? (sweeps % 2 === 0 ? "queued" : "here");
        await disturb(field, `disturbed-${sweeps}`, where, counts[where]);
      }
      console.log(`chaos: ${JSON.stringify({ queued: [...counts.queued], here: [...counts.here] })}`);
    },
    60_000 * minutes + 900_000,
  );

  /** A sweep behind the server, or of this computer, to which all sorts of things happen. */
  async function disturb(
    { server, start, worker }: Field,
    out: string,
    place: keyof typeof disturbances,
    counts: Map<string, number>,
  ): Promise<void> {
    const directory = folderOf(out);
    const isQueued = place === "queued";
    const where = isQueued ? ["--queue", server.url] : ["--jobs", "2"];
    const workers = (isQueued ? ["a", "b"] : []).map((name) => worker(`${out}-${name}`));
    let own = start("sweep", "chaos.yaml", "--out", out, ...where);
    const resume = () => {
      own = start("sweep", "--resume", directory, ...where);
    };
    const hasEnded = ({ child }: typeof own) => child.exitCode !== null || child.signalCode !== null;
    const isFull = /the file would be larger than the system allows/;
    /** What ended as its disk was full begins again. */
    const revive = () => {
      for (const [i, one] of workers.entries()) {
        if (!hasEnded(one)) continue;
        expect(one.errors()).toMatch(isFull);
        workers[i] = worker(`${out}-${"ab"[i]}`);
      }
      if (!hasEnded(own) || own.child.exitCode === 0) return;
      expect(own.errors()).toMatch(isFull);
      resume();
    };
    const pick = <T>(of: readonly T[]): T | undefined => of[Math.floor(of.length * random.next())];
    const computing = () => (isQueued ? workers : [own]);
    const lanes = () => computing().flatMap(({ child }) => childrenOf(child.pid as number));
    /** False: there was nothing to disturb. */
    const events: Record<string, () => unknown> = {
      laneKilled: () => kill(pick(lanes()), "SIGKILL"),
      async sweepKilled() {
        own.child.kill("SIGKILL");
        await own.ended;
        resume();
      },
      async sweepInterrupted() {
        own.child.kill("SIGINT");
        // Before it listens, the signal ends it.
        if ((await own.ended) !== 0) resume();
      },
      async frozen() {
        const pid = pick([...computing().map(({ child }) => child.pid), own.child.pid, ...lanes()]);
        const isFrozen = kill(pid, "SIGSTOP");
        await pause(4000 * random.next());
        kill(pid, "SIGCONT");
        return isFrozen;
      },
      diskFull() {
        const pids = random.next() < 0.5 ? lanes() : [own.child.pid];
        for (const pid of pids) spawnSync("prlimit", ["--pid", `${pid}`, "--fsize=0"]);
        return pids.length > 0;
      },
      async workerKilled() {
        const i = Math.floor(workers.length * random.next());
        const [one] = [workers[i] as typeof own];
        one.child.kill("SIGKILL");
        await one.ended;
        workers[i] = worker(`${out}-${"ab"[i]}`);
      },
      async serverKilled() {
        await server.kill();
        await pause(3000 * random.next());
        await server.start();
      },
    };
    while (entriesOf(directory).length < 2) await pause(50);
    // A run that was killed five times is lost.
    for (let kills = 0, n = 0; n < 8 && recordsOf(directory).length < calm.size; n++) {
      await pause(2000 * random.next());
      revive();
      const names = disturbances[place].filter((one) => kills < 4 || !/^(lane|worker)/.test(one));
      const name = pick(names.filter((one) => !counts.has(one))) ?? (pick(names) as string);
      if (/^(lane|worker)/.test(name)) kills += 1;
      if (own.child.exitCode === 0) break;
      if ((await events[name]()) !== false) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    while (own.child.exitCode !== 0) {
      await pause(200);
      revive();
    }
    for (const { child } of workers) child.kill("SIGKILL");
    await check(directory);
    expect((await bench.run("sweep", "--verify", directory)).stdout).toBe("I1 to I5 hold.\n");
  }

  // Those that wait go in pairs: more processes at a time would miss the short times of their locks.
  it.concurrent("when the server is killed twice, and is back after one second and after ten", async ({
    field,
  }) => {
    const { server, start, worker } = field;
    const directory = folderOf("server");
    worker("a");
    worker("b");
    const { ended, errors } = start("sweep", "chaos.yaml", "--out", "server", "--queue", server.url);
    for (const [i, seconds] of [1, 10].entries()) {
      while (recordsOf(directory).length < i + 1) await pause(20);
      expect(recordsOf(directory).length).toBeLessThan(calm.size);
      await server.kill();
      await pause(1000 * seconds);
      await server.start();
    }
    expect(await ended, errors()).toBe(0);
    await check(directory);
  });

  it.concurrent("when the network stalls and is cut for five seconds", async ({ field }) => {
    const { server, start, worker } = field;
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

  it("when its own process is killed three times, and goes on, at last elsewhere", async ({ field }) => {
    const { server, start, worker } = field;
    const directory = folderOf("own");
    worker("a");
    worker("b");
    let args = ["sweep", "chaos.yaml", "--out", "own", "--queue", server.url];
    for (let kills = 1; kills <= 3; kills++) {
      const { child, ended } = start(...args);
      // The workers go on meanwhile: with more records a process that goes on might end before it is killed.
      while (recordsOf(directory).length < kills && child.exitCode === null) await pause(20);
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

  it.concurrent("when a worker is frozen past its lock, and goes on", async ({ field }) => {
    const { server, start, worker } = field;
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

  it.concurrent("or is left at the first signal, or by idle workers, when the server is gone for good", async ({
    field,
  }) => {
    const { server, start, worker } = field;
    const directory = folderOf("gone");
    const [told, idle] = [worker("told"), start("worker", "--queue", server.url, "--idle-exit", "9")];
    const own = start("sweep", "chaos.yaml", "--out", "gone", "--queue", server.url);
    while (recordsOf(directory).length < 2) await pause(20);
    await server.kill();
    expect(await idle.ended, idle.errors()).toBe(0);
    expect(idle.errors()).toMatch(/the server at redis:\S+ has not answered for 9 s/);
    told.child.kill("SIGTERM");
    expect(await told.ended, told.errors()).toBe(0);
    own.child.kill("SIGINT");
    expect(await own.ended, own.errors()).toBe(130);
  });

  it("when no other computer helps, with --jobs", async ({ field: { server, start } }) => {
    const { ended, errors } = start(
      ...["sweep", "chaos.yaml", "--out", "alone", "--queue", server.url, "--jobs", "1"],
    );
    expect(await ended, errors()).toBe(0);
    await check(folderOf("alone"));
  });

  it.concurrent("when a worker is told to end, which gives its run back", async ({ field }) => {
    const { server, start, worker } = field;
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

  it.concurrent("but for a run that kills its workers, which is lost", async ({ field }) => {
    const { server, start, worker } = field;
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
    // The sixth may be killed while it says so.
    const lost = recordsOf(directory).filter(({ status }) => status === "lost");
    expect(lost).toMatchObject([
      { run: poison, error: expect.stringMatching(/^Its worker died [56] times$/) },
    ]);
  });
});

const childrenOf = (pid: number): number[] =>
  // Where there is no such program, no lane is found.
  (spawnSync("ps", ["-o", "pid=", "--ppid", `${pid}`], { encoding: "utf8" }).stdout ?? "")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map(Number);

/** A process that has just ended has no signals. */
function kill(pid: number | undefined, signal: NodeJS.Signals): boolean {
  try {
    return pid !== undefined && process.kill(pid, signal);
  } catch {
    return false;
  }
}

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
