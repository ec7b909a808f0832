import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { parquetFile } from "isoloss-test-support/node/parquet-file";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { takeRows } from "../../src/data/batches.js";
import { standardization, standardize } from "../../src/data/standardize.js";
import { collected } from "../../src/data/streams/collected.js";
import { mapped } from "../../src/data/streams/mapped.js";
import type { CsvOptions, DescribeCsvOptions } from "../../src/node/tables.js";
import { describeCsv, describeParquet, openCsv, openParquet } from "../../src/node/tables.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "isoloss-tables-"));
});
afterAll(() => rm(folder, { recursive: true }));

let files = 0;
async function open<O extends CsvOptions>(text: string | Uint8Array, options: O) {
  const path = join(folder, `${files++}.csv`);
  await writeFile(path, text);
  return openCsv(path, options);
}
const numbers = (a: { readonly data: ArrayLike<number | bigint> }) => Array.from(a.data, Number);

const flowers = `\ufeffwidth,"color, of petals",height,kind\r
1.5,red,-2,rose\r
2,"blue ""sky""",3e1,lily\r
\r
.5,red,4,rose`;

describe("a CSV file", () => {
  it("has inputs of numbers, one for each value of text, and classes by name", async () => {
    const table = await open(flowers, { label: "kind" });
    expect(table.features).toEqual([
      "width",
      'color, of petals=blue "sky"',
      "color, of petals=red",
      "height",
    ]);
    expect(table.classes).toEqual(["lily", "rose"]);
    expect(table.stream.length).toBe(3);
    const { inputs, labels } = await collected(table.stream);
    expect(inputs.shape).toEqual([3, 4]);
    expect(numbers(inputs)).toEqual([1.5, 0, 1, -2, 2, 1, 0, 30, 0.5, 0, 1, 4]);
    expect(labels).toEqual({ shape: [3], data: BigInt64Array.of(1n, 0n, 1n) });
    // Mean and standard deviation by hand, of width and height.
    expect(table.means.map((m) => Number(m.toFixed(4)))).toEqual([1.3333, 0, 0, 10.6667]);
    const std = (x: number[]) => {
      const mean = x.reduce((a, b) => a + b) / x.length;
      return Math.sqrt(x.reduce((s, v) => s + (v - mean) ** 2, 0) / x.length);
    };
    expect(table.stds[0]).toBeCloseTo(std([1.5, 2, 0.5]), 12);
    expect(table.stds[3]).toBeCloseTo(std([-2, 30, 4]), 12);
  });

  it("has no text that most rows have of their own as classes, unless it is said to be text", async () => {
    const text = ["a,y", ...Array.from({ length: 60 }, (_, i) => `${i % 7},$${1000.5 + i}`)].join("\n");
    await expect(open(text, { label: "y" })).rejects.toThrow(
      '"y" has 60 different texts in 60 rows, such as "$1000.5": too few rows of each for classes. Write numbers without other marks: 1000.5. If they are classes: text: ["y"].',
    );
    expect((await open(text, { label: "y", text: ["y"] })).classes).toHaveLength(60);
    const codes = ["a,y", ...Array.from({ length: 60 }, (_, i) => `${i},c${i % 25}`)].join("\n");
    expect((await open(codes, { label: "y" })).classes).toHaveLength(25);
  });

  it("has no quantity as classes, but codes", async () => {
    const table = (n: number, y: (i: number) => number) =>
      ["a,y", ...Array.from({ length: n }, (_, i) => `${i},${y(i)}`)].join("\n");
    const options = { label: "y", classes: true };
    await expect(
      open(
        table(12, (i) => i + 0.5),
        options,
      ),
    ).rejects.toThrow(
      '"y" has 12 different numbers in 12 rows, such as 0.5: too few rows of each for classes. To predict numbers leave classes: true out; if they are codes of classes: text: ["y"].',
    );
    await expect(
      open(
        table(40, (i) => 7 * i),
        options,
      ),
    ).rejects.toThrow("40 different numbers in 40 rows");
    const codes = await open(
      table(40, (i) => 7 * i),
      { ...options, text: ["y"] },
    );
    expect(codes.classes).toHaveLength(40);
    expect(
      (
        await open(
          table(40, (i) => (i % 6) / 2),
          options,
        )
      ).classes,
    ).toHaveLength(6);
    expect(
      (
        await open(
          table(12, (i) => i),
          options,
        )
      ).classes,
    ).toHaveLength(12);
  });

  it("has numbers as labels, or classes that are numbers, and chosen columns", async () => {
    const text = "a;b;y;z\n1;2;10;0.5\n3;4;9;1.5\n5;6;10;2.5\n";
    const one = await open(text, { label: "y", features: ["b", "a"], delimiter: ";" });
    const { inputs, labels } = await collected(one.stream);
    expect([numbers(inputs), labels.shape, numbers(labels)]).toEqual([
      [2, 1, 4, 3, 6, 5],
      [3, 1],
      [10, 9, 10],
    ]);
    expect(one.classes).toBeUndefined();
    const classes = await open(text, { label: "y", features: ["a"], classes: true, delimiter: ";" });
    expect(classes.classes).toEqual(["9", "10"]);
    expect(numbers((await collected(classes.stream)).labels)).toEqual([1, 0, 1]);
    const two = await open(text, { label: ["z", "y"], delimiter: ";" });
    expect(numbers((await collected(two.stream)).labels)).toEqual([0.5, 10, 1.5, 9, 2.5, 10]);
    const bare = await open("1,2\n3,4\n", { label: "1", header: false });
    expect([bare.features, numbers((await collected(bare.stream)).inputs)]).toEqual([["0"], [1, 3]]);
  });

  it("must be UTF-8, whose letters may lie in two pieces: other ones would all be one", async () => {
    const latin = Buffer.from("a,y\n1,caf\u00e9\n2,caf\u00e8\n", "latin1");
    await expect(open(latin, { label: "y" })).rejects.toThrow(
      /The table is no text in UTF-8.*Save it as UTF-8/,
    );
    const wide = Buffer.from("\ufeffa,y\n1,2\n", "utf16le");
    // In both orders of bytes, with the mark and without.
    for (const bytes of [wide, Buffer.from(wide).swap16()])
      for (const from of [0, 2])
        await expect(open(bytes.subarray(from), { label: "y" })).rejects.toThrow("iconv -f utf-16 -t utf-8");
    // The first piece ends after 2^18 bytes, within the letter.
    const long = `a,y\n1,${"x".repeat(2 ** 18 - 7)}\u00e9\n`;
    expect((await open(long, { label: "y" })).classes?.[0]).toMatch(/x\u00e9$/);
    const half = Buffer.from("a,y\n1,\u00e9").subarray(0, -1);
    await expect(open(half, { label: "y" })).rejects.toThrow("UTF-8");
  });

  it("has each column once, so that a label is no input, and numbers that float32 holds", async () => {
    const text = "a,y\n1,2\n3,4\n";
    for (const options of [{ label: "y", features: ["a", "y"] }, { label: ["y", "y"] }]) {
      await expect(open(text, options)).rejects.toThrow(
        'the column "y" is chosen twice among the features and labels',
      );
    }
    const { stream } = await open("a,y\n1e39,2\n", { label: "y" });
    await expect(collected(stream)).rejects.toThrow(
      'line 2 has no finite number of float32 in "a", but "1e39"',
    );
  });

  it("fills in what is missing, or leaves the row out", async () => {
    const text = "a,b,y\n1,red,1\n,blue,2\n5,NA,3\n6,red,?\n";
    await expect(open(text, { label: "y" })).rejects.toThrow('line 3 has no value of "a"');
    const dropped = await open(text, { label: "y", missing: "drop" });
    expect(dropped.stream.length).toBe(1);
    expect(numbers((await collected(dropped.stream)).inputs)).toEqual([1, 1]);
  });

  it("leaves rows without a label out, counts them, and does not know what they alone hold", async () => {
    const text = "a,b,y\n1,red,10\n2,blue,\n3,red,30\n5,red,NA\n";
    const table = await open(text, { label: "y" });
    expect([table.unlabeled, table.stream.length, table.features, table.means[0]]).toEqual([
      ...[2, 2, ["a", "b=red"], 2],
    ]);
    expect(numbers((await collected(table.stream)).labels)).toEqual([10, 30]);
    // Of several labels each must be there; without labels none.
    const both = await open(text, { label: ["y", "a"] });
    expect([both.unlabeled, both.stream.length]).toEqual([2, 2]);
    const asked = await open(text, { ...table.options, label: false, missing: "mean" });
    expect([asked.unlabeled, asked.stream.length]).toEqual([0, 4]);
    const some = await open(text, { label: false, required: ["y"] });
    expect([some.unlabeled, some.features]).toEqual([2, ["a", "b=red", "y"]]);
    await expect(open("a,y\n1,\n2,?\n", { label: "y" })).rejects.toThrow(
      'none of its 2 rows has a value of "y"',
    );
  });

  it("has gaps that are filled in by the mean of the rows for training, not of the others", async () => {
    const table = await open("a,b,y\n1,red,1\n,blue,2\n2,NA,3\n9,red,4\n,red,5\n", {
      label: "y",
      missing: "mean",
    });
    const { stream, isNumber, means } = table;
    const { inputs, labels } = await collected(stream);
    expect(numbers(inputs)).toEqual([1, 0, 1, Number.NaN, 1, 0, 2, 0, 0, 9, 0, 1, Number.NaN, 0, 1]);
    // Of all rows.
    expect(means).toEqual([4, 0, 0]);
    const part = (...rows: number[]) => ({ inputs: takeRows(inputs, rows), labels: takeRows(labels, rows) });
    const scale = standardization(part(0, 1, 2), { isNumber, missing: "mean" });
    expect([scale.gaps?.[0], scale.inputs.means]).toEqual([1.5, [1.5, 0, 0]]);
    const [filled] = numbers(standardize(part(4), scale).inputs);
    expect(filled).toBe(0);
    // A table of rows for training alone, part by part.
    const { stds } = table;
    const own = mapped(stream, (rows) => standardize(rows, { inputs: { means, stds }, gaps: means }));
    expect(numbers((await collected(own)).inputs).filter((_, i) => i % 3 === 0)).toEqual(
      [1, 4, 2, 9, 4].map((x) => Math.fround((x - 4) / stds[0])),
    );
  });

  it("reads another table into the same inputs and classes", async () => {
    const train = await open("size;color;kind\n1;red;10\n3;blue;9\n", {
      label: "kind",
      classes: true,
      delimiter: ";",
    });
    const options: CsvOptions = JSON.parse(JSON.stringify(train.options));
    const text = "kind;size;more;color\n9;7;x;red\n9;?;x;red\n";
    await expect(open(text, options)).rejects.toThrow('line 3 has no value of "size"');
    const test = await open(text, { ...options, missing: "mean" });
    expect([test.features, test.classes, test.means, test.stds]).toEqual([
      ["size", "color=blue", "color=red"],
      ["9", "10"],
      [2, 0, 0],
      [1, 1, 1],
    ]);
    const { inputs, labels } = await collected(test.stream);
    expect([numbers(inputs), numbers(labels)]).toEqual([
      [7, 0, 1, Number.NaN, 0, 1],
      [0, 0],
    ]);
    expect(test.options).toEqual({ ...options, missing: "mean" });
    // A value that was not there counts as missing; of a label such rows can only be left out.
    const green = "kind;size;color\n9;7;green\n10;8;red\n";
    await expect(open(green, options)).rejects.toThrow(
      'line 2 has the value "green" of "color", which the given columns do not have: expected one of blue, red. Fill it in',
    );
    const filled = await open(green, { ...options, missing: "mean" });
    expect(numbers((await collected(filled.stream)).inputs)).toEqual([7, 0, 0, 8, 0, 1]);
    expect([train.unknown, filled.unknown]).toEqual([[], [{ column: "color", cells: 1, value: "green" }]]);
    // Without labels every row has its prediction.
    await expect(open(green, { ...options, label: false })).rejects.toThrow(
      'line 2 has the value "green" of "color", which the given columns do not have: expected one of blue, red. Correct it in the file, or train with missing: "mean".',
    );
    await expect(open("size;color\n7;\n", { ...options, label: false })).rejects.toThrow(
      'line 2 has no value of "color". Fill it in in the file, or train with missing: "mean".',
    );
    const other = "kind;size;color\n8;7;red\n10;8;red\n";
    await expect(open(other, { ...options, missing: "mean" })).rejects.toThrow(
      'line 2 has the value "8" of "kind", which the given columns do not have: expected one of 9, 10. Leave such rows out',
    );
    expect((await open(other, { ...options, missing: "drop" })).stream.length).toBe(1);
  });

  it("reads examples that have no label into the same inputs", async () => {
    const train = await open("size,color,kind\n1,red,a\n3,blue,b\n", { label: "kind" });
    const asked = await open("color,size\nblue,5\nred,?\n", {
      ...train.options,
      missing: "mean" as const,
      label: false,
    });
    expect([asked.features, asked.means, asked.stds]).toEqual([train.features, train.means, train.stds]);
    const found = await collected(asked.stream);
    expect(Object.keys(found)).toEqual(["inputs"]);
    expect([asked.stream.length, numbers(found.inputs)]).toEqual([2, [5, 1, 0, Number.NaN, 0, 1]]);
    // @ts-expect-error: there are none
    expect(found.labels).toBe(undefined);
    const alone = await open("a,b\n1,2\n", { label: false });
    expect([alone.features, numbers((await collected(alone.stream)).inputs)]).toEqual([
      ["a", "b"],
      [1, 2],
    ]);
    await expect(open("a\n1\n", { label: true as never })).rejects.toThrow(
      "label must be the name of a column",
    );
  });

  it("takes 1 and 1.0 for one class, where all classes are numbers", async () => {
    const { classes, stream, options } = await open("a,y\n1,10\n2,2.0\n3,2\n", { label: "y", classes: true });
    expect([classes, numbers((await collected(stream)).labels)]).toEqual([
      ["2", "10"],
      [1, 0, 0],
    ]);
    const other = await open("a,y\n1,10.0\n", options);
    expect(numbers((await collected(other.stream)).labels)).toEqual([1]);
    // Beyond what doubles tell apart.
    const ids = await open("a,y\n1,9007199254740993\n2,9007199254740992\n", { label: "y", classes: true });
    expect(ids.classes).toHaveLength(2);
    const texts = await open("a,y\n1,1.0\n2,1\n3,x\n", { label: "y" });
    expect(texts.classes).toEqual(["1", "1.0", "x"]);
  });

  it("reads another table with numbers as labels", async () => {
    const train = await open("a,y\n1,2\n3,4\n", { label: "y" });
    const test = await open("a,y\n5,1e3\n", train.options);
    expect(numbers((await collected(test.stream)).labels)).toEqual([1000]);
    expect(test.means).toEqual([2]);
    // As in training: text among numbers is no gap, whatever becomes of gaps.
    for (const missing of ["refuse", "mean", "drop"] as const) {
      for (const label of ["y", false] as const) {
        await expect(open('a,y\n7,1\n"200,5",2\n', { ...train.options, missing, label })).rejects.toThrow(
          'line 3 has "200,5" in "a", which is not a number. Correct it. If it marks a missing value: leave the cell empty, or train with missingWords: ["200,5"].',
        );
      }
    }
    const filled = await open("a,y\n,2\n7,1\n", { ...train.options, missing: "mean" });
    expect(numbers((await collected(filled.stream)).inputs)).toEqual([Number.NaN, 7]);
    await expect(open("a,y\n,2\n,1\n", { ...train.options, missing: "drop" })).rejects.toThrow(
      "each of its 2 rows lacks a value, or has one that the given columns do not have: none is left",
    );
    await expect(open("a,y\n1,2\n", { ...train.options, classes: true })).rejects.toThrow(
      'the given columns have numbers for "y", not classes: leave classes out',
    );
    const { columns, ...others } = train.options;
    await expect(open("b,y\n1,2\n", { ...others, features: ["b"], columns })).rejects.toThrow(
      'the given columns have no "b", but a, y.',
    );
    await expect(
      open("a,y\n1,2\n", { ...train.options, columns: { a: { mean: 1 } } } as never),
    ).rejects.toThrow("columns must be columns as the options of an opened table have them");
  });

  it("is read piece by piece with the same result as at once", async () => {
    const rows = Array.from({ length: 20000 }, (_, i) => `${i},"text, ${i % 7}",${(i % 13) / 4}`);
    const table = await open(`i,t,y\n${rows.join("\r\n")}\r\n`, { label: "y" });
    const { inputs, labels } = await collected(table.stream);
    expect(inputs.shape).toEqual([20000, 8]);
    expect(
      [0, 12345, 19999].map((i) => [inputs.data[8 * i], inputs.data[8 * i + 1 + (i % 7)], labels.data[i]]),
    ).toEqual([0, 12345, 19999].map((i) => [i, 1, (i % 13) / 4]));
  });

  it.each<[string, string, CsvOptions, string]>([
    ["nothing", "", { label: "y" }, "The CSV text is empty"],
    [
      "lines that end with CR",
      "a,y\r1,2\r",
      { label: "y" },
      "The lines of the CSV text end with CR: save it",
    ],
    ["a header alone", "a,y\n", { label: "y" }, "the table has no rows"],
    ["no such label", "a,b\n1,2\n", { label: "y" }, 'there is no column "y"; the columns are a, b'],
    ["two columns of one name", "a,a\n1,2\n", { label: "a" }, 'two columns have the name "a"'],
    ["the label alone", "y\n1\n", { label: "y" }, "no column besides the label"],
    ["a short line", "a,y\n1,2\n3\n", { label: "y" }, "CSV line 3 has 1 fields; the first line has 2"],
    ["a quote without end", 'a,y\n"1,2\n3,4\n', { label: "y" }, "CSV line 2: a quoted field has no end"],
    ["a quote within a field", 'a,y\n1"2,3\n', { label: "y" }, "CSV line 2: a quote within a field"],
    ["a quote after a quoted field and a CR", 'a,y\n"1"\r"2",3\n', { label: "y" }, "CSV line 2: "],
    [
      "text after a quote",
      'a,y\n"1"2,3\n',
      { label: "y" },
      'CSV line 2: "2" after the end of a quoted field',
    ],
    [
      "labels of two kinds",
      "a,y,z\n1,2,x\n",
      { label: ["y", "z"] },
      "must be columns of numbers, or one column of classes. An experiment learns others as several tasks: kind: multi-task, problem: { name: columns",
    ],
    [
      "too many values",
      `a,y\n${Array.from({ length: 1002 }, (_, i) => `n${i},1`).join("\n")}\n`,
      { label: "y" },
      '"a" has more than 1000 values (n0, n1, n2, ...)',
    ],
  ])("is refused for %s", async (_, text, options, message) => {
    await expect(open(text, options)).rejects.toThrow(message);
  });

  it("must be there, with known options", async () => {
    await expect(openCsv(join(folder, "none.csv"), { label: "y" })).rejects.toThrow("no such file");
    await expect(openCsv(folder, { label: "y" })).rejects.toThrow("it is no file");
    await expect(open("a,y\n1,2\n", { label: "y", delimter: ";" } as never)).rejects.toThrow("delimiter");
  });
});

