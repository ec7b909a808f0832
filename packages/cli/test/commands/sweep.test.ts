import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { hurried } from "isoloss-test-support/hurried";
import { beforeAll, describe, expect, it } from "vitest";
import { describeEnvironment } from "../../src/run/environment.js";
import { readSweepDirectory } from "../../src/sweep/directory.js";
import { type SweepDocument, sweepDocument } from "../../src/sweep/document.js";
import { sweepReport } from "../../src/sweep/sweep-report.js";
import { documentShapes, objections } from "../documents/tables.js";
import { MlflowServer } from "../formats/mlflow-server.js";
import { workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
const shapes = await documentShapes();

/** Booth's function over learning rates; its minimum is 0. */
const sweep = (set = ""): string => `name: booths
experiment: booth
variant: plain
method: grid
metric: { name: loss.last }
parameters:
  learningRate: { values: [0.01, 0.05, 0.08, 0.1] }
confirm: { seeds: [10, 11], best: 2, baseline: { learningRate: 0.02 } }
${set}`;

const place = (document: SweepDocument) => document.directory.slice(bench.folder.length + 1);
const withoutTimes = ({ id, directory, report, seconds, workers, ...rest }: SweepDocument): unknown =>
  JSON.parse(
    JSON.stringify(rest, (key, value) => (key === "seconds" || key === "directory" ? undefined : value)),
  );

let first: SweepDocument;

beforeAll(async () => {
  bench.write("booths.yaml", sweep());
  first = await bench.json<SweepDocument>("sweep", "booths.yaml", "--json", "--quiet");
});

describe("isoloss sweep", () => {
  it("runs every point of a grid, and confirms the best", () => {
    expect(objections(shapes, "SweepDocument", first)).toEqual([]);
    expect(first.status).toBe("completed");
    expect(first.counts).toEqual({ completed: 4 });
    expect(first.end).toBe("trials");
    const rates = first.trials.map(({ parameters }) => parameters.learningRate);
    expect([...rates].sort()).toEqual([0.01, 0.05, 0.08, 0.1]);
    const values = first.trials.map(({ value }) => value as number);
    expect(first.best?.value).toBe(Math.min(...values));
    // Without randomness, fresh seeds say the same.
    expect(first.confirmed).toHaveLength(2);
    expect(first.confirmed[0]).toMatchObject({ trial: first.best?.trial, optimism: 0 });
    expect(first.confirmed[0]?.comparison?.n).toBe(2);
  });

  it("names the place of a variant that the experiment does not have", async () => {
    bench.write("wrong.yaml", sweep().replace("variant: plain", "variant: plian"));
    const { status, stderr } = await bench.run("sweep", "wrong.yaml", "--quiet");
    expect([status, stderr]).toEqual([
      2,
      expect.stringMatching(/wrong\.yaml:3:1: variant: expected .*plain.*did you mean "plain"\?/),
    ]);
  });

  it("leaves a directory that holds the runs, a table and a page", async () => {
    const csv = readFileSync(join(first.directory, "trials.csv"), "utf8").split("\r\n");
    expect(csv[0]).toBe("trial,status,value,rung,parameters.learningRate,values.0,steps,seconds,reused");
    expect(csv).toHaveLength(6);
    expect(JSON.parse(readFileSync(join(first.directory, "summary.json"), "utf8"))).toEqual(first);
    const page = readFileSync(join(first.directory, "report.html"), "utf8");
    for (const part of ["Trial ", "The search", "Losses", "Parameters", "rank correlation"])
      expect(page).toContain(part);
    expect(page).not.toContain('http-equiv="refresh"');
    // A run's value is that of its directory.
    const [run] = first.trials[0]?.runs ?? [];
    const summary = JSON.parse(readFileSync(join(run?.directory as string, "summary.json"), "utf8"));
    expect(summary.loss.last).toBe(run?.value);
    expect(existsSync(join(first.directory, "runs/baseline-10"))).toBe(true);
  });

  it("asks the same trials of its own sweep.yaml, with the same values", async () => {
    const again = await bench.json<SweepDocument>(
      "sweep",
      join(place(first), "sweep.yaml"),
      "--json",
      "--quiet",
    );
    expect(again.directory).not.toBe(first.directory);
    expect(withoutTimes(again)).toEqual(withoutTimes(first));
  });

  it("goes on from any prefix of its journal, half a line included, to the same trials", async () => {
    const { directory } = await bench.json<SweepDocument>("sweep", "booths.yaml", "--json", "--quiet");
    const path = join(directory, "journal.jsonl");
    const bytes = readFileSync(path);
    for (const share of [0.3, 0.6, 0.95]) {
      writeFileSync(path, bytes.subarray(0, Math.floor(share * bytes.length)));
      const again = await bench.json<SweepDocument>("sweep", "--resume", directory, "--json", "--quiet");
      expect(withoutTimes(again)).toEqual(withoutTimes(first));
      expect((await bench.run("sweep", "--verify", directory)).stdout).toBe("I1 to I5 hold.\n");
    }
    const environment = join(directory, "environment.json");
    const begun = JSON.parse(readFileSync(environment, "utf8"));
    writeFileSync(environment, JSON.stringify({ ...begun, startedAt: "2026-01-02T03:04:05.000Z" }));
    const whole = await bench.json<SweepDocument>("sweep", "--resume", directory, "--json", "--quiet");
    expect(withoutTimes(whole)).toEqual(withoutTimes(first));
    // The page tells when the sweep began, not when it was written.
    expect(readFileSync(join(directory, "report.html"), "utf8")).toContain("2026-01-02T03:04:05.000Z");
  });

  it("prunes, tells the rungs, and maximizes", async () => {
    bench.write(
      "pruned.yaml",
      `name: pruned
experiment: classify-digits
set: { steps: 30, runtime: javascript, evaluateEvery: 0.2 }
method: sobol
metric: { name: validation.accuracy, goal: maximize }
seeds: 0..1
parameters: { learningRate: { min: 1.0e-3, max: 1, scale: log } }
prune: { rule: asha, from: 10, factor: 2 }
budget: { trials: 5 }
confirm: false
`,
    );
    const document = await bench.json<SweepDocument>("sweep", "pruned.yaml", "--json", "--quiet");
    expect(objections(shapes, "SweepDocument", document)).toEqual([]);
    expect(document.counts.pruned).toBeGreaterThan(0);
    expect((document.counts.pruned ?? 0) + (document.counts.completed ?? 0)).toBe(5);
    const completed = document.trials.filter(({ status }) => status === "completed");
    expect(document.best?.value).toBe(Math.max(...completed.map(({ value }) => value as number)));
    const pruned = document.trials.filter(({ status }) => status === "pruned");
    expect(pruned.every(({ rung, runs }) => rung === runs.find((r) => r.status === "pruned")?.steps)).toBe(
      true,
    );
    const page = readFileSync(join(document.directory, "report.html"), "utf8");
    expect(page).toContain("Nothing was confirmed");
    expect(page).toContain("Those that are complete, the best first; then the others by their numbers.");
  });

  it("repeats what depends on the order of ends, as pruning, bit for bit with one lane", async () => {
    bench.write(
      "ordered.yaml",
      "experiment: booth\nset: { steps: 16 }\nmethod: random\nmetric: { name: loss }\nbudget: { trials: 16 }\nconfirm: false\n" +
        "prune: { rule: asha, from: 2, factor: 2 }\nparameters: { learningRate: { min: 0.001, max: 0.1, scale: log } }\n",
    );
    const args = ["sweep", "ordered.yaml", "--json", "--quiet", "--jobs", "1"];
    const [one, two] = [await bench.json<SweepDocument>(...args), await bench.json<SweepDocument>(...args)];
    expect(one.counts.pruned).toBeGreaterThan(0);
    expect(withoutTimes(two)).toEqual(withoutTimes(one));
  });

  it("says what it would do", async () => {
    const document = await bench.json<object>("sweep", "booths.yaml", "--check", "--trials", "3", "--json");
    expect(objections(shapes, "sweep3", document)).toEqual([]);
    // Three trials, and three contenders on two seeds.
    expect(document).toMatchObject({ trials: 3, runs: 9 });
    const { stdout } = await bench.run("sweep", "booths.yaml", "--check");
    expect(stdout).toMatch(/^booths: grid, loss.last minimized, at most 4 trials, 10 runs/);
    expect(stdout).not.toContain("needs the data");
    bench.write(
      "digits.yaml",
      sweep().replace("booth\nvariant: plain", "classify-digits").replace("loss.last", "loss"),
    );
    // Those of digits are part of the package.
    const check = (...set: string[]) => bench.run("sweep", "digits.yaml", "--check", ...set);
    expect((await check()).stdout).not.toContain("needs the data");
    expect((await check("--set", "set.data=mnist")).stdout).toContain(
      "\nEach computer needs the data of mnist.\n",
    );
  });

  it("finds a number that runs do not have, by one step of a trial", async () => {
    const check = async (metric: string, confirm = "false", more = "") => {
      bench.write(
        "metrics.yaml",
        `experiment: classify-digits\nmethod: grid\nmetric: { name: "${metric}" }\nconfirm: ${confirm}\n${more}parameters: { batchSize: { values: [50, 100] } }\n`,
      );
      const { status, stdout, stderr } = await bench.run("sweep", "metrics.yaml", "--check");
      return `${status} ${stderr}${stdout}`;
    };
    expect(await check("validation.acuracy")).toMatch(
      /^2 isoloss: metrics\.yaml:3:11: metric\.name: The run has no number validation\.acuracy; did you mean validation\.accuracy\? It has loss, steps,/,
    );
    const confirm = "{ seeds: 10..12, metric: move.seconds }";
    expect(await check("validation.accuracy", confirm)).toMatch(
      /^2 .* confirm\.metric: The run has no number move/,
    );
    expect(await check("validation.accuracy")).toMatch(/^0 metrics: grid/);
    expect(await check("loss.history[9]")).toContain("was not checked: loss.history[9] is not of the one");
    const elsewhere = await check("validation.acuracy", "false", "set: { data: mnist }\n");
    expect(elsewhere).toMatch(/^0 .*\n.*was not checked: one step of the first trial failed: /);
  });

  it("says what is of the trials alone, not of the baseline", async () => {
    const check = (...set: string[]) =>
      bench.run("sweep", "booths.yaml", "--check", ...set.flatMap((one) => ["--set", one]));
    const [constant, note] = [
      "parameters.steps={value: 3}",
      "\nsteps: of the trials alone, not of the baseline.",
    ];
    expect((await check(constant)).stdout).toContain(note);
    expect((await check(constant, "confirm.baseline={steps: 3}")).stdout).not.toContain(note);
  });

  it("leaves roles of the experiment alone: a sweep has controls of its own", async () => {
    bench.write(
      "controlled.yaml",
      "name: c\nkind: minimize\nproblem: booth\noptimizer: gd\nlearningRate: 0.01\nsteps: 5\nvariants: { a: {}, b: {} }\nroles: { a: { b: control } }\n",
    );
    expect((await bench.run("run", "controlled.yaml")).stderr).toContain(
      'roles: nothing is compared with "a"',
    );
    bench.write("c.yaml", sweep().replace("booth\nvariant: plain", "controlled.yaml\nvariant: a"));
    expect((await bench.run("sweep", "c.yaml", "--check")).status).toBe(0);
  });

  it("makes no directory for a server that is not there", async () => {
    const { status, stderr } = await hurried(() =>
      bench.run("sweep", "booths.yaml", "--out", "unserved", "--queue", "redis://127.0.0.1:1"),
    );
    expect([status, stderr]).toEqual([1, expect.stringContaining("There is no server")]);
    expect(existsSync(join(bench.folder, "unserved"))).toBe(false);
  });

  it("accepts the example of the repository", async () => {
    const path = fileURLToPath(new URL("../../../../experiments/sweeps/digits.yaml", import.meta.url));
    const { stdout } = await bench.run("sweep", path, "--check");
    // 16 trials of one seed, and two contenders on five seeds.
    expect(stdout).toMatch(
      /^digits: sobol, validation.loss minimized, at most 16 trials, 26 runs, 6240 steps/,
    );
  });

  it("confirms the best of each value of a parameter, on as many seeds as that takes", async () => {
    bench.write(
      "arms.yaml",
      sweep()
        .replace(/parameters:[\s\S]*/, "")
        .concat(`parameters:
  optimizer: { values: [gd, momentum, adam] }
  learningRate: { values: [0.01, 0.05, 0.08] }
confirm: { seeds: 10..20, each: optimizer, baseline: { optimizer: gd }, until: { precision: 0.01, from: 3 } }
runSeconds: 2
`),
    );
    const check = await bench.json<{ runs: number; hours: number }>(
      ..."sweep arms.yaml --check --jobs 2 --json".split(" "),
    );
    expect(check).toMatchObject({ runs: 9 + 3 * 11, hours: (42 * 2) / 3600 / 2 });
    const { trials, confirmed } = await bench.json<SweepDocument>("sweep", "arms.yaml", "--json", "--quiet");
    const bestOf = (optimizer: string) =>
      trials
        .filter(({ parameters }) => parameters.optimizer === optimizer)
        .sort((a, b) => (a.value as number) - (b.value as number))[0];
    // Without randomness the intervals are points after three seeds.
    expect(confirmed.map(({ trial, comparison }) => [trial, comparison?.n]).sort()).toEqual(
      [bestOf("momentum"), bestOf("adam")].map((trial) => [trial?.trial, 3]).sort(),
    );
    const momentum = confirmed.find(({ trial }) => trial === bestOf("momentum")?.trial);
    expect(momentum?.text).toContain("(optimizer momentum)");
    const ratio = (bestOf("momentum")?.value as number) / (bestOf("gd")?.value as number);
    expect(momentum?.comparison?.value).toBeCloseTo(ratio, 12);
  });

  it("says what pruning left of each value of a parameter, in its text and on its page", async () => {
    bench.write(
      "stopped.yaml",
      `name: stopped
experiment: classify-digits
variant: sgd
set: { steps: 30, runtime: javascript }
method: grid
order: file
metric: { name: validation.loss }
parameters:
  optimizer.name: { values: [adam, sgd] }
  learningRate: { values: [0.01, 0.001] }
prune: { rule: asha, from: 10, factor: 2, startup: 1 }
confirm: { seeds: 10..12, each: optimizer.name, baseline: { optimizer.name: sgd } }
`,
    );
    const { status, stdout } = await bench.run("sweep", "stopped.yaml", "--quiet");
    const caveat = "No trial with optimizer.name sgd was completed: the baseline has the settings of trial 2";
    expect([status, stdout]).toEqual([0, expect.stringContaining(caveat)]);
    expect(readFileSync(join(bench.folder, "sweeps/stopped-1/report.html"), "utf8")).toContain(caveat);
  });

  it("exits with 1 where runs on fresh seeds fail", async () => {
    const wrong = "{ teleport: { when: { atSteps: [4] }, search: referenceMlp } }";
    bench.write("fresh.yaml", sweep().replace("{ learningRate: 0.02 }", wrong));
    const { status, stdout } = await bench.run("sweep", "fresh.yaml", "--quiet");
    expect([status, stdout]).toEqual([
      1,
      expect.stringContaining("The baseline failed on the fresh seed 11: "),
    ]);
    const [, path = ""] = /^Report: (.*)$/m.exec(stdout) ?? [];
    const report = readFileSync(join(bench.folder, path), "utf8");
    expect(report).toMatch(/<h2[^>]*>Failures<\/h2>.*baseline.*>11<.*failed/s);
  });

  it("lists and verifies sweeps", async () => {
    const list = await bench.json<{ sweeps: { name: string }[] }>("sweep", "--list", "--json");
    expect(objections(shapes, "sweep2", list)).toEqual([]);
    expect(list.sweeps.map(({ name }) => name)).toContain("booths");
    expect((await bench.run("sweep", "--list")).stdout).toContain("sweeps/booths-1");
    const verified = await bench.json<object>("sweep", "--verify", place(first), "--json");
    expect(objections(shapes, "sweep", verified)).toEqual([]);
  });

  it("verifies a published sweep: its files, with the journal compressed", async () => {
    const published = join(bench.folder, "published/booths");
    mkdirSync(published, { recursive: true });
    for (const name of ["sweep.yaml", "experiment.yaml"])
      cpSync(join(first.directory, name), join(published, name));
    const journal = readFileSync(join(first.directory, "journal.jsonl"), "utf8");
    expect(journal).toContain('"directory":"runs/0-0"');
    expect(journal).not.toContain(bench.folder);
    writeFileSync(join(published, "journal.jsonl.gz"), gzipSync(journal));
    expect((await bench.run("sweep", "--verify", published)).stdout).toBe("I1 to I5 hold.\n");
    const { sweeps } = await bench.json<{ sweeps: { best: unknown }[] }>(
      ...["sweep", "--list", "--out", "published", "--json"],
    );
    expect(sweeps.map(({ best }) => best)).toEqual([first.best]);
    const table = await bench.run("export", "published/booths", "--to", "csv", "--out", "published.csv");
    expect([table.status, table.stderr]).toEqual([0, ""]);
    expect(readFileSync(join(bench.folder, "published.csv"), "utf8")).toBe(
      readFileSync(join(first.directory, "trials.csv"), "utf8"),
    );
    // Its outputs are made again from the journal.
    const again = await bench.json<SweepDocument>("sweep", "--resume", published, "--json", "--quiet");
    expect(withoutTimes(again)).toEqual(withoutTimes(first));
  });

  it("says which journal is damaged, and lists the others", async () => {
    const folder = join(bench.folder, "damaged");
    const lines = readFileSync(join(first.directory, "journal.jsonl"), "utf8").split("\n");
    const broken = (name: string, journal: string | Uint8Array, file = "journal.jsonl") => {
      mkdirSync(join(folder, name), { recursive: true });
      for (const one of ["sweep.yaml", "experiment.yaml"])
        cpSync(join(first.directory, one), join(folder, name, one));
      writeFileSync(join(folder, name, file), journal);
    };
    broken("empty", "");
    broken("foreign", `${lines[0]}\n{"entry":"ask","at":3}\n`);
    broken("headless", `${lines.slice(1).join("\n")}`);
    broken("packed", gzipSync(lines.join("\n")).subarray(0, 200), "journal.jsonl.gz");
    broken("whole", lines.join("\n"));
    const texts = {
      empty: "damaged/empty/journal.jsonl does not begin with the entry of a sweep.",
      foreign: "damaged/foreign/journal.jsonl:2: the entry ask has no trial and no parameters and no runs.",
      headless: "damaged/headless/journal.jsonl does not begin with the entry of a sweep.",
      packed: "damaged/packed/journal.jsonl.gz is no whole gzip file: ",
    };
    for (const [name, text] of Object.entries(texts)) {
      for (const mode of ["--verify", "--resume"]) {
        const { status, stdout, stderr } = await bench.run("sweep", mode, `damaged/${name}`);
        expect([status, stdout, stderr]).toEqual([1, "", expect.stringContaining(text)]);
      }
    }
    const { status, stdout, stderr } = await bench.run("sweep", "--list", "--out", "damaged", "--json");
    expect([status, JSON.parse(stdout).sweeps]).toMatchObject([1, [{ name: "booths" }]]);
    for (const text of Object.values(texts)) expect(stderr).toContain(text);
  });

  it("calls the trials of an interrupted sweep not finished", async () => {
    const folder = join(bench.folder, "stopped/booths");
    mkdirSync(folder, { recursive: true });
    for (const one of ["sweep.yaml", "experiment.yaml"])
      cpSync(join(first.directory, one), join(folder, one));
    const lines = readFileSync(join(first.directory, "journal.jsonl"), "utf8").split("\n");
    const begun = lines.filter((line) => /"entry":"(open|ask)"/.test(line));
    writeFileSync(join(folder, "journal.jsonl"), `${begun.join("\n")}\n`);
    const { stdout } = await bench.run("sweep", "--list", "--out", "stopped");
    expect(stdout).toMatch(/not ended +4 not finished/);
    const stored = await readSweepDirectory(folder);
    const page = sweepReport(
      stored,
      sweepDocument(stored, { status: "interrupted" }),
      describeEnvironment({ seed: 0, runtime: "auto" }),
    );
    expect(page).toContain("not finished");
    expect(page).not.toContain("running");
  });

  it("finds a record that was counted twice", async () => {
    const { directory } = await bench.json<SweepDocument>("sweep", "booths.yaml", "--json", "--quiet");
    const path = join(directory, "journal.jsonl");
    const record = readFileSync(path, "utf8")
      .split("\n")
      .find((line) => line.includes('"entry":"record"'));
    appendFileSync(path, `${record}\n`);
    const { status, stdout } = await bench.run("sweep", "--verify", directory);
    expect([status, stdout]).toEqual([1, "I2: a run has two records\n"]);
  });

  it("finds files of one's own beside it, and computes again where they hold something else", async () => {
    const table = (power: number) =>
      `x,y\n${[1, 2, 3, 4, 5, 6].map((x) => `${x},${x ** power}`).join("\n")}\n`;
    mkdirSync(join(bench.folder, "own"));
    bench.write("own/a.csv", table(1));
    bench.write("own/b.csv", table(2));
    bench.write(
      "own/line.yaml",
      "kind: train\nname: line\ndata: { csv: a.csv, label: y }\nmodel: { name: mlp, sizes: [1, 2, 1] }\n" +
        "optimizer: sgd\nlearningRate: 0.01\nbatchSize: 2\nepochs: 2\n",
    );
    const data = "{ csv: a.csv, label: y }, { csv: b.csv, label: y }";
    const file = (parameters: string) =>
      bench.write(
        "own/files.yaml",
        `experiment: line.yaml\nmethod: grid\nmetric: { name: loss.last }\nconfirm: false\nparameters: ${parameters}\n`,
      );
    file(`{ data: { values: [${data}] } }`);
    const runs = async () => {
      const { trials } = await bench.json<SweepDocument>("sweep", "own/files.yaml", "--json", "--quiet");
      return trials.map((trial) => [
        (trial.parameters.data as { csv: string }).csv,
        trial.runs[0]?.run,
        trial.value,
      ]);
    };
    const before = new Map((await runs()).map(([csv, ...rest]) => [csv, rest]));
    expect([...before.keys()].sort()).toEqual(
      ["a.csv", "b.csv"].map((name) => join(bench.folder, "own", name)),
    );
    bench.write("own/b.csv", table(3));
    for (const [csv, ...rest] of await runs()) {
      if ((csv as string).endsWith("a.csv")) expect(rest).toEqual(before.get(csv));
      else for (const [i, one] of rest.entries()) expect(one).not.toEqual(before.get(csv)?.[i]);
    }
    file("{ data.csv: { values: [a.csv, b.csv] } }");
    const { status, stderr } = await bench.run("sweep", "own/files.yaml");
    expect([status, stderr]).toEqual([
      2,
      expect.stringContaining("give data as a whole, { csv: FILE, ... }"),
    ]);
  });

  it("is exported as a table, and to MLflow with tags", async () => {
    const { stdout } = await bench.run("export", place(first), "--to", "csv", "--out", "t.csv");
    expect(stdout).toBe("t.csv\n");
    expect(readFileSync(join(bench.folder, "t.csv"), "utf8")).toBe(
      readFileSync(join(first.directory, "trials.csv"), "utf8"),
    );
    const server = new MlflowServer();
    const url = await server.start();
    try {
      const sent = await bench.json<object>("export", place(first), "--to", "mlflow", "--url", url, "--json");
      expect(objections(shapes, "export2", sent)).toEqual([]);
      // Four points of the grid, and three contenders on two fresh seeds.
      expect((sent as { runs: unknown[] }).runs).toHaveLength(10);
      const phases = [...server.runs.values()].map(({ tags }) =>
        (tags as { key: string; value: string }[])
          .filter(({ key }) => /trial|phase/.test(key))
          .map(({ value }) => value)
          .join(" "),
      );
      expect(new Set(phases)).toContain("3 search");
      expect(phases.filter((phase) => phase === "baseline confirmation")).toHaveLength(2);
      // What has no records, such as a run that diverged at once, does not keep the others.
      const [run] = first.trials[1].runs;
      const records = join(run.directory as string, "metrics.jsonl");
      renameSync(records, `${records}.away`);
      const rest = await bench.run("export", place(first), "--to", "mlflow", "--url", url, "--json");
      renameSync(`${records}.away`, records);
      expect([rest.status, rest.stderr]).toEqual([1, expect.stringContaining(run.directory as string)]);
      expect(JSON.parse(rest.stdout).runs).toHaveLength(9);
    } finally {
      await server.stop();
    }
    const { status, stderr } = await bench.run("export", place(first), "--to", "onnx");
    expect([status, stderr]).toEqual([
      2,
      expect.stringContaining("is a sweep, which goes --to csv or mlflow"),
    ]);
  });
});

describe("a sweep that fails", () => {
  it("tells each failure at once, ends after the first three, and exits with 1", async () => {
    // Line searches cannot pause, which a run finds out.
    bench.write(
      "wrong.yaml",
      sweep("set: { optimizer: lbfgs }\nprune: { rule: asha, from: 4 }\n").replace("loss.last", "loss"),
    );
    const { status, stdout, stderr } = await bench.run("sweep", "wrong.yaml", "--json");
    expect(status).toBe(1);
    const document: SweepDocument = JSON.parse(stdout);
    expect(document.end).toBe("failures");
    expect(document.counts).toEqual({ failed: 3, cancelled: 1 });
    expect(stderr.match(/^\d-0 failed: .*cannot be pruned/gm)).toHaveLength(3);
    expect(document.trials.find((trial) => trial.status === "failed")?.runs[0]?.error).toContain(
      "cannot be pruned",
    );
  });

  it("says which numbers a run has where the metric is none of them", async () => {
    bench.write("unknown.yaml", sweep().replace("loss.last", "accuracy"));
    const { status, stderr } = await bench.run("sweep", "unknown.yaml");
    expect(status).toBe(1);
    expect(stderr).toContain("The run has no number accuracy. It has loss, steps, loss.final, loss.least");
    bench.write("near.yaml", sweep().replace("loss.last", "loss.leest"));
    const near = await bench.run("sweep", "near.yaml");
    expect(near.stderr).toContain("The run has no number loss.leest; did you mean loss.least? It has loss,");
    // The same at the end, for those who were not there.
    expect(near.stdout).toMatch(
      /^1 failed, 3 cancelled in .*\nThe search ended as its first trials failed \(stopAfter\): The run has no number loss\.leest.*\nNo trial was completed\.\nSweep: /,
    );
  });

  it("says why a search ended early, and how much of a grid that was", async () => {
    const text = sweep("budget: { trials: 3 }\n")
      .replace("name: booths", "name: early")
      .replace("loss.last }", "loss.last, target: 1e9 }")
      .replace(/confirm: .*/, "confirm: false");
    bench.write("early.yaml", text);
    const { stdout } = await bench.run("sweep", "early.yaml", "--jobs", "1", "--quiet");
    expect(stdout).toContain(
      "\nOf the grid 3 of 4 points.\nThe search ended as a trial reached metric.target, 1000000000.\nBest: trial 0,",
    );
    const page = readFileSync(join(bench.folder, "sweeps/early-1/report.html"), "utf8");
    expect(page).toContain("minimize loss.last. Of the grid 3 of 4 points. The search ended as");
    const check = await bench.run("sweep", "early.yaml", "--check");
    expect(check.stdout).toMatch(
      /^early: grid, loss.last minimized, at most 3 trials \(3 of 4 points\), 3 runs/,
    );
  });

  it("counts at most as many contenders as there can be", async () => {
    const runs = async (confirm: string, set = "") => {
      bench.write("each.yaml", sweep(set).replace(/confirm: .*/, `confirm: { seeds: [10, 11], ${confirm} }`));
      return (await bench.json<{ runs: number }>("sweep", "each.yaml", "--check", "--json")).runs - 4;
    };
    expect(await runs("best: 9")).toBe(2 * 5);
    expect(await runs("each: learningRate, baseline: { learningRate: 0.05 }")).toBe(2 * 4);
    const ofRange = async (range: string) => {
      const text = sweep("budget: { trials: 4 }")
        .replace("grid", "random")
        .replace("{ values: [0.01, 0.05, 0.08, 0.1] }", range)
        .replace(
          /confirm: .*/,
          "confirm: { seeds: [10, 11], each: learningRate, baseline: { learningRate: 0.02 } }",
        );
      bench.write("ranges.yaml", text);
      return (await bench.json<{ runs: number }>("sweep", "ranges.yaml", "--check", "--json")).runs - 4;
    };
    expect(await ofRange("{ min: 0.01, max: 0.1 }")).toBe(2 * 5);
    expect(await ofRange("{ min: 0.01, max: 0.1, step: 1.0e-14 }")).toBe(2 * 5);
    expect(await ofRange("{ min: 0.01, max: 0.03, step: 0.01 }")).toBe(2 * 3);
  });

  it("counts a run that diverges as the worst value, not as a failure", async () => {
    bench.write("wild.yaml", sweep("set: { steps: 1000 }\n").replace("0.1]", "5]"));
    const document = await bench.json<SweepDocument>("sweep", "wild.yaml", "--json", "--quiet");
    expect(document.counts).toEqual({ completed: 3, diverged: 1 });
  });

  it.each([
    [
      [],
      "Give a sweep's YAML file, or one of --resume DIR, --verify DIR, --list, and of a sweep on a server --attach ID, --cancel DIR, --close ID.",
    ],
    [["booths.yaml", "--list"], "Give a sweep's YAML file, or one of"],
    [["--list", "--trials", "3"], "--set, --trials, --provider and --check are for a sweep's YAML file."],
    [["--resume", "nowhere"], "Cannot read the sweep nowhere: no such file or directory"],
    [["--verify", "."], ". is not the directory of a sweep: it has no sweep.yaml and no journal.jsonl."],
  ])("refuses %j with one line", async (args, message) => {
    const { status, stdout, stderr } = await bench.run("sweep", ...args);
    expect([status === 0, stdout]).toEqual([false, ""]);
    expect(stderr).toContain(message);
    expect(stderr.split("\n")).toHaveLength(2);
  });
});
