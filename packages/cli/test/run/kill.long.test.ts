import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRng } from "isoloss/data";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readRun } from "../../src/run/read.js";
import { buildWriter } from "./built-writer.js";

let writer: Awaited<ReturnType<typeof buildWriter>>;
let base: string;

beforeAll(async () => {
  writer = await buildWriter();
  base = await mkdtemp(join(tmpdir(), "isoloss-kill-"));
});

afterAll(async () => {
  writer.remove();
  await rm(base, { recursive: true });
});

/** Runs the writer, and kills it a while after it has opened the run. */
function write(
  arguments_: readonly string[],
  killAfter = Number.POSITIVE_INFINITY,
): Promise<{ readonly directory: string; readonly killed: boolean }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [writer.script, ...arguments_]);
    let directory = "";
    let errors = "";
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    child.stdout.once("data", (chunk) => {
      directory = String(chunk).trim();
      if (Number.isFinite(killAfter)) setTimeout(() => child.kill("SIGKILL"), killAfter);
    });
    child.on("close", (code, signal) => {
      if (signal === "SIGKILL" || code === 0) resolve({ directory, killed: signal === "SIGKILL" });
      else reject(new Error(errors));
    });
  });
}

const files = ["metrics.jsonl", "teleports.jsonl", "checkpoint", "summary.json"];
const contents = (directory: string) => files.map((name) => readFileSync(join(directory, name)));

it("gives the same files, byte for byte, when it is killed at twenty moments and resumed", async () => {
  const random = createRng(5);
  // No computer is so fast that it would end before it is killed: how long it is, is said at the end.
  const { directory } = await write(["1e9", base], 30);
  let reached = 0;
  for (let kills = 1; kills < 20; kills++) {
    const { killed } = await write(["1e9", base, directory], 60 * random.next());
    expect(killed).toBe(true);
    // Readers see whole records at any time.
    const { metrics } = await readRun(directory);
    expect(metrics.map((m) => m.step)).toEqual(metrics.map((_, i) => i));
    reached = metrics.length;
  }
  const steps = Math.max(1000, reached + 100);
  await write([String(steps), base, directory]);
  const whole = await write([String(steps), base]);
  expect(directory).not.toBe(whole.directory);
  expect(contents(directory)).toEqual(contents(whole.directory));
  expect((await readdir(directory)).sort()).toEqual((await readdir(whole.directory)).sort());
  const records = (await readFile(join(directory, "metrics.jsonl"), "utf8")).split("\n");
  expect([records.length, records.at(-1)]).toEqual([steps + 1, ""]);
});