/** A table of n rows whose value of "area" in the data row k + 1 is a word; rents are 10 times the areas. */
const withWords = (n: number, words: Readonly<Record<number, string>>) =>
  ["area,floor,rent", ...Array.from({ length: n }, (_, i) => `${words[i] ?? i + 1},${i % 3},${10 * i}`)].join(
    "\n",
  );

describe("a column of numbers with words in it", () => {
  it("is refused with the first one's line, and both ways out, also far behind the first part", async () => {
    const message =
      'line 4502 has "unknown" in "area", where 4999 of 5000 values are numbers. Correct it. If it marks a missing value: missingWords: ["unknown"]. If the column is text: text: ["area"].';
    const text = withWords(5000, { 4500: " unknown " });
    await expect(open(text, { label: "rent" })).rejects.toThrow(message);
    // Also as a label, where the others would be 5000 classes; a column that is not read may hold anything.
    await expect(open(text, { label: "area" })).rejects.toThrow(message);
    await expect(open(text, { label: "area", classes: false })).rejects.toThrow(message);
    expect((await open(text, { label: "rent", features: ["floor"] })).features).toEqual(["floor"]);
  });

  it("is one of numbers where the words are said to mark missing values", async () => {
    const text = withWords(1500, { 7: "unknown", 1400: "n/a" });
    const options = { label: "rent", missingWords: ["unknown", "n/a"] };
    await expect(open(text, options)).rejects.toThrow('line 9 has no value of "area"');
    const kept = await open(text, { ...options, missing: "mean" });
    expect(kept.features).toEqual(["area", "floor"]);
    const sum = (1500 * 1501) / 2 - 8 - 1401;
    expect(kept.means[0]).toBeCloseTo(sum / 1498, 9);
    const areas = numbers((await collected(kept.stream)).inputs).filter((_, i) => i % 2 === 0);
    expect([areas[6], areas[7], areas[1400], areas[1499]]).toEqual([...[7, Number.NaN, Number.NaN, 1500]]);
    const dropped = await open(text, { ...options, missing: "drop" });
    expect([dropped.stream.length, (await collected(dropped.stream)).inputs.shape]).toEqual([
      1498,
      [1498, 2],
    ]);
    // Another table is read by the same words.
    const asked = await open("area,floor\nn/a,1\n5,2\n", { ...dropped.options, label: false });
    expect(numbers((await collected(asked.stream)).inputs)).toEqual([5, 2]);
  });

  it("is refused where they have commas, also where all have", async () => {
    const text = ["a;y", ...Array.from({ length: 20 }, (_, i) => `${i},${i % 3};${i}`)].join("\n");
    const delimiter = ";" as const;
    await expect(open(text, { label: "y", delimiter })).rejects.toThrow(
      'line 2 has "0,0" in "a", a number with a comma. Write numbers with a decimal point, without other marks: 3.14. If the column is text: text: ["a"].',
    );
    expect((await open(text, { label: "y", delimiter, text: ["a"] })).features).toHaveLength(20);
    // Half of them are other words.
    const words = text.replaceAll(/^(1\d),\d/gm, "word $1");
    expect((await open(words, { label: "y", delimiter })).features).toHaveLength(20);
  });

  it("is text where that is said, or where less than nine of ten are numbers", async () => {
    const words = { 3: "12a" };
    const text = await open(withWords(10, words), { label: "rent", text: ["area"] });
    expect(text.features).toEqual([
      ...["1", "10", "12a", "2", "3", "5", "6", "7", "8", "9"].map((v) => `area=${v}`),
      "floor",
    ]);
    await expect(open(withWords(10, words), { label: "rent" })).rejects.toThrow("9 of 10 values are numbers");
    expect((await open(withWords(9, words), { label: "rent" })).features).toHaveLength(10);
    // Numbers that are codes; and a label that is text is of classes.
    const codes = await open(withWords(10, {}), { label: "rent", text: ["rent", "floor"] });
    expect([codes.features, codes.classes?.length]).toEqual([["area", "floor=0", "floor=1", "floor=2"], 10]);
    const classes = await open(withWords(10, words), { label: "area", classes: true });
    expect(classes.classes).toHaveLength(10);
    await expect(open(withWords(9, {}), { label: "rent", text: ["flor"] })).rejects.toThrow(
      'there is no column "flor"; the columns are area, floor, rent',
    );
  });

  it("is refused with leading zeros, which codes have, unless it is said to be text, which keeps them", async () => {
    const text = ["zip,n,y", ...["01067", "1067", "99084", "01067"].map((zip, i) => `${zip},0.${i},${i}`)];
    const message =
      'line 2 has "01067" in "zip", an integer with leading zeros, which a number has not. If these are codes: text: ["zip"]. Else write them without these zeros.';
    await expect(open(text.join("\n"), { label: "y" })).rejects.toThrow(message);
    await expect(open(text.join("\n"), { label: "zip" })).rejects.toThrow(message);
    expect((await open(text.join("\n"), { label: "y", features: ["n"] })).features).toEqual(["n"]);
    const codes = await open(text.join("\n"), { label: "y", text: ["zip"] });
    expect(codes.features).toEqual(["zip=01067", "zip=1067", "zip=99084", "n"]);
    const asked = await open("zip,n\n1067,0\n01067,0\n", { ...codes.options, label: false });
    expect(numbers((await collected(asked.stream)).inputs)).toEqual([0, 1, 0, 0, 1, 0, 0, 0]);
    await writeFile(join(folder, "zip.csv"), text.join("\n"));
    const { columns } = await describeCsv(join(folder, "zip.csv"));
    expect(columns[0]?.oddValue).toEqual({ value: "01067", place: "line 2" });
  });

  it("has values that are missing where pandas has such", async () => {
    const marks = ["n/a", "N/A", "<NA>", "#N/A", "#N/A N/A", "#NA", "None", "-nan", "-NaN", "NULL"];
    const rows = [...marks, "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN", ""].map((mark) => `${mark},1`);
    const table = await open(["a,y", "5,1", ...rows].join("\n"), { label: "y", missing: "drop" });
    expect([table.features, table.stream.length]).toEqual([["a"], 1]);
  });

  it("is described with the first word", async () => {
    const path = join(folder, "words.csv");
    await writeFile(path, withWords(20, { 3: "12a", 4: "-" }));
    const first = async (options?: DescribeCsvOptions) => (await describeCsv(path, options)).columns[0];
    expect(await first()).toMatchObject({ isNumber: false, oddValue: { value: "12a", place: "line 5" } });
    expect(await first({ text: ["area"] })).toMatchObject({ isNumber: false });
    expect(await first({ text: ["area"] })).not.toHaveProperty("oddValue");
    expect(await first({ missingWords: ["12a", "-"] })).toMatchObject({ isNumber: true, missing: 2 });
  });

  it("is refused in a Parquet file, too", async () => {
    const path = join(folder, "words.parquet");
    const area = Array.from({ length: 30 }, (_, i) => (i === 20 ? "unknown" : `${i}`));
    await writeFile(path, parquetFile({ area, rent: area.map((_, i) => i) }));
    await expect(openParquet(path, { label: "rent" })).rejects.toThrow(
      'row 21 has "unknown" in "area", where 29 of 30 values are numbers',
    );
    const options = { label: "rent", missingWords: ["unknown"], missing: "drop" } as const;
    expect((await openParquet(path, options)).stream.length).toBe(29);
    const { columns } = await describeParquet(path, { missingWords: ["unknown"] });
    expect(columns[0]).toMatchObject({ isNumber: true, missing: 1 });
  });
});

