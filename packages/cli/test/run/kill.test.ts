import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRng } from "isoloss";
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
  const whole = await write([base]);
  const random = createRng(5);
  let { directory, killed } = await write([base], 30);
  let kills = 1;
  for (; killed && kills < 20; kills++) {
    // Readers see whole records at any time.
    const { metrics } = await readRun(directory);
    expect(metrics.map((m) => m.step)).toEqual(metrics.map((_, i) => i));
    ({ directory, killed } = await write([base, directory], 60 * random.next()));
  }
  expect(kills).toBeGreaterThan(10);
  if (killed) await write([base, directory]);
  expect(directory).not.toBe(whole.directory);
  expect(contents(directory)).toEqual(contents(whole.directory));
  expect((await readdir(directory)).sort()).toEqual((await readdir(whole.directory)).sort());
  expect(await readFile(join(directory, "metrics.jsonl"), "utf8")).toMatch(/^(\{.*\}\n){3000}$/);
});
