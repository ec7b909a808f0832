// Experiments on data of the user's own: tables, arrays, images and modules.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { array, type Dataset, jit, numbers } from "isoloss";
import { encodeNpy } from "isoloss/data";
import { fromOnnx, trainable } from "isoloss-onnx";
import { npzOf } from "isoloss-test-support/data/npz-files";
import { parquetFile } from "isoloss-test-support/node/parquet-file";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { loadOwnData } from "../../src/experiments/catalogue/own/data.js";
import { workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
const at = (name: string) => join(bench.folder, name);

const experiment = (data: string, model = "{ name: mlp, sizes: [2, 8, 2] }") => `name: own
kind: train
data: ${data}
model: ${model}
optimizer: adam
learningRate: 0.02
batchSize: 10
epochs: 12
`;

const n = 60;
const all = [...Array(n).keys()];
const rows = Array.from({ length: n }, (_, i) => ({ a: (i * 7) % 11, b: 100 + ((i * 5) % 13), i }));
/** Two classes that a line divides. */
const kindOf = ({ a, b }: { a: number; b: number }) => (a + 100 - b > 0 ? "short" : "long");
const priceOf = ({ a, b }: { a: number; b: number }) => 3000 * a - 2000 * b;
const table = (...lines: string[]) => `${["a,b,shop,kind,price", ...lines].join("\n")}\n`;
const lines = rows.map((r) => [r.a, r.b, r.i % 3 ? "x" : "y", kindOf(r), priceOf(r)].join());
const points = array(rows.map(({ a, b }) => [a, b]));
const classes = array(
  rows.map((r) => (kindOf(r) === "short" ? 1 : 0)),
  "int64",
);

beforeAll(() => {
  for (const name of ["data", "images/dark", "images/light"]) mkdirSync(at(name), { recursive: true });
  bench.write("data/things.csv", table(...lines));
  const columns = { a: rows.map((r) => r.a), b: rows.map((r) => r.b), kind: rows.map(kindOf) };
  writeFileSync(at("data/things.parquet"), parquetFile(columns));
  writeFileSync(at("data/x.npy"), encodeNpy(points));
  writeFileSync(at("data/y.npy"), encodeNpy(classes));
  writeFileSync(at("data/xy.npz"), npzOf({ points, kinds: classes }));
  // Images of bytes, without an axis of channels.
  const bytes = array(
    rows.map((r) => [
      [r.i % 2 ? 250 : 5, r.a],
      [r.b, 0],
    ]),
    "int64",
  );
  const parity = array(
    rows.map((r) => r.i % 2),
    "int64",
  );
  writeFileSync(at("data/gray.npz"), npzOf({ inputs: bytes, labels: parity }));
  for (let i = 0; i < 20; i++) {
    const level = i % 2 === 0 ? 20 : 200;
    const data = Uint8Array.from({ length: 36 }, (_, k) => level + ((i * 3 + k) % 20));
    const png = encode({ width: 6, height: 6, channels: 1, data });
    writeFileSync(at(`images/${i % 2 === 0 ? "dark" : "light"}/${i}.png`), png);
  }
  bench.write(
    "data/mine.mjs",
    `import { array } from "isoloss";
     const of = (m) => ({ inputs: array(m.map((i) => [i % 2, 1 - (i % 2)])), labels: array(m.map((i) => i % 2), "int64") });
     export default async () => of([...Array(40).keys()]);
     export const parts = { data: of([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), validation: of([0, 1]), test: of([1]) };
     export const wrong = { inputs: [[1, 2]], labels: [0] };
     export const nothing = null;
     export const uneven = { inputs: array([[1], [2]]), labels: array([0], "int64") };`,
  );
});

interface Run {
  readonly status: string;
  readonly directory: string;
  readonly metrics: Readonly<Record<string, number>>;
}

async function trained(data: string, model?: string, ...more: string[]): Promise<Run> {
  bench.write("own.yaml", experiment(data, model));
  const run = await bench.json<Run>("run", "own.yaml", "--json", "--quiet", ...more);
  expect(run.status).toBe("completed");
  return run;
}

function networkIn(name: string) {
  const file = fromOnnx(readFileSync(at(name)));
  return { model: trainable(file), params: file.params };
}

describe("an experiment on one's own data", () => {
  it.each([
    ["a CSV file with classes", "{ csv: data/things.csv, label: kind, features: [a, b] }"],
    ["a Parquet file", "{ parquet: data/things.parquet, label: kind }"],
    ["two npy files", "{ npy: data/x.npy, labels: data/y.npy }"],
    ["an npz file", "{ npz: data/xy.npz, inputs: points, labels: kinds }"],
    ["a function of a module", "{ module: data/mine.mjs }"],
  ])("learns classes of %s", async (_, data) => {
    const { metrics } = await trained(data);
    expect(metrics["validation.accuracy"]).toBeGreaterThan(0.7);
    // Chance is a loss of log 2 = 0.69.
    expect(metrics["train.loss"]).toBeLessThan(0.5);
  });

  it("learns numbers, with text as inputs, and tells the error in their unit", async () => {
    const data = "{ csv: data/things.csv, label: price, features: [a, b, shop] }";
    const { metrics } = await trained(data, "{ name: mlp, sizes: [4, 16, 1] }", "--set", "epochs=60");
    expect(metrics).not.toHaveProperty("validation.accuracy");
    // The loss is in units of the variance of the training targets.
    expect(metrics["train.loss"]).toBeLessThan(0.05);
    const { loss, rmse } = { loss: metrics["train.loss"], rmse: metrics["train.rmse"] };
    const std = rmse / Math.sqrt(loss);
    const prices = rows.map(priceOf);
    const mean = prices.reduce((a, b) => a + b) / n;
    const deviation = Math.sqrt(prices.reduce((s, p) => s + (p - mean) ** 2, 0) / n);
    // That of 48 of the 60 rows.
    expect(std / deviation).toBeGreaterThan(0.85);
    expect(std / deviation).toBeLessThan(1.15);
  });

  it("has what the mean of the training rows, or their class shares, reach on the rows that measure", async () => {
    const lines = all.map((i) => `${i},${i % 4 ? "yes" : "no"},${i === 3 ? "" : i ** 2}`);
    bench.write("data/squares.csv", ["x,often,y", ...lines].join("\n"));
    const parts = "validation: 0.25, test: 0.25";
    const config = { csv: at("data/squares.csv"), validation: 0.25, test: 0.25, standardize: false };
    const ofNumbers = await loadOwnData({ ...config, label: "y", features: ["x"] });
    const values = (part: Dataset | undefined) => numbers((part as Dataset).labels);
    const mean = values(ofNumbers.train).reduce((a, b) => a + b) / values(ofNumbers.train).length;
    const rmse = (part: Dataset | undefined) =>
      Math.sqrt(values(part).reduce((s, y) => s + (y - mean) ** 2, 0) / values(part).length);
    const data = `{ csv: data/squares.csv, label: y, features: [x], ${parts} }`;
    const model = "{ name: mlp, sizes: [1, 4, 1] }";
    const { metrics } = await trained(data, model);
    expect(metrics["constant.validation.rmse"]).toBeCloseTo(rmse(ofNumbers.validation), 3);
    expect(metrics["constant.test.rmse"]).toBeCloseTo(rmse(ofNumbers.test), 3);
    expect(metrics["rows.unlabeled"]).toBe(1);
    bench.write("own.yaml", experiment(data, model));
    const { stdout } = await bench.run("run", "own.yaml", "--quiet", "--seeds", "0..1");
    expect(stdout).toMatch(
      new RegExp(`^predicting the mean +- .* ${rmse(ofNumbers.test).toPrecision(4)} +-$`, "m"),
    );
    expect(stdout).toContain("rows of the data without a label, which are left out: 1\n");

    const ofClasses = `{ csv: data/squares.csv, label: often, features: [x], ${parts} }`;
    const { train, test } = await loadOwnData({ ...config, label: "often", features: ["x"] });
    const share = values(test).filter((label) => label === 1).length / values(test).length;
    const classes = await trained(ofClasses, "{ name: mlp, sizes: [1, 4, 2] }");
    expect(classes.metrics["constant.test.accuracy"]).toBeCloseTo(share, 9);
    const known = values(train);
    const often = known.filter((label) => label === 1).length / known.length;
    expect(classes.metrics["constant.test.loss"]).toBeCloseTo(
      -share * Math.log(often) - (1 - share) * Math.log(1 - often),
      6,
    );
    expect(classes.metrics).not.toHaveProperty(["rows.unlabeled"]);
    const named = await bench.run(
      "run",
      "own.yaml",
      "--quiet",
      "--set",
      `data=${ofClasses}`,
      "--set",
      "model.sizes=[1,4,2]",
    );
    expect(named.stdout).toMatch(/^predicting the class shares +- /m);
  });

  it("says how many rows there are, which copy training rows, and which classes no run predicts", async () => {
    const lines = all.map((i) => `${i % 5},${i % 6 ? "common" : i % 12 ? "rare" : "odd"}`);
    bench.write("data/rare.csv", ["x,often", ...lines].join("\n"));
    const data = "{ csv: data/rare.csv, label: often, validation: 0.25, test: 0.25 }";
    const never = 'never predicts "odd", "rare" for test rows, some of which have these classes';
    const yaml = experiment(data, "{ name: mlp, sizes: [1, 2, 3] }");
    const rates = "rates: { grid: [0.02], tune: 0..1, confirm: 2..4 }";
    bench.write("rare.yaml", `${yaml}variants: { plain: {}, more: { epochs: 13 } }\n${rates}\n`);
    const { stdout } = await bench.run("run", "rare.yaml", "--quiet", "--variant", "plain");
    expect(stdout).toContain("rows of the data: 30 for training, 15 for validation, 15 for testing\n");
    expect(stdout).toContain(
      "held-out rows that are copies of training rows, and tell nothing of other rows: ",
    );
    expect(stdout).toContain(`\nplain ${never}`);
    const judged = await bench.run("reproduce", "rare.yaml", "--quiet", "--out", "rare");
    expect(judged.stdout).toContain("5 for testing; each seed has its own for testing\n");
    expect(judged.stdout).toMatch(/^more never predicts /m);
    expect(readFileSync(at("rare/report.html"), "utf8")).toMatch(
      /Of the data: rows of the data: .*never predicts/,
    );
  });

  it("exports a network that takes and gives numbers as they are in the table", async () => {
    const data = "{ csv: data/things.csv, label: price, features: [a, b], validation: 0 }";
    const { directory, metrics } = await trained(
      data,
      "{ name: mlp, sizes: [2, 16, 1] }",
      "--set",
      "epochs=60",
    );
    await bench.json("export", directory, "--to", "onnx", "--out", "price.onnx", "--json");
    const { model, params } = networkIn("price.onnx");
    const predict = await jit((at) => model.apply(at.params, at.x, { state: {} }).output, {
      params,
      x: points,
    });
    const { data: prices } = await predict({ params, x: points });
    await predict.dispose();
    const squares = rows.map((r, i) => (Number(prices[i]) - priceOf(r)) ** 2);
    const rmse = Math.sqrt(squares.reduce((a, b) => a + b) / n);
    expect(rmse / metrics["train.rmse"]).toBeCloseTo(1, 4);
  });

  it("takes images of a folder, and arrays of bytes, in the shape that the model takes", async () => {
    const convnet = "{ name: convnet, stages: [[4]], classes: 2, norm: none }";
    for (const model of [convnet, "{ name: mlp, sizes: [36, 4, 2] }"]) {
      const { metrics } = await trained(
        "{ images: images, validation: 0.25 }",
        model,
        "--set",
        "batchSize=5",
      );
      expect(metrics["validation.accuracy"]).toBe(1);
    }
    const gray = await trained("{ npz: data/gray.npz }", "{ name: mlp, sizes: [4, 4, 2] }");
    expect(gray.metrics["validation.accuracy"]).toBe(1);
  });

  it("takes parts that a module has", async () => {
    const { metrics } = await trained('{ module: "data/mine.mjs#parts" }', undefined, "--set", "epochs=60");
    expect(metrics["validation.accuracy"]).toBe(1);
    expect(metrics["test.accuracy"]).toBe(1);
  });

  it("has the hash of its files in its config, and goes on with no others", async () => {
    const sha256 = (...bytes: Uint8Array[]) =>
      bytes.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex");
    const [x, y] = ["data/x.npy", "data/y.npy"].map((name) => readFileSync(at(name)));
    const csv = await trained("{ csv: data/things.csv, label: kind, features: [a, b] }");
    const stored = (run: Run) => parse(readFileSync(join(run.directory, "config.yaml"), "utf8")).data;
    expect(stored(csv)).toMatchObject({
      csv: at("data/things.csv"),
      sha256: sha256(readFileSync(at("data/things.csv"))),
    });
    const npy = await trained("{ npy: data/x.npy, labels: data/y.npy }");
    // As `sha256sum x.npy y.npy | sha256sum` prints it.
    const sums = Buffer.from(`${sha256(x)}  x.npy\n${sha256(y)}  y.npy\n`);
    expect(stored(npy)).toMatchObject({ labels: at("data/y.npy"), sha256: sha256(sums) });
    renameSync(at("data/things.csv"), at("data/kept.csv"));
    bench.write("data/things.csv", table(...lines.slice(1)));
    for (const args of [
      ["run", "--resume", csv.directory],
      ["run", join(csv.directory, "config.yaml")],
    ]) {
      const { status, stderr } = await bench.run(...args);
      expect(status).toBe(1);
      expect(stderr).toMatch(/things\.csv has changed: its SHA-256 is .* Restore the file/);
    }
    renameSync(at("data/kept.csv"), at("data/things.csv"));
  });
});

it("needs the data of the variants that run, and names the one whose data are not there", async () => {
  bench.write(
    "two.yaml",
    `${experiment("{ csv: data/things.csv, label: kind, features: [a, b] }")}variants: { plain: {}, other: { data: { csv: none.csv, label: kind } } }\n`,
  );
  const one = await bench.run("run", "two.yaml", "--variant", "plain", "--quiet", "--set", "epochs=1");
  expect([one.status, one.stderr]).toEqual([0, ""]);
  const both = await bench.run("run", "two.yaml", "--quiet");
  expect([both.status, both.stderr]).toEqual([
    1,
    expect.stringMatching(/variants\.other: Cannot read the data .*none\.csv/),
  ]);
});

describe("mistakes in one's own data", () => {
  const csv = (text: string) => () => {
    bench.write("data/bad.csv", text);
    return "{ csv: data/bad.csv, label: y }";
  };
  const cases: readonly (readonly [string, string | (() => string), RegExp, string?])[] = [
    ["no file", "{ csv: data/none.csv, label: y }", /Cannot read the data .*data\/none\.csv: no such file/],
    ["a folder", "{ csv: data, label: y }", /Cannot read the data .*\/data: it is a directory/],
    ["a header only", csv("a,b,y\n"), /bad\.csv: the table has no rows/],
    ["an empty file", csv(""), /bad\.csv: The CSV text is empty/],
    ["one column", csv("y\n1\n2\n"), /there is no column besides the label "y"/],
    ["a missing value", csv("a,b,y\n1,,2\n"), /line 2 has no value of "b"\. .*missing: "mean"/],
    ["lines of other lengths", csv("a,b,y\n1,2,3\n4,5\n"), /CSV line 3 has 2 fields; the first line has 3/],
    ["an unknown column", csv("a,b,z\n1,2,3\n"), /there is no column "y"; the columns are a, b, z/],
    ["one class", csv("a,b,y\n1,2,x\n3,4,x\n"), /all labels are "x"; a classifier needs two/],
    ["one row", csv("a,b,y\n1,2,3\n"), /has 1 example, too few to be divided .* validation: 0/],
    [
      "nothing to train on",
      "{ csv: data/things.csv, label: kind, validation: 0.5, test: 0.5 }",
      /too few to be divided into training, validation \(0\.5\) and test \(0\.5\): .* a sum below 1/,
    ],
    ["no label", "{ csv: data/things.csv }", /data\.label: missing; expected text or a list/],
    [
      "a variant's data without the file",
      "{ csv: data/things.csv, label: kind }\nvariants: { other: { data: { features: [a] } } }",
      /variants\.other\.data\.name: missing; .*; a variant's data replaces the whole data above: repeat what stays of it \(csv, label\)/,
    ],
    [
      "a misspelled option",
      "{ csv: data/things.csv, label: kind, validaton: 0 }",
      /data\.validaton: unknown key; did you mean "validation"\? Known: .*csv, label, (?!.*npz)/,
    ],
    [
      "a misspelled format",
      "{ cvs: data/things.csv, label: kind }",
      /data\.cvs: unknown key; did you mean "csv"/,
    ],
    ["another format", "{ parquet: data/things.csv, label: kind }", /things\.csv: .*parquet/],
    [
      "other sizes",
      "{ csv: data/things.csv, label: kind }",
      /model\.sizes is \[2, 8, 2\], and the data have 5 inputs \(a, b, shop=x, shop=y, price\) and 2 classes\. Write sizes: \[5, 8, 2\]/,
    ],
    [
      "a model of images",
      "{ csv: data/things.csv, label: kind }",
      /The model convnet takes images, and an example of the data is \[5\]/,
      "{ name: convnet, stages: [[4]] }",
    ],
    ["an unknown array", "{ npz: data/xy.npz }", /xy\.npz has no array "inputs"; it has points, kinds/],
    [
      "arrays of other lengths",
      '{ module: "data/mine.mjs#uneven" }',
      /expected inputs \[n, \.\.\.\] and as many labels \[n\]/,
    ],
    [
      "no arrays",
      '{ module: "data/mine.mjs#wrong" }',
      /the export wrong must be data, \{ inputs, labels \} of two arrays/,
    ],
    ["null", '{ module: "data/mine.mjs#nothing" }', /the export nothing must be data, .*; got null\./],
    ["no export", '{ module: "data/mine.mjs#none" }', /has no export none; it exports default, parts/],
    ["parts twice", '{ module: "data/mine.mjs#parts", validation: 0.5 }', /has validation data of its own/],
    ["images without classes", "{ images: images/dark }", /has no folders: expected one for each class/],
    ["another hash", `{ npz: data/xy.npz, sha256: "${"0".repeat(64)}" }`, /xy\.npz has changed/],
  ];
  const named = cases.map(([what, data, message, model]) => [what, { data, message, model }] as const);
  it.each(named)("are told: %s", async (_, { data, message, model }) => {
    bench.write("bad.yaml", experiment(typeof data === "string" ? data : data(), model));
    const { status, stderr } = await bench.run("run", "bad.yaml", "--quiet");
    expect(status).toBeGreaterThan(0);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n").length).toBeLessThan(4);
  });
});
