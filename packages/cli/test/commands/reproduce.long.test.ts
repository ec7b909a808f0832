import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createRng } from "isoloss/data";
import { serverProgram, startServer } from "isoloss-test-support/queue/server";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { ReproduceDocument } from "../../src/commands/reproduce.js";
import { withoutClock } from "./reproduce-support.js";
import { workbench } from "./support.js";

const bench = workbench();

/** A table and an experiment on it with runs that take turns. */
function writeRooms(): void {
  const rows = Array.from({ length: 90 }, (_, i) => `${i % 7},${(i * i) % 11},${(3 * (i % 7) + i) % 13}`);
  bench.write("rooms.csv", ["area,floor,rent", ...rows].join("\n"));
  bench.write(
    "rooms.yaml",
    `name: rooms
kind: train
data: { csv: rooms.csv, label: rent, test: 0.3 }
model: { name: mlp, sizes: [2, 8, 1] }
optimizer: sgd
learningRate: 0.05
batchSize: 8
epochs: 10
seeds: [0, 1]
variants: { plain: {}, momentum: { optimizer: momentum }, wide: { model: { name: mlp, sizes: [2, 16, 1] } } }
rates: { grid: [0.03, 0.1], decay: [none, cosine], tune: 100..101, confirm: 1000..1002 }
`,
  );
}

const runsIn = (out: string) => readdirSync(join(bench.folder, out, "runs")).sort();
const endedIn = (out: string) => join(bench.folder, out, "ended-runs.jsonl");

/** Kills `reproduce rooms.yaml`, and what goes on with it, at random moments. Returns how many runs had ended after each kill. */
async function killed(
  out: string,
  { kills, seed }: { readonly kills: number; readonly seed: number },
  ...options: readonly string[]
): Promise<number[]> {
  const random = createRng(seed);
  const file = endedIn(out);
  const ended = () => (existsSync(file) ? readFileSync(file, "utf8").split('"ended"').length - 1 : 0);
  const counts: number[] = [];
  while (counts.length < kills) {
    const args = counts.length === 0 ? ["rooms.yaml", "--out", out] : ["--resume", out];
    const line = [bench.cli.script, "reproduce", ...args, ...options, "--quiet"];
    const child = spawn(process.execPath, line, { cwd: bench.folder, stdio: "ignore" });
    const closed = once(child, "close");
    const enough = ended() + 1 + Math.floor(6 * random.next());
    while (ended() < enough && child.exitCode === null) await pause(2);
    await pause(20 * random.next());
    child.kill("SIGKILL");
    await closed;
    counts.push(ended());
  }
  return counts;
}

describe("isoloss reproduce", () => {
  it("runs all that is packaged with --quick, regressions to the expected numbers", async () => {
    const document = await bench.json<ReproduceDocument>(
      ...["reproduce", "regression-gd", "regression-adagrad", "rosenbrock-20d", "classify-digits"],
      ...["classify-digits-deep", "--quick", "--json", "--quiet", "--out", "quick"],
    );
    expect(document.experiments.map((e) => e.status)).toEqual(Array(5).fill("completed"));
    expect(document.counts?.differs).toBe(0);
    expect(document.counts?.pass).toBeGreaterThanOrEqual(19);
    const { rates } = document.experiments[0];
    expect(rates.plain.baseline).toBe("plain");
    expect(rates.plain.tuned.exact.seeds).toBe(3);
    expect(rates.plain.grid.map((g) => g.rate)).toEqual([4e-4, 8e-4]);
    expect(readFileSync(document.report, "utf8")).toMatch(/at its tuned rate 0\.000\d/);
  });

  it("says at Ctrl-C how to resume, and does", async () => {
    const child = spawn(
      process.execPath,
      [bench.cli.script, "reproduce", "regression-gd", "--quick", "--out", "stopped"],
      { cwd: bench.folder },
    );
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const closed = once(child, "close");
    const file = join(bench.folder, "stopped/ended-runs.jsonl");
    while (!existsSync(file) || !readFileSync(file, "utf8").includes('"ended"')) await pause(5);
    child.kill("SIGINT");
    expect(await closed).toEqual([130, null]);
    expect(stderr).toMatch(/^isoloss: interrupted\. Resume with\n {2}isoloss reproduce --resume stopped$/m);
    const { counts } = await bench.json<ReproduceDocument>(
      ...["reproduce", "--resume", "stopped", "--quiet", "--json"],
    );
    expect(counts?.differs).toBe(0);
  });
});

describe("isoloss reproduce, killed at random moments", () => {
  let whole: ReproduceDocument;
  beforeAll(async () => {
    writeRooms();
    whole = await bench.json("reproduce", "rooms.yaml", "--out", "whole", "--quiet", "--json");
  });

  it("comes to the same report, with as many runs", async () => {
    const counts = await killed("killed", { kills: 4, seed: 11 }, "--jobs", "2");
    expect(counts).toEqual([...new Set(counts)].sort((a, b) => a - b));
    const args = ["--resume", "killed"];
    const resumed = await bench.json<ReproduceDocument>("reproduce", ...args, "--quiet", "--json");
    expect(withoutClock(resumed)).toEqual(withoutClock(whole));
    expect(runsIn("killed")).toEqual(runsIn("whole"));
    expect(existsSync(endedIn("killed"))).toBe(false);
  });

  it.skipIf(!serverProgram)("goes on with a queue, and leaves nothing there", async () => {
    const server = await startServer();
    // Short, so that deaths are noticed soon.
    const timing = { lock: 2000, lockRenewal: 500, stalled: 1000, lease: 2000, look: 200, reconcile: 3000 };
    vi.stubEnv("ISOLOSS_QUEUE_TIMING", JSON.stringify({ ...timing, heartbeat: 1000 }));
    const queue = ["--queue", server.url];
    const started = (...args: readonly string[]) =>
      spawn(process.execPath, [bench.cli.script, ...args, ...queue], {
        cwd: bench.folder,
        stdio: "ignore",
      });
    const worker = started("worker");
    try {
      await killed("queued", { kills: 3, seed: 12 }, ...queue);
      const args = ["reproduce", "--resume", "queued", ...queue];
      const resumed = await bench.json<ReproduceDocument>(...args, "--quiet", "--json");
      expect(withoutClock(resumed)).toEqual(withoutClock(whole));
      expect(runsIn("queued")).toEqual(runsIn("whole"));
      expect(existsSync(endedIn("queued"))).toBe(false);
      const { sweeps } = await bench.json<{ sweeps: object[] }>("sweep", "--list", ...queue, "--json");
      expect(sweeps).toEqual([]);
    } finally {
      worker.kill("SIGKILL");
      vi.unstubAllEnvs();
      await server.end();
    }
  });
});