describe("a Parquet file", () => {
  it("has the same data as a CSV file", async () => {
    const path = join(folder, "flowers.parquet");
    const columnData = [
      { name: "width", data: [1.5, 2, 0.5] },
      { name: "color", data: ["red", "blue", null] },
      { name: "count", data: [7n, 8n, 9n] },
      { name: "kind", data: ["rose", "lily", "rose"] },
    ];
    await writeFile(path, new Uint8Array(parquetWriteBuffer({ columnData })));
    await expect(openParquet(path, { label: "kind" })).rejects.toThrow('row 3 has no value of "color"');
    const table = await openParquet(path, { label: "kind", missing: "mean" });
    expect([table.features, table.classes]).toEqual([
      ["width", "color=blue", "color=red", "count"],
      ["lily", "rose"],
    ]);
    const { inputs, labels } = await collected(table.stream);
    expect(numbers(inputs)).toEqual([1.5, 0, 1, 7, 2, 1, 0, 8, 0.5, 0, 0, 9]);
    expect(numbers(labels)).toEqual([1, 0, 1]);
    const some = await openParquet(path, { label: "kind", features: ["count"] });
    expect(numbers((await collected(some.stream)).inputs)).toEqual([7, 8, 9]);
    const asked = await openParquet(path, { ...some.options, label: false });
    expect(await collected(asked.stream)).toEqual({
      inputs: { shape: [3, 1], data: Float32Array.of(7, 8, 9) },
    });
  });

  it("is refused when it is none", async () => {
    const path = join(folder, "broken.parquet");
    await writeFile(path, "PAR1 no");
    await expect(openParquet(path, { label: "y" })).rejects.toThrow(path);
  });
});

