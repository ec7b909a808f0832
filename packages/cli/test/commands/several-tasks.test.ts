// Several tasks on columns of one's own table, beside the same training in a program.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { adam, array, createMultiTaskTrainer, crossEntropy } from "isoloss";
import { decodeNpy } from "isoloss/data";
import { caGrad } from "isoloss/mtl";
import { mseLoss, multiMlp } from "isoloss/nn";
import { decodeModel } from "isoloss/onnx";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import { workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
const rows = Array.from({ length: 40 }, (_, i) => ({ a: ((i * 7) % 11) / 5 - 1, b: ((i * 5) % 13) / 6 - 1 }));
const sumOf = ({ a, b }: { a: number; b: number }) => a - 2 * b;
const kindOf = (row: { a: number; b: number }) => (sumOf(row) > 0 ? "over" : "below");
const starsOf = ({ a }: { a: number }) => (a > 0 ? 5 : 3);

const table = (lines: readonly (readonly unknown[])[]) =>
  `a,b,the price,kind,stars\n${lines.map((line) => `${line.join()}\n`).join("")}`;
const experiment = (
  name: string,
  more: string,
  data = "label: [the price, kind, stars]",
  file = "table.csv",
) => `name: ${name}
kind: multi-task
problem: { name: columns, data: { csv: ${file}, ${data} }, classes: [stars], hidden: [6] }
optimizer: adam
learningRate: 0.02
batchSize: 8
epochs: 12
runtime: javascript
${more}`;

beforeAll(() =>
  bench.write("table.csv", table(rows.map((r) => [r.a, r.b, 100 * sumOf(r), kindOf(r), starsOf(r)]))),
);

interface Run {
  readonly status: string;
  readonly directory: string;
  readonly metrics: Readonly<Record<string, number>>;
  readonly loss: { readonly history: readonly number[] };
  readonly teleports: readonly unknown[];
}

async function ran(name: string, more: string, data?: string, file?: string): Promise<Run> {
  bench.write(`${name}.yaml`, experiment(name, more, data, file));
  const run = await bench.json<Run>("run", `${name}.yaml`, "--json", "--quiet");
  expect(run.status).toBe("completed");
  return run;
}

describe("several tasks on one's own table", () => {
  it("are trained as a program trains them", async () => {
    const plain = "label: [the price, kind, stars], validation: 0, standardize: false";
    const { loss } = await ran("plain", "method: caGrad\n", plain);
    const model = multiMlp({ sizes: [2, 6], heads: { "the price": 1, kind: 2, stars: 2 } });
    const int64 = (values: readonly number[]) => array([...values], "int64");
    const trainer = await createMultiTaskTrainer({
      losses: (p, { x, price, kind, stars }) => {
        const y = model.apply(p, x);
        return [mseLoss(y["the price"], price), crossEntropy(y.kind, kind), crossEntropy(y.stars, stars)];
      },
      params: model.init,
      data: {
        x: array(rows.map(({ a, b }) => [a, b])),
        price: array(rows.map((r) => [100 * sumOf(r)])),
        kind: int64(rows.map((r) => Number(kindOf(r) === "over"))),
        stars: int64(rows.map((r) => Number(starsOf(r) === 5))),
      },
      method: caGrad(),
      optimizer: adam(),
      learningRate: 0.02,
      batchSize: 8,
      seed: 0,
      runtime: "javascript",
    });
    await trainer.run({ epochs: 12 });
    const { losses } = trainer.history;
    await trainer.dispose();
    const means = losses[0].map((_, t) => losses.reduce((sum, list) => sum + list[t], 0) / 3);
    expect(loss.history).toEqual(means.map((v) => expect.closeTo(v, 6)));
  });

  it("have a test error and accuracies of the epoch that validation chose, and predict new rows", async () => {
    const parts = "label: [the price, kind, stars], validation: 0.25, test: 0.25";
    const { metrics, directory } = await ran(
      "best",
      "method: linearScalarization\nearlyStopping: { metric: kind.loss, patience: 3 }\nbest: restore\n",
      parts,
    );
    const tested = [
      "test.the price.rmse",
      "test.kind.accuracy",
      "test.stars.accuracy",
      "validation.kind.loss",
    ];
    for (const name of tested) expect(metrics[name]).toBeTypeOf("number");
    const validated = bench
      .records("runs/best-0-1/metrics.jsonl")
      .flatMap((r) => (typeof r["validation.kind.loss"] === "number" ? [r["validation.kind.loss"]] : []));
    expect(metrics["validation.kind.loss"]).toBe(Math.min(...validated));
    expect(validated.indexOf(Math.min(...validated))).toBe(metrics["best.epoch"] - 1);

    bench.write("new.csv", "b,a\n0.5,-1\n-1,1\n");
    for (const out of ["new.csv.json", "out.csv", "out.npy"]) {
      await bench.json("predict", directory, "--data", "new.csv", "--out", out, "--json");
    }
    expect(readFileSync(join(bench.folder, "out.csv"), "utf8")).toMatch(
      /^the price,kind,kind\.probability,stars,stars\.probability\r\n-[\d.]+,below,0\.\d+,3,0\.\d+\r\n[\d.]+,over,/,
    );
    const raw = decodeNpy(readFileSync(join(bench.folder, "out.npy")));
    const records = JSON.parse(readFileSync(join(bench.folder, "new.csv.json"), "utf8"));
    expect(raw.shape).toEqual([2, 5]);
    expect(records.map((r: Record<string, number>) => r["the price"])).toEqual([
      expect.closeTo(Number(raw.data[0]), 3),
      expect.closeTo(Number(raw.data[5]), 3),
    ]);
    const part = await ran(
      "whole",
      "method: linearScalarization\n",
      "label: [the price, kind, stars], validation: 0.5",
    );
    await bench.json("predict", part.directory, "--data", "table.csv", "--out", "all.json", "--json");
    const all = JSON.parse(readFileSync(join(bench.folder, "all.json"), "utf8"));
    const right = rows.filter((r, i) => all[i].kind === kindOf(r)).length / rows.length;
    expect(right).toBeGreaterThan(0.8);
  });

  it("are exported with a named output for each, which ONNX Runtime computes as predict does", async () => {
    const missing = table(rows.map((r, i) => [i ? r.a : "", r.b, 100 * sumOf(r), kindOf(r), starsOf(r)]));
    bench.write("gap.csv", missing);
    bench.write("fresh.csv", "b,a\n0.5,-1\n-1,1\n0.25,\n");
    for (const [name, more] of [
      ["together", "method: caGrad\nbest: restore\n"],
      ["apart", "method: linearScalarization\nalone: true\ndtype: float64\n"],
    ]) {
      const { directory } = await ran(
        name,
        more,
        "label: [the price, kind, stars], missing: mean, validation: 0.25",
        "gap.csv",
      );
      const file = join(bench.folder, `${name}.onnx`);
      await bench.json("export", directory, "--to", "onnx", "--out", file, "--json");
      await bench.json("predict", directory, "--data", "fresh.csv", "--out", "raw.npy", "--force", "--json");
      await bench.json("predict", directory, "--data", "fresh.csv", "--out", "raw.json", "--force", "--json");
      const session = await InferenceSession.create(readFileSync(file));
      expect([session.inputNames, session.outputNames]).toEqual([["x"], ["the price", "kind", "stars"]]);
      // The file fills the gap with the mean over the training rows.
      const inputs = [-1, 0.5, 1, -1, Number.NaN, 0.25];
      const isDouble = name === "apart";
      const x = isDouble ? Float64Array.from(inputs.map(Math.fround)) : Float32Array.from(inputs);
      const results = await session.run({ x: new Tensor(isDouble ? "float64" : "float32", x, [3, 2]) });
      const byRow = [0, 1, 2].flatMap((i) =>
        session.outputNames.flatMap((task) => {
          const { data, dims } = results[task];
          return Array.from(data as Float64Array).slice(i * dims[1], (i + 1) * dims[1]);
        }),
      );
      const raw = decodeNpy(readFileSync(join(bench.folder, "raw.npy")));
      expect(raw.shape).toEqual([3, 5]);
      expect(byRow).toEqual(
        Array.from(raw.data as Float32Array, (v) => expect.closeTo(Number(v), isDouble ? 9 : 3)),
      );
      const { metadata } = decodeModel(readFileSync(file));
      expect(JSON.parse(metadata.tasks)).toEqual([
        { name: "the price" },
        { name: "kind", classes: ["below", "over"] },
        { name: "stars", classes: ["3", "5"] },
      ]);
      expect(JSON.parse(metadata.features)).toEqual(["a", "b"]);
      // The folder of the run is all that either needs.
      bench.write("gap.csv", `${missing}1,1,1,over,5\n`);
      await bench.json(
        "predict",
        directory,
        "--data",
        "fresh.csv",
        "--out",
        "again.json",
        "--force",
        "--json",
      );
      expect(readFileSync(join(bench.folder, "again.json"))).toEqual(
        readFileSync(join(bench.folder, "raw.json")),
      );
      const { status, stderr } = await bench.run("run", "--resume", directory);
      expect([status, stderr]).toEqual([1, expect.stringMatching(/gap\.csv has changed: its SHA-256/)]);
      bench.write("gap.csv", missing);
      // As a run of an earlier version.
      rmSync(join(directory, "data.json"));
      await bench.json(
        "predict",
        directory,
        "--data",
        "fresh.csv",
        "--out",
        "again.json",
        "--force",
        "--json",
      );
      expect(readFileSync(join(bench.folder, "again.json"))).toEqual(
        readFileSync(join(bench.folder, "raw.json")),
      );
    }
  });

  it("have an output with another name where the column has that of the input", async () => {
    bench.write("x.csv", `a,x,y\n${rows.map(({ a, b }) => `${a},${b},${a - b}\n`).join("")}`);
    bench.write(
      "named.yaml",
      experiment("named", "method: caGrad\n", "label: [x, y]", "x.csv").replace("classes: [stars], ", ""),
    );
    const { directory } = await bench.json<Run>("run", "named.yaml", "--json", "--quiet");
    await bench.json("export", directory, "--to", "onnx", "--batch", "2", "--out", "named.onnx", "--json");
    const { outputNames } = await InferenceSession.create(readFileSync(join(bench.folder, "named.onnx")));
    expect(outputNames).toEqual(["x.output", "y"]);
  });

  it("report true evaluations by a protocol, without that of the restored epoch", async () => {
    const protocol =
      "protocol: { report: { last: 2 }, columns: [{ name: price, metric: the price.rmse, better: lower }] }";
    const { metrics } = await ran(
      "last",
      `method: linearScalarization\nbest: restore\n${protocol}\n`,
      "label: [the price, kind, stars], validation: 0.25, test: 0.25",
    );
    const tested = bench
      .records("runs/last-0-1/metrics.jsonl")
      .flatMap((r) => (typeof r["test.the price.rmse"] === "number" ? [r["test.the price.rmse"]] : []));
    const [a, b] = tested.slice(-2);
    expect(metrics["reported.the price.rmse"]).toBeCloseTo((a + b) / 2, 9);
    expect(metrics["best.epoch"]).toBeTypeOf("number");
  });

  it("give each fresh seed of a sweep test rows of its own, and as many seeds as there are rows", async () => {
    const data = "label: [the price, kind, stars], validation: 0.25, test: 0.2";
    bench.write(
      "swept.yaml",
      experiment("swept", "method: linearScalarization\nsteps: 2\n", data).replace("epochs: 12\n", ""),
    );
    const sweep = (seeds: string, by: string) =>
      bench.write(
        "sweep.yaml",
        `experiment: swept.yaml
method: grid
metric: { name: ${by} }
seeds: [0]
parameters: { learningRate: { values: [0.01, 0.05] } }
confirm: { seeds: ${seeds}, best: 1, baseline: { learningRate: 0.02 } }
`,
      );
    sweep("100..109", "validation.loss");
    const tooMany = await bench.run("sweep", "sweep.yaml", "--jobs", "1", "--quiet");
    expect(tooMany.status).not.toBe(0);
    expect(tooMany.stderr).toContain("The test data have 8 examples, and each of 10 fresh seeds");
    expect(existsSync(join(bench.folder, "sweeps"))).toBe(false);
    sweep("100..103", "validation.loss");
    const { confirmed } = await bench.json<{ readonly confirmed: readonly object[] }>(
      ...["sweep", "sweep.yaml", "--jobs", "1", "--quiet", "--json"],
    );
    expect(confirmed).toMatchObject([{ rows: "test", rowsChose: false }]);
    sweep("100..103", "test.loss");
    const noted = await bench.run("sweep", "sweep.yaml", "--jobs", "1", "--json");
    expect(noted.stderr).toContain(
      "Whether trials help by test.loss stays undecided: its rows both choose and judge. Rank",
    );
  });

  it("are too few for fresh seeds of a comparison at tuned rates: known before the first run", async () => {
    const rates =
      "rates: { grid: [0.01], tune: [0], confirm: 10..19 }\nvariants: { plain: {}, other: { optimizer: sgd } }\n";
    const data = "label: [the price, kind, stars], validation: 0.25, test: 0.2";
    bench.write("few.yaml", experiment("few", `method: linearScalarization\n${rates}`, data));
    const { status, stderr } = await bench.run("reproduce", "few.yaml", "--quiet");
    expect([status !== 0, stderr]).toEqual([
      true,
      expect.stringContaining("The test data have 8 examples, and each of 10 fresh seeds"),
    ]);
    expect(existsSync(join(bench.folder, "runs/few-plain-0"))).toBe(false);
  });

  it("take COST, a model for each task, and are compared in a table with Delta_m", async () => {
    bench.write(
      "compared.yaml",
      experiment(
        "compared",
        "method: linearScalarization\nvariants: { plain: {}, cost: { cost: { trigger: weak } }, alone: { alone: true } }\n",
      ),
    );
    const { status, stdout } = await bench.run("run", "compared.yaml", "--quiet");
    expect(status).toBe(0);
    expect(stdout).toMatch(/On the validation data, after the last step/);
    expect(stdout).toMatch(/root mean squared error the price v +accuracy % kind \^ .*stars \^ .*Delta_m %/);
    expect(stdout).toMatch(/\ncost +\d+\.\d+/);
    expect(stdout).toMatch(/\npredicting the mean, or the commonest class +\d+\.\d+ +\d+\.\d+ +\d+\.\d+ +-/);
  });
});

describe("mistakes in several tasks on one's own table", () => {
  it.each([
    ["label: [the price, sort]", /there is no column "sort"; the columns are a, b, the price, kind, stars/],
    ["label: [the price, kind], features: [a, kind]", /"kind" is chosen twice/],
    ["label: [the price]", /there is no label "stars"; the labels are the price\.\n/],
    ["label: [a, b, the price, kind, stars]", /there is no column besides the labels/],
    ["label: [the price, kind], classes: true", /problem\.data\.classes: unknown key/],
  ])("are told: %s", async (data, message) => {
    bench.write("wrong.yaml", experiment("wrong", "method: caGrad\n", data));
    const { status, stderr } = await bench.run("run", "wrong.yaml", "--quiet");
    expect([status !== 0, stderr]).toEqual([true, expect.stringMatching(message)]);
  });

  it("are told: an input that is missing, and another format", async () => {
    const wrong = async (data: string) => {
      bench.write(
        "wrong.yaml",
        experiment("wrong", "method: caGrad\n").replace(/data: \{.*?\}/, `data: ${data}`),
      );
      return (await bench.run("run", "wrong.yaml", "--quiet")).stderr;
    };
    const label = "label: [the price, kind, stars]";
    bench.write(
      "gaps.csv",
      table([
        [1, 2, "", "over", 3],
        ["", 1, 3, "below", 5],
      ]),
    );
    expect(await wrong(`{ csv: gaps.csv, ${label} }`)).toMatch(/line 3 has no value of "a"/);
    expect(await wrong("{ npz: table.npz }")).toMatch(/problem\.data\.npz: unknown key/);
  });

  it("name classes that no run predicts, with their task", async () => {
    bench.write(
      "rare.csv",
      table(rows.map((r, i) => [r.a, r.b, sumOf(r), i % 8 ? "often" : "seldom", i % 2])),
    );
    const data = "label: [the price, kind, stars], test: 0.3";
    bench.write("rare.yaml", experiment("rare", "method: caGrad\n", data, "rare.csv"));
    const { stdout } = await bench.run("run", "rare.yaml", "--quiet");
    expect(stdout).toMatch(/never predicts "kind\.seldom" for test rows, some of which have this class$/m);
  });

  it("refuse amounts as classes, numbers and texts, as a single task does", async () => {
    const amounts = (name: string, kind: (i: number) => unknown, stars: (i: number) => unknown) =>
      bench.write(name, table(rows.map((r, i) => [r.a, r.b, sumOf(r), kind(i), stars(i)])));
    const failed = async (file: string, data = "label: [the price, kind, stars]") => {
      bench.write("amounts.yaml", experiment("amounts", "method: caGrad\n", data, file));
      return (await bench.run("run", "amounts.yaml", "--quiet")).stderr;
    };
    amounts(
      "numbers.csv",
      (i) => "xy"[i % 2],
      (i) => 100 + 7 * i,
    );
    expect(await failed("numbers.csv")).toContain(
      '"stars" has 40 different numbers in 40 rows, such as 100: too few rows of each for classes. To predict numbers leave it out of classes; if they are codes of classes: text: ["stars"].',
    );
    // In float32 some of them would be one.
    for (const codeOf of [(i: number) => 100000000 + (i % 4), (i: number) => 0.1 + (i % 4) * 1e-11]) {
      amounts("codes.csv", (i) => "xy"[i % 2], codeOf);
      expect(await failed("codes.csv")).toContain(
        '"stars" has numbers that are no integers of up to 24 bits, which are classes only as text: text: ["stars"].',
      );
      expect(await failed("codes.csv", "label: [the price, kind, stars], text: [stars]")).toBe("");
    }
    amounts(
      "texts.csv",
      (i) => `$${1000.5 + i}`,
      (i) => i % 2,
    );
    const message =
      '"kind" has 40 different texts in 40 rows, such as "$1000.5": too few rows of each for classes. Write numbers without other marks: 1000.5. If they are classes: text: ["kind"].';
    expect(await failed("texts.csv")).toContain(message);
    expect(await failed("texts.csv", "label: [the price, kind, stars], text: [kind]")).toBe("");
  });
});
