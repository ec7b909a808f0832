import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createRng } from "isoloss";
import { describe, expect, it } from "vitest";
import type { RunDocument } from "../../src/formats/json.js";
import { inProcess } from "./in-process.js";
import { digits, withoutTimes, workbench } from "./support.js";

const bench = workbench();

/** Each kind of run, long enough to be killed several times. */
const kinds: Readonly<Record<string, string>> = {
  train: digits,
  minimize: `name: regression
kind: minimize
problem: mlpRegression
optimizer: adam
learningRate: 1.0e-3
steps: 1500
seeds: [3]
variants:
  scaling:
    teleport:
      when: { every: 40, from: 10 }
      search: { name: gradientAscent, symmetry: positiveScaling, steps: 3 }
`,
  "multi-task": `name: questions
kind: multi-task
problem: digitQuestions
method: pcgrad
optimizer: adam
learningRate: 1.0e-3
batchSize: 32
steps: 600
seeds: [3]
variants:
  scaling: { cost: { trigger: weak, schedule: { every: 100 }, inner: { steps: 2 } } }
`,
};

/** Starts the command line, and waits until it has written records. */
async function start(metrics: string, ...args: string[]) {
  const since = Date.now();
  const child = spawn(process.execPath, [bench.cli.script, "run", ...args], { cwd: bench.folder });
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const isWriting = () => {
    const { mtimeMs = 0, size = 0 } = statSync(metrics, { throwIfNoEntry: false }) ?? {};
    return mtimeMs >= since && size > 0;
  };
  while (!isWriting() && child.exitCode === null) await pause(5);
  return { child, stderr: () => text };
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    else child.on("close", resolve);
  });

/** The same run without being killed. */
async function whole(kind: string): Promise<{ document: RunDocument; records: unknown[] }> {
  bench.write(`${kind}.yaml`, kinds[kind]);
  const args = ["run", `${kind}.yaml`, "--variant", "scaling", "--out", "whole", "--json", "--quiet"];
  const { stdout, stderr } = await inProcess(args, bench.folder);
  if (stderr !== "") throw new Error(stderr);
  const document: RunDocument = JSON.parse(stdout);
  const folder = (document.directory as string).slice(bench.folder.length);
  return { document, records: withoutTimes(bench.records(folder, "metrics.jsonl")) };
}

const numbers = ({ loss, gradNormSq, metrics, teleports, steps }: RunDocument): unknown => ({
  loss,
  gradNormSq,
  steps,
  metrics: Object.fromEntries(
    Object.entries(metrics).filter(([name]) => !/seconds|share|ordinarySteps/i.test(name)),
  ),
  teleports: teleports.map(({ seconds: _, ...rest }) => rest),
});

describe("a run that was killed", () => {
  // Twenty-one moments in all.
  it.each(Object.keys(kinds))(
    "goes on to the same numbers, bit for bit: %s, killed seven times",
    async (kind) => {
      const expected = await whole(kind);
      expect(expected.document.teleports.length).toBeGreaterThan(3);
      const random = createRng(7).fork(kind);
      const name = `${expected.document.name}-3-1`;
      const directory = join(bench.folder, "killed", name);
      const metrics = join(directory, "metrics.jsonl");
      let args = [`${kind}.yaml`, "--variant", "scaling", "--out", "killed"];
      let kills = 0;
      for (; kills < 7; kills++) {
        const { child, stderr } = await start(metrics, ...args, "--checkpoint-every", "20");
        if (child.exitCode !== null) throw new Error(stderr());
        await pause(120 * random.next());
        child.kill("SIGKILL");
        expect(await ended(child)).toBeNull();
        args = ["--resume", directory];
      }
      const marks = JSON.parse(readFileSync(join(directory, "checkpoint.json"), "utf8")).marks;
      expect(marks.at(-1).step).toBeGreaterThan(0);
      const document = await bench.json<RunDocument>("run", "--resume", directory, "--json", "--quiet");
      expect(document.directory).toBe(directory);
      expect(numbers(document)).toEqual(numbers(expected.document));
      expect(withoutTimes(bench.records("killed", name, "metrics.jsonl"))).toEqual(expected.records);
    },
  );

  it("begins again where it has no checkpoint, to the same numbers", async () => {
    const args = ["run", "booth", "--variant", "exact", "--json", "--quiet"];
    const first = await bench.json<RunDocument>(...args);
    const directory = first.directory as string;
    for (const name of ["checkpoint", "checkpoint.json"]) rmSync(join(directory, name));
    const metrics = join(directory, "metrics.jsonl");
    truncateSync(metrics, Math.floor(statSync(metrics).size / 2));
    const again = await bench.json<RunDocument>("run", "--resume", directory, "--json", "--quiet");
    expect(again.directory).toBe(directory);
    expect(again.loss).toEqual(first.loss);
    expect(bench.records(directory.slice(bench.folder.length), "metrics.jsonl")).toHaveLength(11);
  });

  it("is refused with one line when its checkpoint is damaged", async () => {
    const first = await bench.json<RunDocument>("run", "booth", "--variant", "exact", "--json", "--quiet");
    truncateSync(join(first.directory as string, "checkpoint"), 100);
    const { status, stdout, stderr } = await bench.run(
      "run",
      "--resume",
      first.directory as string,
      "--quiet",
    );
    expect(status).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(
      /^isoloss: The checkpoint .* is truncated or damaged: it has 100 bytes, [^\n]*\n$/,
    );
  });
});

describe("SIGINT and SIGTERM", () => {
  it.each([
    ["SIGINT", "train", "digits"],
    ["SIGTERM", "minimize", "regression"],
    ["SIGINT", "multi-task", "questions"],
  ] as const)(
    "%s: a run of kind %s saves a checkpoint, says how to go on, and ends with 130",
    async (signal, kind, name) => {
      const expected = await whole(kind);
      const out = `interrupted-${signal}`;
      const directory = join(bench.folder, out, `${name}-scaling-3-1`);
      const args = [`${kind}.yaml`, "--variant", "scaling", "--out", out, "--set", "steps=100000"];
      const { child, stderr } = await start(join(directory, "metrics.jsonl"), ...args);
      child.kill(signal);
      expect(await ended(child)).toBe(130);
      expect(stderr()).toMatch(/^isoloss: interrupted\. Go on with$/m);
      expect(stderr()).toContain(`isoloss run --resume ${directory}`);
      const summary = JSON.parse(readFileSync(join(directory, "summary.json"), "utf8"));
      expect(summary.status).toBe("interrupted");
      expect(summary.steps).toBeGreaterThan(0);
      expect(existsSync(join(directory, "checkpoint"))).toBe(true);
      // Up to there it was the run that nobody broke off; where it ended, no teleport came before the last record.
      const records = withoutTimes(bench.records(out, `${name}-scaling-3-1`, "metrics.jsonl"));
      const common = Math.min(records.length - 1, 100);
      expect(records.slice(0, common)).toEqual(expected.records.slice(0, common));
      expect(existsSync(join(directory, "lock"))).toBe(false);
    },
  );
});
