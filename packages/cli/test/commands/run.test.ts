import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseXml } from "isoloss-test-support/figures/well-formed";
import { describe, expect, it } from "vitest";
import type { VariantsDocument } from "../../src/commands/run.js";
import type { RunDocument, RunsDocument } from "../../src/formats/json.js";
import { booth, digits, withoutTimes, workbench } from "./support.js";

const bench = workbench({ isInProcess: true });

const keysOfRun = [
  "name",
  "seed",
  "status",
  "steps",
  "wallSeconds",
  "loss",
  "gradNormSq",
  "metrics",
  "teleports",
  "directory",
];

describe("isoloss run", () => {
  it("runs a packaged experiment to the numbers of a plain loop", async () => {
    const document = await bench.json<RunDocument>("run", "booth", "--variant", "exact", "--json", "--quiet");
    expect(Object.keys(document)).toEqual(keysOfRun);
    expect(document).toMatchObject({ name: "booth-exact", seed: 0, status: "completed", steps: 10 });
    expect(document.loss.history).toHaveLength(11);
    expect(document.loss.first).toBe(144);
    // Booth's function (x + 2y - 7)^2 + (2x + y - 5)^2 by a plain loop from (5, -5) at rate 0.08; its Hessian has the eigenvalues 2
    // and 18, so that the largest ||g||^2 where the loss is L is 2 * 18 * L, on the shortest axis.
    expect(document.loss.history[4]).toBeCloseTo(17.948211369895528, 12);
    expect(document.loss.last).toBeCloseTo(9.450467507512967e-4, 12);
    expect(document.teleports).toHaveLength(1);
    expect(document.teleports[0]).toMatchObject({ step: 4, accepted: true });
    expect(document.teleports[0].gradNormSqBefore).toBeCloseTo(75.02955620283186, 10);
    expect(document.teleports[0].gradNormSqAfter).toBeCloseTo(646.1356093162, 8);
    expect(Object.keys(document.teleports[0])).toEqual([
      "step",
      "lossBefore",
      "lossAfter",
      "drift",
      "gradNormSqBefore",
      "gradNormSqAfter",
      "accepted",
      "reason",
      "seconds",
    ]);
  });

  it("writes a directory with config, environment, records, summary and figures", async () => {
    const { directory } = await bench.json<RunDocument>(
      "run",
      "booth",
      "--variant",
      "exact",
      "--json",
      "--quiet",
    );
    const folder = directory as string;
    expect(readdirSync(folder).sort()).toEqual([
      "checkpoint",
      "checkpoint.json",
      "config.yaml",
      "environment.json",
      "figures",
      "metrics.jsonl",
      "params.safetensors",
      "summary.json",
      "teleports.jsonl",
    ]);
    const figures = readdirSync(join(folder, "figures")).sort();
    expect(figures).toEqual(["grad-norm.svg", "level-sets.svg", "loss-seconds.svg", "loss.svg"]);
    for (const name of figures) parseXml(readFileSync(join(folder, "figures", name), "utf8"));
    const environment = JSON.parse(readFileSync(join(folder, "environment.json"), "utf8"));
    expect(environment).toMatchObject({ seed: 0, versions: { node: process.versions.node } });
    const summary = JSON.parse(readFileSync(join(folder, "summary.json"), "utf8"));
    expect(summary).toMatchObject({ status: "completed", loss: { first: 144 } });
    expect(summary.loss.history).toBeUndefined();
    const [teleport] = bench.records(folder.slice(bench.folder.length), "teleports.jsonl");
    const [from, to] = [teleport.from as number[], teleport.to as number[]];
    // Number 2: the point there or its antipode through (1, 3).
    expect(Math.abs(to[0] - 1)).toBeCloseTo(1 - 0.0014396093, 8);
    expect(from[0]).toBeCloseTo(3.91226624, 8);
  });

  it("gives one document for several seeds, and one a variant for several variants", async () => {
    bench.write("small.yaml", booth);
    const seeds = await bench.json<RunsDocument>(
      ...["run", "small.yaml", "--variant", "plain", "--seeds", "3..5", "--json", "--quiet"],
    );
    expect(Object.keys(seeds)).toEqual(["runs", "summary"]);
    expect(seeds.summary.seeds).toEqual([3, 4, 5]);
    expect(seeds.summary.loss).toMatchObject({ n: 3, std: 0 });
    for (const run of seeds.runs) expect(Object.keys(run)).toEqual(keysOfRun);
    const both = await bench.json<VariantsDocument>("run", "small.yaml", "--json", "--quiet");
    expect(both.name).toBe("small");
    expect(Object.keys(both.variants)).toEqual(["plain", "exact"]);
    expect(both.variants.plain.runs[0].loss.last).toBeCloseTo(2.2025169931315807, 12);
  });

  it("gives a document of the same form where all but one run failed", async () => {
    bench.write(
      "halves.yaml",
      "name: halves\nkind: train\ndata: { name: digits, limit: 40 }\nmodel: { name: mlp, sizes: [64, 10] }\n" +
        "optimizer: sgd\nlearningRate: 0.1\nbatchSize: 20\nsteps: 2\n" +
        "variants: { good: {}, bad: { model: { name: mlp, sizes: [3, 10] } } }\n",
    );
    const { status, stdout, stderr } = await bench.run("run", "halves.yaml", "--json", "--quiet");
    expect([status, stderr]).toEqual([
      2,
      expect.stringContaining(
        "bad, seed 0: model.sizes is [3, 10], and an example of the data has 64 numbers. Write sizes: [64, 10].",
      ),
    ]);
    const { name, variants }: VariantsDocument = JSON.parse(stdout);
    expect([name, Object.keys(variants), variants.good?.runs.length]).toEqual(["halves", ["good"], 1]);
  });

  it("gives bit-identical records when the config of a run is run again", async () => {
    bench.write("digits.yaml", digits);
    const run = (file: string, ...rest: string[]) =>
      bench.json<RunDocument>("run", file, "--json", "--quiet", "--set", "steps=200", ...rest);
    const first = await run("digits.yaml", "--variant", "scaling");
    const second = await run(join(first.directory as string, "config.yaml"));
    expect(second.directory).not.toBe(first.directory);
    expect(second.loss).toEqual(first.loss);
    expect(second.teleports.length).toBe(1);
    const recordsOf = ({ directory }: RunDocument) =>
      ["metrics.jsonl", "teleports.jsonl"].map((name) =>
        withoutTimes(bench.records((directory as string).slice(bench.folder.length), name)),
      );
    expect(recordsOf(second)).toEqual(recordsOf(first));
    expect(readFileSync(join(second.directory as string, "config.yaml"), "utf8")).toBe(
      readFileSync(join(first.directory as string, "config.yaml"), "utf8"),
    );
  });

  it("tells progress on stderr, a table on stdout, and with --quiet nothing but the table", async () => {
    bench.write("small.yaml", booth);
    const loud = await bench.run("run", "small.yaml", "--out", "loud");
    expect(loud.status).toBe(0);
    expect(loud.stderr.split("\n").filter((line) => line !== "")).toHaveLength(2);
    expect(loud.stderr).toMatch(/^1\/2 small-plain, seed 0: completed after 10 steps, final loss 2\.20252/);
    expect(loud.stdout).toMatch(/final loss/);
    expect(loud.stdout).toMatch(/exact +1 +0\.00094505/);
    const quiet = await bench.run("run", "small.yaml", "--out", "loud", "--quiet");
    expect(quiet.stderr).toBe("");
    expect(existsSync(join(bench.folder, "loud", "small-exact-0-2"))).toBe(true);
  });

  it("says that a run diverged, with exit code 1, and keeps its records", async () => {
    bench.write("small.yaml", booth);
    const { status, stderr, stdout } = await bench.run(
      ...["run", "small.yaml", "--variant", "plain", "--set", "learningRate=10", "--set", "steps=2000"],
      ...["--json", "--quiet"],
    );
    expect(status).toBe(1);
    expect(stderr).toBe(
      "isoloss: a run diverged: its loss is no longer finite. A smaller learning rate may help.\n",
    );
    const document: RunDocument = JSON.parse(stdout);
    expect(document).toMatchObject({ status: "diverged", loss: { first: 144 } });
    expect(document.steps).toBeLessThan(2000);
    expect(document.loss.history.length).toBe(document.steps + 1);
  });

  it("changes what --set names and nothing else", async () => {
    bench.write("small.yaml", booth);
    const { loss } = await bench.json<RunDocument>(
      ...[
        "run",
        "small.yaml",
        "--variant",
        "plain",
        "--set",
        "problem=quadratic",
        "--set",
        "learningRate=0.05",
      ],
      ...["--json", "--quiet"],
    );
    // x^T diag(1, 10) x / 2 from (3, 0.5): ten steps at rate 0.05 leave 4.5 * 0.95^20 + 1.25 * 0.5^20.
    expect(loss.last).toBeCloseTo(1.6131878429, 10);
  });
});
