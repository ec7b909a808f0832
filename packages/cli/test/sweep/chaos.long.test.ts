// Sweeps whose processes are killed, with the built command line: they end as the undisturbed sweep does.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createRng } from "isoloss/data";
import { beforeAll, describe, expect, it } from "vitest";
import type { SweepDocument } from "../../src/sweep/document.js";
import { workbench } from "../commands/support.js";

const bench = workbench();
const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 100_000);
const random = createRng(seed);

const sweep = `name: chaos
experiment: classify-digits
variant: sgd
set: { steps: 100, runtime: javascript, model: { name: mlp, sizes: [64, 8, 10] } }
method: random
metric: { name: validation.loss }
seeds: 0..1
parameters:
  learningRate: { min: 1.0e-2, max: 1, scale: log }
  batchSize: { values: [10, 20] }
budget: { trials: 6 }
confirm: { seeds: 10..11, best: 1 }
`;

/** What does not depend on times and places. */
const numbers = ({ counts, end, best, trials, confirmed }: SweepDocument): unknown => ({
  counts,
  end,
  best,
  confirmed,
  trials: trials.map(({ runs, ...trial }) => ({
    ...trial,
    runs: runs.map(({ run, seed: own, status, value, steps }) => ({ run, own, status, value, steps })),
  })),
});

interface Command {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  output(): string;
  errors(): string;
}

function start(...args: string[]): Command {
  const child = spawn(process.execPath, [bench.cli.script, "sweep", ...args, "--jobs", "2", "--json"], {
    cwd: bench.folder,
  });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (chunk: string) => {
      text[name] += chunk;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { child, ended, output: () => text.stdout, errors: () => text.stderr };
}

/** Processes of lanes under way, by the runs that they have locked. */
function lanesOf(directory: string): Map<string, number> {
  const runs = join(directory, "runs");
  if (!existsSync(runs)) return new Map();
  return new Map(
    readdirSync(runs).flatMap((run): [string, number][] => {
      const lock = join(runs, run, "lock");
      const pid = existsSync(lock) ? Number(readFileSync(lock, "utf8").split(" ")[0]) : 0;
      return pid > 0 ? [[run, pid]] : [];
    }),
  );
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, "SIGKILL");
    return true;
  } catch {
    return false;
  }
}

const records = (directory: string): number => {
  const path = join(directory, "journal.jsonl");
  return existsSync(path) ? readFileSync(path, "utf8").split('"entry":"record"').length - 1 : 0;
};

let calm: SweepDocument;

beforeAll(async () => {
  console.log(`CHAOS_SEED=${seed}`);
  bench.write("chaos.yaml", sweep);
  const { ended, output } = start("chaos.yaml", "--out", "calm");
  expect(await ended).toBe(0);
  calm = JSON.parse(output());
  expect(calm.counts).toEqual({ completed: 6 });
}, 600_000);

async function verify(directory: string): Promise<void> {
  expect((await bench.run("sweep", "--verify", directory)).stdout).toBe("I1 to I5 hold.\n");
}

describe("a sweep comes to the same numbers", () => {
  it("when its lanes are killed six times", async () => {
    const directory = join(bench.folder, "lanes/chaos-1");
    const { child, ended, output } = start("chaos.yaml", "--out", "lanes");
    let kills = 0;
    const perRun = new Map<string, number>();
    while (kills < 6 && child.exitCode === null) {
      await pause(200 * random.next());
      const lanes = [...lanesOf(directory)].filter(([run]) => (perRun.get(run) ?? 0) < 4);
      const [run, pid] = lanes[Math.floor(random.next() * lanes.length)] ?? [];
      if (run === undefined || !kill(pid as number)) continue;
      kills += 1;
      perRun.set(run, (perRun.get(run) ?? 0) + 1);
      // Its lock names the dead process until the next one has it.
      await pause(100);
    }
    expect(await ended).toBe(0);
    expect(kills).toBeGreaterThan(3);
    expect(numbers(JSON.parse(output()))).toEqual(numbers(calm));
    await verify(directory);
  }, 600_000);

  it("when its own process is killed three times, and resumed", async () => {
    const directory = join(bench.folder, "own/chaos-1");
    let args = ["chaos.yaml", "--out", "own"];
    for (let kills = 0; kills < 3; kills++) {
      const before = records(directory);
      const { child, ended } = start(...args);
      while (records(directory) < before + 1 + 4 * random.next() && child.exitCode === null) await pause(20);
      child.kill("SIGKILL");
      await ended;
      args = ["--resume", directory];
    }
    const { ended, output } = start("--resume", directory);
    expect(await ended).toBe(0);
    expect(numbers(JSON.parse(output()))).toEqual(numbers(calm));
    await verify(directory);
  }, 600_000);

  it("when it is interrupted, which it says how to go on from", async () => {
    const directory = join(bench.folder, "stopped/chaos-1");
    const { child, ended, errors } = start("chaos.yaml", "--out", "stopped");
    while (records(directory) < 3) await pause(20);
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(errors()).toContain("isoloss sweep --resume stopped/chaos-1");
    expect(existsSync(join(directory, "lock"))).toBe(false);
    expect(lanesOf(directory).size).toBe(0);
    // The time until then counts in budget.seconds.
    const last = readFileSync(join(directory, "journal.jsonl"), "utf8").trim().split("\n").at(-1) as string;
    expect(JSON.parse(last)).toMatchObject({ entry: "pause", at: expect.any(Number) });
    const again = start("--resume", directory);
    expect(await again.ended).toBe(0);
    expect(numbers(JSON.parse(again.output()))).toEqual(numbers(calm));
    await verify(directory);
  }, 600_000);
});

