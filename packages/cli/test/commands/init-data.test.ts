// Experiments that `isoloss init --data` writes: they run as they are.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { array } from "isoloss";
import { encodeNpy } from "isoloss/data";
import { npzOf } from "isoloss-test-support/data/npz-files";
import { parquetFile } from "isoloss-test-support/node/parquet-file";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
const at = (name: string) => join(bench.folder, name);
const n = 40;
const all = Array.from({ length: n }, (_, i) => i);
const x = array(all.map((i) => [i % 7, (i * 3) % 5, 1]));
const parity = array(
  all.map((i) => i % 2),
  "int64",
);

beforeAll(() => {
  for (const name of ["my", "my/pets/cat", "my/pets/dog"]) mkdirSync(at(name), { recursive: true });
  const rows = all.map((i) => `${i};${i % 3 ? "gas" : ""};${i * 1.5};${i % 7 ? 200 + i * 3 : ""}`);
  bench.write("my/houses.csv", `id;heating;area;rent\n${rows.join("\n")}\n`);
  bench.write("my/comma.csv", `area;rent\n${all.map((i) => `${i},25;${i}`).join("\n")}\n`);
  bench.write("my/index.csv", `,0,y\n${all.map((i) => `${40 - i},${i % 7},${i}`).join("\n")}\n`);
  bench.write("my/twice.csv", "area,area,rent\n1,2,3\n2,3,4\n3,4,5\n");
  bench.write("my/plain.tsv", all.map((i) => `${i % 5}\t${i % 7}\t${i % 2}`).join("\n"));
  const columns = {
    width: all.map((i) => i / 8),
    species: all.map((i) => (i > 20 ? "iris" : "rose")),
    code: all.map(() => "k"),
  };
  writeFileSync(at("my/flowers.parquet"), parquetFile(columns));
  writeFileSync(at("my/both.npz"), npzOf({ X: x, y: parity }));
  writeFileSync(at("my/x.npy"), encodeNpy(x));
  writeFileSync(at("my/y.npy"), encodeNpy(array(all.map((i) => i / 3))));
  writeFileSync(at("my/alone.npy"), encodeNpy(x));
  for (const i of all) {
    const data = Uint8Array.from({ length: 64 }, (_, k) => ((i % 2) * 100 + i + k) % 256);
    writeFileSync(
      at(`my/pets/${i % 2 ? "dog" : "cat"}/${i}.png`),
      encode({ width: 8, height: 8, channels: 1, data }),
    );
  }
});

/** What is written for data, and that it runs. */
async function begun(data: string, ...more: string[]) {
  const { status, stdout, stderr } = await bench.run("init", "--data", data, ...more);
  expect([status, stderr]).toEqual([0, ""]);
  const [, file] = /isoloss run (\S+)\n$/.exec(stdout) as unknown as [string, string];
  const run = await bench.run("run", file, "--seed", "0", "--quiet", "--set", "epochs=3", "--json");
  expect([run.status, run.stderr]).toEqual([0, ""]);
  expect(JSON.parse(run.stdout).status).toBe("completed");
  const text = readFileSync(at(file), "utf8");
  return { said: stdout, file, text, yaml: parse(text) };
}

