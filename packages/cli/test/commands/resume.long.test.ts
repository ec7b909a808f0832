import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createRng } from "isoloss/data";
import { inProcess } from "isoloss-test-support/cli/in-process";
import { describe, expect, it } from "vitest";
import type { RunDocument } from "../../src/formats/json.js";
import { digits, withoutTimes, workbench } from "./support.js";

const bench = workbench();

/** A run of each kind, of as many steps as it is to have: see `whole`. */
const kinds: Readonly<Record<string, string>> = {
  train: digits,
  minimize: `name: regression
kind: minimize
problem: mlpRegression
optimizer: adam
learningRate: 1.0e-3
steps: 500
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
method: pcGrad
optimizer: adam
learningRate: 1.0e-3
batchSize: 32
steps: 600
seeds: [3]
variants:
  scaling: { cost: { trigger: weak, schedule: { every: 100 }, inner: { steps: 2 } } }
`,
};

const nameOf = (kind: string): string => /^name: (.*)$/m.exec(kinds[kind])?.[1] ?? "";

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** Starts the command line, and waits until it has written so many bytes of records. */
async function start(metrics: string, bytes: number, ...args: string[]) {
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
  const enough = sizeOf(metrics) + bytes;
  while (sizeOf(metrics) < enough && child.exitCode === null) await pause(1);
  return { child, stderr: () => text };
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    else child.on("close", resolve);
  });

/** The same run without being killed. */
async function whole(kind: string, steps = 700): Promise<{ document: RunDocument; records: unknown[] }> {
  bench.write(`${kind}.yaml`, kinds[kind]);
  const args = ["run", `${kind}.yaml`, "--variant", "scaling", "--set", `steps=${steps}`];
  args.push("--out", "whole", "--json", "--quiet");
  const { stdout, stderr } = await inProcess(args, bench.folder);
  if (stderr !== "") throw new Error(stderr);
  const document: RunDocument = JSON.parse(stdout);
  const folder = (document.directory as string).slice(bench.folder.length);
  return { document, records: withoutTimes(bench.records(folder, "metrics.jsonl")) };
}

/** All but what a clock says: `cost.epochs` is COST's time in epochs. */
const numbers = ({ loss, gradNormSq, metrics, teleports, steps }: RunDocument): unknown => ({
  loss,
  gradNormSq,
  steps,
  metrics: Object.fromEntries(
    Object.entries(metrics).filter(([name]) => !/seconds|fraction$|ordinarySteps|^cost\.epochs$/i.test(name)),
  ),
  teleports: teleports.map(({ seconds: _, ...rest }) => rest),
});

describe("a run that was killed", () => {
  // Twelve moments in all.
  it.each(Object.keys(kinds))(
    "goes on to the same numbers, bit for bit: %s, killed four times",
    async (kind) => {
      bench.write(`${kind}.yaml`, kinds[kind]);
      const random = createRng(7).fork(kind);
      const name = `${nameOf(kind)}-scaling-3-1`;
      const directory = join(bench.folder, "killed", name);
      const metrics = join(directory, "metrics.jsonl");
      // No computer is so fast that the run would end before it is killed: how long it is, is said at the end.
      let args = [`${kind}.yaml`, "--variant", "scaling", "--out", "killed", "--set", "steps=1000000"];
      for (let kills = 0; kills < 4; kills++) {
        const bytes = 12_000 * random.next();
        const { child, stderr } = await start(metrics, bytes, ...args, "--checkpoint-every", "20");
        if (child.exitCode !== null) throw new Error(stderr());
        await pause(5 * random.next());
        child.kill("SIGKILL");
        expect(await ended(child)).toBeNull();
        args = ["--resume", directory];
      }
      const marks = JSON.parse(readFileSync(join(directory, "checkpoint.json"), "utf8")).marks;
      expect(marks.at(-1).step).toBeGreaterThan(0);
      const steps = Math.max(700, marks.at(-1).step + 50);
      const config = join(directory, "config.yaml");
      writeFileSync(config, readFileSync(config, "utf8").replace(/^steps: 1000000$/m, `steps: ${steps}`));
      const expected = await whole(kind, steps);
      expect(expected.document.teleports.length).toBeGreaterThan(3);
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
    ["SIGINT", "train"],
    ["SIGTERM", "minimize"],
    ["SIGINT", "multi-task"],
  ] as const)(
    "%s: a run of kind %s saves a checkpoint, says how to go on, and ends with 130",
    async (signal, kind) => {
      const expected = await whole(kind);
      const out = `interrupted-${signal}`;
      const name = `${nameOf(kind)}-scaling-3-1`;
      const directory = join(bench.folder, out, name);
      const args = [`${kind}.yaml`, "--variant", "scaling", "--out", out, "--set", "steps=100000"];
      const { child, stderr } = await start(join(directory, "metrics.jsonl"), 0, ...args);
      child.kill(signal);
      expect(await ended(child)).toBe(130);
      expect(stderr()).toMatch(/^isoloss: interrupted\. Resume with$/m);
      expect(stderr()).toContain(`isoloss run --resume ${directory}`);
      const summary = JSON.parse(readFileSync(join(directory, "summary.json"), "utf8"));
      expect(summary.status).toBe("interrupted");
      expect(summary.steps).toBeGreaterThan(0);
      expect(existsSync(join(directory, "checkpoint"))).toBe(true);
      // Up to there it was the run that nobody broke off; where it ended, no teleport came before the last record.
      const records = withoutTimes(bench.records(out, name, "metrics.jsonl"));
      const common = Math.min(records.length - 1, 100);
      expect(records.slice(0, common)).toEqual(expected.records.slice(0, common));
      expect(existsSync(join(directory, "lock"))).toBe(false);
    },
  );
});
