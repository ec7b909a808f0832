// isoloss predict, beside the program's own predictions and those of the exported ONNX file.
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { array, createPredictor, type NdArray } from "isoloss";
import { decodeNpy, encodeNpy } from "isoloss/data";
import { fromOnnx } from "isoloss-onnx";
import { npzOf } from "isoloss-test-support/data/npz-files";
import { parquetFile } from "isoloss-test-support/node/parquet-file";
import { beforeAll, describe, expect, it } from "vitest";
import { loadStored } from "../../src/experiments/jobs/stored.js";
import { trainerOf } from "../../src/experiments/kinds/train/trainer.js";
import { booth, workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
const at = (name: string) => join(bench.folder, name);
const rows = Array.from({ length: 60 }, (_, i) => ({
  a: (i * 7) % 11,
  b: 100 + ((i * 5) % 13),
  shop: "xyz"[i % 3],
}));
const lines = rows.map(({ a, b, shop }, i) => [
  a,
  i === 4 ? "" : b,
  shop,
  a + 100 > b ? "short" : "long",
  30 * a - 20 * b,
]);
const csv = (...all: readonly (readonly unknown[])[]) => all.map((line) => `${line.join()}\n`).join("");

const experiment = (name: string, data: string, sizes: string, more = "") => `name: ${name}
kind: train
data: ${data}
model: { name: mlp, sizes: ${sizes} }
optimizer: adam
learningRate: 0.02
batchSize: 10
epochs: 8
${more}`;

/** New rows: other columns in another order, a value that is missing, and one of text that the run has not seen. */
const fresh = csv(["shop", "note", "b", "a"], ["x", "?", 104, 3], ["z", "", "", 10], ["w", "-", 111, 0]);

beforeAll(async () => {
  for (const name of ["images/dark", "images/light", "new/sub"]) mkdirSync(at(name), { recursive: true });
  bench.write("things.csv", csv(["a", "b", "shop", "kind", "price"], ...lines));
  bench.write("fresh.csv", fresh);
  const points = array(rows.map(({ a, b }) => [a, b]));
  writeFileSync(at("x.npy"), encodeNpy(points));
  writeFileSync(at("y.npy"), encodeNpy(array(rows.map(({ a, b }) => a - b))));
  const png = (level: number, side = 4) =>
    encode({ width: side, height: side, channels: 1, data: new Uint8Array(side * side).fill(level) });
  for (let i = 0; i < 20; i++)
    writeFileSync(at(`images/${i % 2 ? "light" : "dark"}/${i}.png`), png(i % 2 ? 200 + i : 20 + i));
  writeFileSync(at("new/2.png"), png(215));
  writeFileSync(at("new/sub/1.png"), png(30));
  const runs = {
    prices: experiment(
      "prices",
      "{ csv: things.csv, label: price, features: [a, b, shop], missing: mean }",
      "[5, 8, 1]",
    ),
    both: experiment(
      "both",
      "{ csv: things.csv, label: [price, a], features: [b], missing: drop }",
      "[1, 4, 2]",
    ),
    kinds: experiment(
      "kinds",
      "{ csv: things.csv, label: kind, features: [a, b, shop], missing: mean }",
      "[5, 8, 2]",
    ),
    arrays: experiment(
      "arrays",
      "{ npy: x.npy, labels: y.npy, validation: 0.25 }",
      "[2, 8, 1]",
      "best: restore\n",
    ),
    images: experiment("images", "{ images: images }", "[16, 4, 2]"),
  };
  for (const [name, text] of Object.entries(runs)) {
    bench.write(`${name}.yaml`, text);
    await bench.json("run", `${name}.yaml`, "--json", "--quiet");
  }
});

interface Written {
  readonly file: string;
  readonly examples: number;
  readonly step: number;
  readonly bestEpoch: number | null;
  readonly unknown: readonly object[];
}

const predict = (run: string, data: string, out: string) =>
  bench.json<Written>("predict", `runs/${run}-0-1`, "--data", data, "--out", out, "--json", "--force");
const text = (name: string) => readFileSync(at(name), "utf8");
const numbers = ({ data }: NdArray) => Array.from<number | bigint, number>(data, Number);

/** The trainer of a run, with its end, and its data. */
async function ofProgram<T>(
  name: string,
  use: (made: Awaited<ReturnType<typeof trainerOf>>) => Promise<T>,
): Promise<T> {
  const { settings, seed } = await loadStored(at(`runs/${name}-0-1`));
  const made = await trainerOf(settings, seed);
  try {
    await made.trainer.run({ steps: made.steps });
    return await use(made);
  } finally {
    await made.trainer.dispose();
  }
}

describe("isoloss predict", () => {
  it("counts text that the training did not have as missing on request, where the run refuses it", async () => {
    bench.write("small.csv", csv(["a", "shop", "price"], ...rows.map(({ a, shop }) => [a, shop, 2 * a])));
    bench.write(
      "strict.yaml",
      experiment("strict", "{ csv: small.csv, label: price, features: [a, shop] }", "[4, 4, 1]"),
    );
    await bench.json("run", "strict.yaml", "--json", "--quiet");
    bench.write("new.csv", "a,shop\n1,x\n2,w\n");
    const args = ["predict", "runs/strict-0-1", "--data", "new.csv", "--out", "out/new.csv"];
    const refused = await bench.run(...args);
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/line 3 has the value "w" of "shop".*: --allow-unknown\.$/m),
    ]);
    const { status, stderr } = await bench.run(...args, "--allow-unknown");
    expect([status, stderr]).toEqual([0, expect.stringContaining('1 cell has a value of "shop"')]);
    expect(text("out/new.csv").trim().split("\r\n")).toHaveLength(3);
    bench.write("gap.csv", "a,shop\n,x\n");
    const gap = await bench.run(
      "predict",
      "runs/strict-0-1",
      "--data",
      "gap.csv",
      "--out",
      "out/gap.csv",
      "--allow-unknown",
    );
    expect([gap.status, gap.stderr]).toEqual([1, expect.stringContaining("gap.csv")]);
  });

  it("writes numbers in their own unit: those of a program and of the exported file", async () => {
    expect(await predict("prices", "fresh.csv", "out/prices.csv")).toEqual({
      file: at("out/prices.csv"),
      examples: 3,
      step: 32,
      bestEpoch: null,
      unknown: [{ column: "shop", cells: 1, value: "w" }],
    });
    const again = ["predict", "runs/prices-0-1", "--data", "fresh.csv", "--out", "out/prices.csv"];
    const { stderr } = await bench.run(...again, "--force");
    expect(stderr).toBe(
      'isoloss: fresh.csv: 1 cell has a value of "shop" that the training did not know, such as "w": none of its inputs is set there.\n',
    );
    const [header, ...values] = text("out/prices.csv").trim().split("\r\n");
    expect(header).toBe("price");
    // The mean of b over the training rows, by a plain loop; no shop is "w".
    const { trainRows, program } = await ofProgram("prices", async ({ trainer, data }) => {
      const { means, stds } = data.inputScale as { means: number[]; stds: number[] };
      const given = [
        [3, 104, 1, 0, 0],
        [10, means[1], 0, 0, 1],
        [0, 111, 0, 0, 0],
      ];
      const y = await trainer.predict(array(given.map((row) => row.map((v, k) => (v - means[k]) / stds[k]))));
      const {
        means: [shift],
        stds: [scale],
      } = data.targetScale as { means: number[]; stds: number[] };
      return { trainRows: given, program: numbers(y).map((v) => scale * v + shift) };
    });
    expect(values.map((value, i) => Number(value) / program[i])).toEqual(
      program.map(() => expect.closeTo(1, 5)),
    );
    await bench.json("export", "runs/prices-0-1", "--to", "onnx", "--out", "prices.onnx", "--json");
    const predictor = await createPredictor(fromOnnx(readFileSync(at("prices.onnx"))));
    const { prediction } = await predictor.predict({ x: array(trainRows) });
    await predictor.dispose();
    expect(values.map(Number)).toEqual(numbers(prediction).map((v) => expect.closeTo(v, 3)));
    await predict("prices", "fresh.csv", "out/prices.npy");
    const outputs = decodeNpy(readFileSync(at("out/prices.npy")));
    expect([outputs.shape, numbers(outputs).map(Math.fround)]).toEqual([
      [3, 1],
      values.map((v) => Math.fround(Number(v))),
    ]);
  });

  it("writes classes with their probability, and a list of the same records", async () => {
    await predict("kinds", "fresh.csv", "kinds.csv");
    const [header, ...written] = text("kinds.csv").trim().split("\r\n");
    expect(header).toBe("kind,kind.probability");
    await predict("kinds", "fresh.csv", "kinds.json");
    const records = JSON.parse(text("kinds.json"));
    expect(records.map((r: Record<string, unknown>) => `${r.kind},${r["kind.probability"]}`)).toEqual(
      written,
    );
    await predict("kinds", "fresh.csv", "kinds.npy");
    const { shape, data } = decodeNpy(readFileSync(at("kinds.npy")));
    expect(shape).toEqual([3, 2]);
    // Classes are in the order of their names: long, short.
    const expected = [0, 1, 2].map((i) => {
      const [long, short] = [Number(data[2 * i]), Number(data[2 * i + 1])];
      return [
        long > short ? "long" : "short",
        expect.closeTo(1 / (1 + Math.exp(-Math.abs(long - short))), 6),
      ];
    });
    expect(records.map((r: object) => Object.values(r))).toEqual(expected);
  });

  it("takes a table of another format, and gives each label its column", async () => {
    writeFileSync(at("fresh.parquet"), parquetFile({ b: [104, 110] }));
    bench.write("two.csv", csv(["b"], [104], [110]));
    await predict("both", "fresh.parquet", "parquet.csv");
    await predict("both", "two.csv", "two-out.csv");
    expect(text("parquet.csv")).toMatch(/^price,a\r\n[-\d.]+,[-\d.]+\r\n/);
    expect(text("parquet.csv")).toBe(text("two-out.csv"));
  });

  it("takes arrays, and the best epoch of a run that restored it", async () => {
    const points = array([
      [3, 104],
      [10, 111],
    ]);
    writeFileSync(at("points.npy"), encodeNpy(points));
    writeFileSync(at("points.npz"), npzOf({ inputs: points, other: array([1]) }));
    const { bestEpoch } = await predict("arrays", "points.npy", "from-npy.csv");
    const { document } = await loadStored(at("runs/arrays-0-1"));
    expect(bestEpoch).toBe(document.metrics["best.epoch"]);
    await predict("arrays", "points.npz", "from-npz.csv");
    expect(text("from-npz.csv")).toBe(text("from-npy.csv"));
    const { stdout } = await bench.run(
      "predict",
      "runs/arrays-0-1",
      "--data",
      "points.npy",
      "--out",
      "from-npy.csv",
      "--force",
    );
    expect(stdout).toBe(`from-npy.csv: 2 predictions of the model of epoch ${bestEpoch}, the best one\n`);
  });

  it("says that a run is not completed, so that its best epoch was not restored", async () => {
    cpSync(at("runs/arrays-0-1"), at("unfinished"), { recursive: true });
    rmSync(at("unfinished/summary.json"));
    const { status, stderr } = await bench.run(
      ...["predict", "unfinished", "--data", "x.npy", "--out", "unfinished.csv"],
    );
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(
        /^isoloss: unfinished: these are of step \d+ of a run that is not completed, but interrupted: best: restore was not applied\.\n$/,
      ),
    ]);
  });

  it.each([
    ["prices", "things.csv", "fresh.csv"],
    ["kinds", "things.csv", "fresh.csv"],
    ["arrays", "x.npy", "points.npy"],
    ["images", "images", "new"],
  ])("needs nothing but the folder of the run, which moved: %s", async (name, file, data) => {
    writeFileSync(at("points.npy"), encodeNpy(array([[3, 104]])));
    const out = join("moved", name);
    await predict(name, data, "before.csv");
    await bench.json(
      "export",
      `runs/${name}-0-1`,
      "--to",
      "onnx",
      "--out",
      "before.onnx",
      "--force",
      "--json",
    );
    cpSync(at(`runs/${name}-0-1`), at(out), { recursive: true });
    const onlyRun = async () => {
      await bench.json("predict", out, "--data", data, "--out", "after.csv", "--force", "--json");
      await bench.json("export", out, "--to", "onnx", "--out", "after.onnx", "--force", "--json");
      expect(text("after.csv")).toBe(text("before.csv"));
      expect(readFileSync(at("after.onnx")).equals(readFileSync(at("before.onnx")))).toBe(true);
    };
    renameSync(at(file), at("kept"));
    try {
      await onlyRun();
      bench.write(file, "of another time");
      await onlyRun();
    } finally {
      rmSync(at(file));
      renameSync(at("kept"), at(file));
    }
  });

  it("reads the data again for a run of an earlier version, and says where they are others", async () => {
    await predict("kinds", "fresh.csv", "before.csv");
    cpSync(at("runs/kinds-0-1"), at("old"), { recursive: true });
    rmSync(at("old/data.json"));
    const table = text("things.csv");
    const old = () => bench.run("predict", "old", "--data", "fresh.csv", "--out", "old.csv");
    try {
      rmSync(at("things.csv"));
      expect((await old()).stderr).toMatch(/Cannot read the data .*things\.csv: no such file/);
      bench.write("things.csv", `${table}1,1,x,long,5\n`);
      expect((await old()).stderr).toMatch(/things\.csv has changed: its SHA-256 is .* Restore the file/);
    } finally {
      bench.write("things.csv", table);
    }
    expect((await old()).status).toBe(0);
    expect(text("old.csv")).toBe(text("before.csv"));
  });

  it("replaces no file unless told to, and neither does export", async () => {
    bench.write("mine.csv", "of mine");
    for (const args of [
      ["predict", "runs/kinds-0-1", "--data", "fresh.csv"],
      ["export", "runs/kinds-0-1", "--to", "csv"],
    ]) {
      bench.write("mine.csv", "of mine");
      const { status, stderr } = await bench.run(...args, "--out", "mine.csv");
      expect([status, stderr]).toEqual([
        1,
        expect.stringMatching(/mine\.csv: it is there already\. Choose another name, .* --force\.$/m),
      ]);
      expect(text("mine.csv")).toBe("of mine");
      expect((await bench.run(...args, "--out", "mine.csv", "--force")).status).toBe(0);
      expect(text("mine.csv")).not.toBe("of mine");
    }
    // The run's own folder takes its export again.
    for (const _ of ["once", "twice"]) await bench.json("export", "runs/kinds-0-1", "--to", "csv", "--json");
  });

  it("takes images, in folders or alone, and names their files", async () => {
    await predict("images", "new", "images.json");
    const records = JSON.parse(text("images.json"));
    expect(records.map((r: { file: string; class: string }) => [r.file, r.class])).toEqual([
      ["2.png", "light"],
      ["sub/1.png", "dark"],
    ]);
    await predict("images", "new/sub/1.png", "image.json");
    expect(JSON.parse(text("image.json"))).toEqual([{ ...records[1], file: "1.png" }]);
  });
});

