import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { RunDocument } from "../../src/formats/json.js";
import { digits, withoutTimes, workbench } from "./support.js";

const bench = workbench();

/** Starts the run and waits until its directory has a checkpoint. */
async function begin(
  out: string,
  ...rest: string[]
): Promise<{ child: ChildProcess; directory: string; stderr: () => string }> {
  bench.write("digits.yaml", digits);
  const args = [
    "run",
    "digits.yaml",
    "--variant",
    "scaling",
    "--out",
    out,
    "--checkpoint-every",
    "40",
    ...rest,
  ];
  const child = spawn(process.execPath, [bench.cli.script, ...args], { cwd: bench.folder });
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const directory = join(bench.folder, out, "digits-scaling-3-1");
  for (let i = 0; i < 600 && !existsSync(join(directory, "checkpoint")); i++) await pause(20);
  return { child, directory, stderr: () => text };
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    else child.on("close", resolve);
  });

async function whole(): Promise<{ document: RunDocument; records: unknown[] }> {
  bench.write("digits.yaml", digits);
  const document = await bench.json<RunDocument>(
    ...["run", "digits.yaml", "--variant", "scaling", "--out", "whole", "--json", "--quiet"],
  );
  const folder = (document.directory as string).slice(bench.folder.length);
  return { document, records: withoutTimes(bench.records(folder, "metrics.jsonl")) };
}

const numbers = ({ loss, gradNormSq, metrics, teleports, steps }: RunDocument): unknown => ({
  loss,
  gradNormSq,
  steps,
  metrics: Object.fromEntries(Object.entries(metrics).filter(([name]) => !/seconds|share/.test(name))),
  teleports: teleports.map(({ seconds: _, ...rest }) => rest),
});

describe("a run that was killed", () => {
  it("goes on to the same numbers, bit for bit, whenever it was killed", async () => {
    const expected = await whole();
    expect(expected.document.teleports.length).toBeGreaterThan(5);
    for (const [i, delay] of [0, 60, 150, 300].entries()) {
      const out = `killed-${i}`;
      const { child, directory } = await begin(out);
      await pause(delay);
      child.kill("SIGKILL");
      await ended(child);
      const before = JSON.parse(readFileSync(join(directory, "checkpoint.json"), "utf8")).marks.at(-1).step;
      expect(before).toBeGreaterThan(0);
      const document = await bench.json<RunDocument>("run", "--resume", directory, "--json", "--quiet");
      expect(document.directory).toBe(directory);
      expect(numbers(document)).toEqual(numbers(expected.document));
      expect(withoutTimes(bench.records(out, "digits-scaling-3-1", "metrics.jsonl"))).toEqual(
        expected.records,
      );
    }
  });

  it("starts again where it is of kind minimize, to the same numbers", async () => {
    const first = await bench.json<RunDocument>("run", "booth", "--variant", "exact", "--json", "--quiet");
    const directory = first.directory as string;
    const metrics = join(directory, "metrics.jsonl");
    truncateSync(metrics, Math.floor(statSync(metrics).size / 2));
    const again = await bench.json<RunDocument>("run", "--resume", directory, "--json", "--quiet");
    expect(again.directory).toBe(directory);
    expect(again.loss).toEqual(first.loss);
    expect(bench.records(directory.slice(bench.folder.length), "metrics.jsonl")).toHaveLength(11);
  });

  it("is refused with one line when its checkpoint is damaged", async () => {
    const { child, directory } = await begin("damaged");
    child.kill("SIGKILL");
    await ended(child);
    truncateSync(join(directory, "checkpoint"), 100);
    const { status, stdout, stderr } = await bench.run("run", "--resume", directory, "--quiet");
    expect(status).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(
      /^isoloss: The checkpoint .* is truncated or damaged: it has 100 bytes, [^\n]*\n$/,
    );
  });
});

describe("Ctrl-C", () => {
  it("saves a checkpoint, says how to go on, and ends with 130", async () => {
    const expected = await whole();
    const { child, directory, stderr } = await begin("interrupted", "--set", "steps=100000");
    child.kill("SIGINT");
    expect(await ended(child)).toBe(130);
    expect(stderr()).toContain(`isoloss run --resume ${directory}`);
    expect(stderr()).toMatch(/^isoloss: interrupted\. Go on with$/m);
    const summary = JSON.parse(readFileSync(join(directory, "summary.json"), "utf8"));
    expect(summary.status).toBe("interrupted");
    expect(summary.steps).toBeGreaterThanOrEqual(40);
    // Up to there it was the run that nobody broke off.
    const records = withoutTimes(bench.records("interrupted", "digits-scaling-3-1", "metrics.jsonl"));
    const common = Math.min(records.length, 100);
    expect(records.slice(0, common)).toEqual(expected.records.slice(0, common));
    expect(existsSync(join(directory, "lock"))).toBe(false);
  });
});