describe("init --data", () => {
  it("reads a header of numbers where it is told to, and says so where it guesses that there is none", async () => {
    bench.write("years.csv", "region,2019,2020\nnorth,1,2\nsouth,2,3\neast,3,4\nnorth,4,9\nsouth,4,8\n");
    const init = (...args: string[]) =>
      bench.run("init", "years.yaml", "--data", "years.csv", "--force", "--label", "2020", ...args);
    expect((await init()).stderr).toContain("if it names the columns: --header yes");
    const { stdout } = await init("--header", "yes");
    expect(stdout).toContain("5 rows of 3 columns");
    expect(stdout).toContain('taken for categories: "region" (3)');
    const { stdout: data } = await bench.run(
      "init",
      "y.yaml",
      "--data",
      "years.csv",
      "--header",
      "no",
      "--label",
      "0",
    );
    expect(data).toContain("the first line is data, as you said");
  });

  it("takes for a number what training takes for one, and names text that looks like numbers", async () => {
    const rows = Array.from(
      { length: 12 },
      (_, i) => `$${i},${10 * i}%,1_00${i % 10},2020-01-${10 + i},${i}`,
    );
    bench.write("looks.csv", `price,share,count,day,target\n${rows.join("\n")}\n`);
    const { stdout } = await bench.run("init", "looks.yaml", "--data", "looks.csv");
    for (const what of ["amounts of money", "percentages", "numbers with marks between thousands", "dates"])
      expect(stdout).toContain(`that looks like ${what}`);
    const hexadecimal = Array.from({ length: 20 }, (_, i) => `${i === 0 ? "0x10" : i},${i}`);
    bench.write("hex.csv", `a,b\n${hexadecimal.join("\n")}\n`);
    const { stderr } = await bench.run("init", "hex.yaml", "--data", "hex.csv");
    expect(stderr).toContain('"0x10" in "a", where nearly all values are numbers');
  });

  it("guesses the number to predict of a CSV file, its delimiter and what is of no use", async () => {
    const { said, file, text, yaml } = await begun("my/houses.csv");
    expect(file).toBe("houses.yaml");
    expect(said).toMatch(/"rent" is predicted, as it is the last column: a number/);
    expect(said).toMatch(/"id" is left out: it numbers the rows/);
    expect(said).toMatch(/6 rows have no "rent", and are left out/);
    expect(yaml).toMatchObject({
      name: "houses",
      title: "houses.csv: predict rent",
      earlyStopping: { patience: 10 },
      best: "restore",
      variants: { plain: {} },
      data: { csv: "my/houses.csv", label: "rent", delimiter: ";", features: ["heating", "area"] },
      model: { sizes: [2, 32, 1] },
      figures: ["loss", "validation"],
    });
    // The lines to uncomment are an experiment, too.
    bench.write("all.yaml", text.replaceAll(/^( {2})# /gm, "$1").replaceAll(/^# (rates|controls):/gm, "$1:"));
    const all = await bench.run("run", "all.yaml", "--seed", "0", "--quiet", "--json", "--set", "epochs=3");
    expect(Object.keys(JSON.parse(all.stdout).variants)).toEqual(["plain", "momentum", "scaling"]);
    const again = await bench.run("init", "--data", "my/houses.csv");
    expect([again.status, again.stderr]).toEqual([
      1,
      expect.stringMatching(/houses\.yaml: it is there already\. .*--force/),
    ]);
  });

  it("predicts another column, in a file elsewhere", async () => {
    const { said, yaml } = await begun("my/houses.csv", "deep/down.yaml", "--label", "area");
    expect(said).toMatch(/"area" is predicted, as you said/);
    expect(yaml.data).toMatchObject({ csv: "../my/houses.csv", label: "area", missing: "mean" });
  });

  it("leaves out what numbers the rows, by any name, unless nothing else is left", async () => {
    const lines = all.map((i) => `${i + 1},${(i * 7) % 5},${40 - i},${i % 9 ? 2 * i : ""}`);
    bench.write("my/homes.csv", ["flat,floor,rank,rent", ...lines].join("\n"));
    const { said, yaml } = await begun("my/homes.csv");
    expect(said).toMatch(/"flat" is left out: it numbers the rows/);
    expect(yaml.data.features).toEqual(["floor", "rank"]);
    // Copies of rows are no new ones: neither where they end the table nor among the others.
    const copied = [...lines.slice(0, 20), lines[3], ...lines.slice(20), ...lines.slice(5, 9)];
    bench.write("my/copied.csv", ["flat,floor,rank,rent", ...copied].join("\n"));
    const withCopies = await begun("my/copied.csv");
    expect(withCopies.said).toMatch(/"flat" is left out: it numbers the rows/);
    expect(withCopies.yaml.data.features).toEqual(["floor", "rank"]);
    bench.write("my/squares.csv", ["x,y", ...all.map((i) => `${i},${i * i + 0.5}`)].join("\n"));
    const squares = await begun("my/squares.csv");
    expect([squares.yaml.data.features, squares.yaml.model.sizes]).toEqual([undefined, [1, 32, 1]]);
    for (const name of ["homes", "copied", "squares"]) rmSync(at(`my/${name}.csv`));
  });

  it("refuses amounts of money as classes", async () => {
    bench.write("my/money.csv", ["area,price", ...all.map((i) => `${i % 9},$${i + 0.5}`)].join("\n"));
    const { status, stderr } = await bench.run("init", "--data", "my/money.csv");
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(
        /"price" is text with 40 different values in 40 rows, such as "\$0\.5": too few rows of each for classes\./,
      ),
    ]);
    rmSync(at("my/money.csv"));
  });

  it.each([1500, 3000])("refuses %s names as classes, whatever is said", async (count) => {
    const rows = Array.from({ length: count }, (_, i) => `${i % 9},n${i}`);
    bench.write("my/names.csv", ["area,name", ...rows].join("\n"));
    for (const more of [[], ["--text", "name"]]) {
      const { status, stderr } = await bench.run("init", "--data", "my/names.csv", ...more);
      expect([status, stderr]).toEqual([
        1,
        expect.stringMatching(
          /text with more than 1000 .*: too many for classes\. .* 1000\.5\. Another column/,
        ),
      ]);
    }
    rmSync(at("my/names.csv"));
  });

  it("keeps words beside gaps, and leaves out a number beside gaps", async () => {
    const rows = all.map((i) => `${i % 2 ? "yes" : ""},${i % 3 ? 7 : ""},${i % 7},${i % 2}`);
    bench.write("my/promo.csv", ["promo,seven,area,label", ...rows].join("\n"));
    const { said, yaml } = await begun("my/promo.csv");
    expect(yaml.data.features).toEqual(["promo", "area"]);
    expect(said).toContain('"seven" is left out: it is "7" wherever it is there');
  });

  it("takes the names that pandas gives for names", async () => {
    bench.write(
      "my/pandas.csv",
      [",0,1,target", ...all.map((i) => `${i},${i % 7},${i % 5},${i % 2}`)].join("\n"),
    );
    expect((await begun("my/pandas.csv")).yaml.data).toMatchObject({ label: "target", features: ["0", "1"] });
  });

  it("keeps rows with gaps in the inputs where a label is missing, and counts values of the others alone", async () => {
    const rows = all.map(
      (i) => `${i % 3 ? i : ""},${i === 5 ? "blue" : i % 2 ? "red" : "green"},${i === 5 ? "" : 2 * i}`,
    );
    bench.write("my/gaps.csv", ["size,color,price", ...rows].join("\n"));
    const { said, yaml } = await begun("my/gaps.csv");
    expect(said).toMatch(/1 row has no "price", and is left out/);
    expect(said).toMatch(
      /missing numbers are the mean of the training examples, and missing text is none of its values/,
    );
    expect([yaml.data.missing, yaml.model.sizes]).toEqual(["mean", [3, 32, 1]]);
    bench.write("my/none.csv", "a,y\n1,\n2,NA\n");
    expect((await bench.run("init", "--data", "my/none.csv")).stderr).toContain('my/none.csv: "y" is empty');
    rmSync(at("my/none.csv"));
  });

  it("takes few integers for classes, and columns by number without a header", async () => {
    const { said, yaml } = await begun("my/plain.tsv");
    expect(said).toContain(
      "the first line has a number, so it is taken for data, and columns are named 0, 1, ...",
    );
    expect(yaml.data).toEqual({
      csv: "my/plain.tsv",
      label: "2",
      classes: true,
      delimiter: "\t",
      header: false,
      validation: 0.2,
      test: 0,
    });
    expect(yaml.model.sizes).toEqual([2, 32, 2]);
    expect(yaml.figures).toEqual(["loss", "validation", "accuracy"]);
  });

  it("refuses words among numbers, and goes on once it is said what they are", async () => {
    const lines = all.map((i) => `${i === 7 ? "not known" : i + 0.5},${i % 4},${3 * i}`);
    bench.write("my/flats.csv", ["area,floor,rent", ...lines].join("\n"));
    const { status, stderr } = await bench.run("init", "--data", "my/flats.csv");
    expect([status, stderr]).toEqual([
      1,
      `isoloss: my/flats.csv: line 9 has "not known" in "area", where nearly all values are numbers. Correct it. If it marks a missing value: --missing-word 'not known'. If the column is text: --text area.\n`,
    ]);
    const missing = await begun("my/flats.csv", "--missing-word", "not known");
    expect(missing.yaml.data).toMatchObject({ missingWords: ["not known"], missing: "mean" });
    expect(missing.yaml.model.sizes).toEqual([2, 32, 1]);
    const text = await begun("my/flats.csv", "text.yaml", "--text", "area");
    expect(text.yaml.data).toMatchObject({ text: ["area"] });
    expect(text.yaml.model.sizes).toEqual([41, 32, 1]);
    // In an experiment the same two ways.
    const { data: _, ...others } = text.yaml;
    bench.write("words.yaml", JSON.stringify({ ...others, data: { csv: "my/flats.csv", label: "rent" } }));
    expect((await bench.run("run", "words.yaml")).stderr).toMatch(
      /line 9 has "not known" in "area", where 39 of 40 values are numbers.* missingWords: \["not known"\].* text: \["area"\]/,
    );
  });

  it("refuses codes with leading zeros, and says how many rows are copies", async () => {
    const lines = all.map((i) => `0${1067 + (i % 5)},${i % 4},${3 * (i % 20)}`);
    bench.write("my/codes.csv", ["zip,floor,rent", ...lines].join("\n"));
    expect((await bench.run("init", "--data", "my/codes.csv")).stderr).toContain(
      'line 2 has "01067" in "zip", an integer with leading zeros, which a number has not. If these are codes: --text zip. Else write them without these zeros.',
    );
    const { said, yaml } = await begun("my/codes.csv", "codes.yaml", "--text", "zip");
    expect(yaml.model.sizes).toEqual([6, 32, 1]);
    expect(said).toContain("20 rows are copies of an earlier one: copies in both");
    rmSync(at("my/codes.csv"));
  });

  it("names --missing-word where a column of numbers has other words so often that it is text", async () => {
    const lines = all.map((i) => `${i % 6 === 0 ? "n.a." : i + 0.5},${i % 4},${3 * i}`);
    bench.write("my/words.csv", ["area,floor,rent", ...lines].join("\n"));
    const { said } = await begun("my/words.csv", "n-a.yaml");
    expect(said).toContain(
      '"area" is text for "n.a."; else it is numbers. Does this mark missing values? --missing-word n.a.',
    );
    expect(said).not.toContain('"floor" is text');
    const { yaml } = await begun("my/words.csv", "mean.yaml", "--missing-word", "n.a.");
    expect([yaml.data.missing, yaml.model.sizes]).toEqual(["mean", [2, 32, 1]]);
    expect((await begun("my/words.csv", "text.yaml", "--text", "area", "--force")).said).not.toContain(
      "Does this",
    );
  });

  it.each([
    ["a Parquet file", "my/flowers.parquet", { label: "species", features: ["width"] }, [1, 32, 2]],
    ["an npz file", "my/both.npz", { inputs: "X", labels: "y" }, [3, 32, 2]],
    ["npy files", "my/x.npy", { labels: "my/y.npy" }, [3, 32, 1]],
  ])("finds the labels of %s", async (_, data, options, sizes) => {
    const { yaml } = await begun(data);
    expect(yaml.data).toMatchObject(options);
    expect(yaml.model.sizes).toEqual(sizes);
  });

  it("trains a convolutional network on a folder of images", async () => {
    const { said, yaml } = await begun("my/pets");
    expect(said).toMatch(/40 images of 8 x 8 pixels, gray, in 2 folders, which are the classes: cat, dog/);
    expect(yaml.model).toMatchObject({ name: "convnet", classes: 2 });
  });

  it("names the file after the whole name of a folder, whatever its dots", async () => {
    cpSync(at("my/pets"), at("my/pets.v2"), { recursive: true });
    const { stdout } = await bench.run("init", "--data", "my/pets.v2");
    expect(stdout).toContain("isoloss run pets.v2.yaml");
  });

  it.each([
    ["my/none.csv", /There is no my\/none\.csv/],
    ["my/alone.npy", /my\/alone\.npy has inputs alone: name the file of labels, --label y\.npy/],
    ["my/houses.csv --label rents", /--label must be a column, one of .*did you mean "rent"/],
    [
      "my/houses.csv --label area --label rent",
      /--label .*given twice.* name: columns, .*label: \[area, rent\]/,
    ],
    ["my/comma.csv", /line 2 has "0,25" in "area", a number with a comma\. Write .*3\.14\. .*--text area/],
    [
      "my/index.csv",
      /line 1 has "y" in "2", .*. The first line has a number, so it is taken for data; if it names the columns: --header yes\. Correct/,
    ],
    ["my/twice.csv", /two columns have the name "area": give one of them another/],
    ["my/pets --label x", /are the classes of their images: leave --label out/],
    ["my/pets --text x", /my\/pets is no table: leave --text and --missing-word out/],
    ["my/both.npz --missing-word x", /my\/both\.npz is no table: leave --text and --missing-word out/],
    ["my/both.npz --label z", /--label must be an array of my\/both\.npz, one of X, y/],
    ["my/houses.csv --kind minima", /--data writes an experiment of kind train: leave --kind out/],
    ["my", /my\/pets has no image/],
    ["one", /one has one folder, cat: expected one for each of two or more classes/],
    ["my/x.npy --label same.npy", /my\/x\.npy: all labels are "2"; a classifier needs two classes or more/],
  ])("says what is wrong with %s", async (args, message) => {
    cpSync(at("my/pets/cat"), at("one/cat"), { recursive: true });
    writeFileSync(at("same.npy"), encodeNpy(array(Array(n).fill(2), "int64")));
    const { status, stderr } = await bench.run("init", "--data", ...args.split(" "));
    expect(status).toBeGreaterThan(0);
    expect(stderr).toMatch(message);
  });

  it("refuses two rows as too few, as a run of two does; three will do", async () => {
    bench.write("two.csv", "area,rent\n1,10\n2,30\n");
    const message = "two.csv: 2 examples are too few to learn from; expected 3 or more for training";
    expect((await bench.run("init", "--data", "two.csv")).stderr).toContain(message);
    const settings = {
      name: "two",
      kind: "train",
      optimizer: "adam",
      learningRate: 0.1,
      batchSize: 1,
      epochs: 1,
    };
    for (const standardize of [true, false]) {
      const data = { csv: "two.csv", label: "rent", validation: 0, standardize };
      bench.write("two.yaml", JSON.stringify({ ...settings, model: { name: "mlp", sizes: [1, 1] }, data }));
      const { status, stderr } = await bench.run("run", "two.yaml");
      expect([status, stderr]).toEqual([1, expect.stringContaining(message)]);
    }
    bench.write("two.csv", "area,rent\n1,10\n2,30\n3,40\n");
    expect((await bench.run("run", "two.yaml", "--quiet")).status).toBe(0);
  });

  it.each(["label", "missing-word", "text"])("needs data for --%s", async (option) => {
    expect((await bench.run("init", `--${option}`, "y")).stderr).toContain(
      `--${option} is about data: give --data`,
    );
  });
});