it("takes a run in float64", async () => {
  bench.write(
    "wide.yaml",
    experiment("wide", "{ npy: x.npy, labels: y.npy }", "[2, 8, 1]", "dtype: float64\n"),
  );
  await bench.json("run", "wide.yaml", "--json", "--quiet");
  await predict("wide", "x.npy", "wide.npy");
  await bench.json("export", "runs/wide-0-1", "--to", "onnx", "--out", "wide.onnx", "--json");
  const predictor = await createPredictor(fromOnnx(readFileSync(at("wide.onnx")), { dtype: "float64" }));
  const { prediction } = await predictor.predict({ x: decodeNpy(readFileSync(at("x.npy"))) });
  await predictor.dispose();
  const outputs = decodeNpy(readFileSync(at("wide.npy")));
  expect(outputs.shape).toEqual([60, 1]);
  expect(numbers(outputs)).toEqual(numbers(prediction).map((v) => expect.closeTo(v, 3)));
});

describe("mistakes in isoloss predict", () => {
  const csvOf =
    (...all: readonly (readonly unknown[])[]) =>
    () => {
      bench.write("wrong.csv", csv(...all));
      return "wrong.csv";
    };
  const cases: readonly (readonly [string, string, string | (() => string), RegExp, string?])[] = [
    [
      "a column that is missing",
      "prices",
      csvOf(["a", "shop"], [1, "x"]),
      /wrong\.csv: there is no column "b"; the columns are a, shop/,
    ],
    [
      "a value that is missing",
      "both",
      csvOf(["b"], ["?"], [1]),
      /line 2 has no value of "b"\. Fill it in in the file, or train with missing: "mean"\./,
    ],
    [
      "text among numbers, though gaps get the mean",
      "prices",
      csvOf(["a", "b", "shop"], ["60 m2", 104, "x"]),
      /line 2 has "60 m2" in "a", which is not a number\. Correct it\. .*missingWords: \["60 m2"\]/,
    ],
    ["no rows", "both", csvOf(["b"]), /the table has no rows/],
    [
      "another number of columns",
      "arrays",
      () => {
        writeFileSync(at("wide.npy"), encodeNpy(array([[1, 2, 3]])));
        return "wide.npy";
      },
      /wide\.npy has the shape \[1, 3\]; expected \[n, 2\], n >= 1: 2 numbers an example, as in the data of the run/,
    ],
    [
      "numbers that are not finite",
      "arrays",
      () => {
        writeFileSync(at("nan.npy"), encodeNpy(array([[1, Number.NaN]])));
        return "nan.npy";
      },
      /nan\.npy: the inputs must be finite numbers; example 0 has NaN/,
    ],
    [
      "a table where the data are arrays",
      "arrays",
      "fresh.csv",
      /the data of the run are no table\. Give its model arrays, \.npy or \.npz/,
    ],
    [
      "an image of another size",
      "images",
      () => {
        writeFileSync(
          at("large.png"),
          encode({ width: 5, height: 5, channels: 1, data: new Uint8Array(25) }),
        );
        return "large.png";
      },
      /large\.png has the shape \[1, 1, 5, 5\]; expected \[n, 1, 4, 4\]/,
    ],
    [
      "images below the folders in a folder",
      "images",
      () => {
        cpSync(at("new/sub"), at("deep/sub/sub"), { recursive: true });
        return "deep";
      },
      /deep has no image: expected files named \.png, \.jpg or \.jpeg, in it or in folders in it/,
    ],
    ["no file", "arrays", "none.npy", /Cannot read the data none\.npy: no such file/],
    [
      "another format of the result",
      "arrays",
      "x.npy",
      /--out must end in one of \.csv, \.json, \.npy; got "\.cvs"; did you mean "\.csv"/,
      "out.cvs",
    ],
  ];
  const named = cases.map(([what, run, data, message, out]) => [what, { run, data, message, out }] as const);
  it.each(named)("are told: %s", async (_, { run, data, message, out = "none.csv" }) => {
    const file = typeof data === "string" ? data : data();
    const { status, stderr } = await bench.run("predict", `runs/${run}-0-1`, "--data", file, "--out", out);
    expect([status !== 0, stderr]).toEqual([true, expect.stringMatching(message)]);
    expect(existsSync(at("none.csv"))).toBe(false);
  });

  it("are told: a run without a checkpoint, or without a model", async () => {
    cpSync(at("runs/arrays-0-1"), at("killed"), { recursive: true });
    for (const name of ["checkpoint", "checkpoint.json", "summary.json"]) rmSync(at(`killed/${name}`));
    bench.write("booth.yaml", booth);
    await bench.run("run", "booth.yaml", "--variant", "plain", "--quiet");
    for (const [run, message] of [
      ["killed", /The run killed has no checkpoint yet/],
      ["runs/small-plain-0-1", /has no model that predicts: it is a run of kind minimize/],
      ["none", /Cannot read the run none: no such file/],
    ] as const) {
      const { status, stderr } = await bench.run("predict", run, "--data", "x.npy", "--out", "none.csv");
      expect([status, stderr]).toEqual([1, expect.stringMatching(message)]);
    }
  });
});