describe("the description of a table", () => {
  it("has the columns with their values and how many are missing", async () => {
    const path = join(folder, "described.csv");
    await writeFile(path, "a;kind;empty\n10;x;\n9;;NA\n?;y;\n9;x;\n");
    expect(await describeCsv(path, { delimiter: ";" })).toEqual({
      length: 4,
      repeated: 0,
      columns: [
        { name: "a", isNumber: true, values: ["9", "10"], missing: 1 },
        { name: "kind", isNumber: false, values: ["x", "y"], missing: 1 },
        { name: "empty", isNumber: false, values: [], missing: 4 },
      ],
    });
    await writeFile(path, "a,b\n1,x\n1, x\n2,x\n1,x\n1,xy\n");
    expect((await describeCsv(path)).repeated).toBe(2);
    await writeFile(path, "a,b\n");
    await expect(describeCsv(path)).rejects.toThrow(/described\.csv: the table has no rows/);
    await writeFile(path, "a,a\n1,2\n");
    await expect(describeCsv(path)).rejects.toThrow(
      'two columns have the name "a": give one of them another',
    );
    await expect(describeCsv(join(folder, "none.csv"))).rejects.toThrow(/Cannot read the table .*none\.csv/);
  });

  it("counts a quoted field of nothing as a missing value, also where it is the whole record", async () => {
    const path = join(folder, "quoted.csv");
    await writeFile(path, 'x\n"one"\r\n""\n\n"two"\n""');
    expect(await describeCsv(path)).toEqual({
      length: 4,
      repeated: expect.any(Number),
      columns: [{ name: "x", isNumber: false, values: ["one", "two"], missing: 2 }],
    });
  });

  it("is without rows that lack a column that is required", async () => {
    const path = join(folder, "required.csv");
    await writeFile(path, "a,kind,y\n1,x,5\n2,z,\n,x,6\n");
    const { length, columns } = await describeCsv(path, { required: ["y"] });
    expect([length, columns.map(({ values, missing }) => [values, missing])]).toEqual([
      2,
      [
        [["1"], 1],
        [["x"], 0],
        [["5", "6"], 0],
      ],
    ]);
  });

  it("is that of a Parquet file, too", async () => {
    const path = join(folder, "described.parquet");
    await writeFile(path, parquetFile({ a: [1.5, 2, null], kind: ["x", "y", "x"] }));
    expect(await describeParquet(path)).toEqual({
      length: 3,
      repeated: 0,
      columns: [
        { name: "a", isNumber: true, values: ["1.5", "2"], missing: 1 },
        { name: "kind", isNumber: false, values: ["x", "y"], missing: 0 },
      ],
    });
  });
});