describe("a disk that is full for a moment", () => {
  const canMount = spawnSync("unshare", ["--mount", "true"]).status === 0;

  it.skipIf(!canMount)(
    canMount
      ? "stops a sweep, which goes on from there"
      : "stops a sweep (skipped: mounting is not allowed here)",
    async () => {
      const isoloss = `"${process.execPath}" "${bench.cli.script}" sweep`;
      // Room for what tells what has come of it, and not for the runs.
      const script = `mkdir disk && mount -t tmpfs -o size=200k none disk
        ${isoloss} chaos.yaml --jobs 2 --out disk/s; echo "ended with $?"
        mount -o remount,size=60m disk
        ${isoloss} --resume disk/s/chaos-1 --jobs 2 --json && ${isoloss} --verify disk/s/chaos-1`;
      const { stdout, stderr } = spawnSync("unshare", ["--mount", "bash", "-c", script], {
        cwd: bench.folder,
        encoding: "utf8",
      });
      expect(stderr).toMatch(
        /isoloss: Cannot [^\n]* no space is left on the disk\. The sweep has stopped, and nothing of it is lost: once the disk takes files again, isoloss sweep --resume disk\/s\/chaos-1 goes on\.\n/,
      );
      const [ended, document = "", verified] = stdout.trim().split("\n");
      expect([ended, verified]).toEqual(["ended with 1", "I1 to I5 hold."]);
      expect(numbers(JSON.parse(document))).toEqual(numbers(calm));
    },
    600_000,
  );
});

describe("what cannot be computed", () => {
  it("is lost after five deaths of its process, and the others are fine", async () => {
    const directory = join(bench.folder, "poison/chaos-1");
    const { child, ended, output } = start("chaos.yaml", "--out", "poison");
    let last = 0;
    while (child.exitCode === null) {
      const pid = lanesOf(directory).get("3-0");
      if (pid !== undefined && pid !== last && kill(pid)) last = pid;
      await pause(5);
    }
    expect(await ended).toBe(1);
    const document: SweepDocument = JSON.parse(output());
    expect(document.counts).toEqual({ completed: 5, lost: 1 });
    const [lost] = document.trials[3]?.runs ?? [];
    expect(lost).toMatchObject({
      status: "lost",
      error: expect.stringContaining(`Its process died 5 times (${Array(5).fill("SIGKILL").join(", ")})`),
    });
    expect(readFileSync(join(directory, "report.html"), "utf8")).toContain(lost?.error ?? "no error");
    await verify(directory);
  }, 600_000);

  it("is stopped where it takes longer than its timeout, and has failed", async () => {
    const set = [
      "--set",
      "timeout=1",
      "--set",
      "set.steps=1000000",
      "--trials",
      "3",
      "--set",
      "confirm=false",
    ];
    const { ended, output } = start("chaos.yaml", "--out", "late", ...set);
    expect(await ended).toBe(1);
    const document: SweepDocument = JSON.parse(output());
    expect(document.counts).toEqual({ failed: 3 });
    expect(document.trials[0]?.runs[0]?.error).toBe("timeout: it took longer than 1 s");
  }, 600_000);

  it("is refused to a second process that wants the same sweep", async () => {
    const directory = join(bench.folder, "twice/chaos-1");
    // Longer than a second process takes to begin.
    const first = start("chaos.yaml", "--out", "twice", "--set", "set.steps=1000000");
    while (!existsSync(join(directory, "lock"))) await pause(20);
    const second = start("--resume", directory);
    expect(await second.ended).toBe(1);
    expect(second.errors()).toContain(`is being written by process ${first.child.pid}`);
    first.child.kill("SIGKILL");
    await first.ended;
  }, 600_000);
});
