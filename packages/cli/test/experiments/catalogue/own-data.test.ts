import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { loadOwnData } from "../../../src/experiments/catalogue/own/data.js";
import { absoluteModule, checkFiles, placeInModule } from "../../../src/experiments/catalogue/own/file.js";

const folder = mkdtempSync(join(tmpdir(), "isoloss-own-data-"));
afterAll(() => rmSync(folder, { recursive: true }));

it("fills in the mean of the training examples, which the held-out ones do not move", async () => {
  const path = join(folder, "gaps.csv");
  // The first column tells the rows apart.
  const rows = Array.from(
    { length: 20 },
    (_, i) => `${i},${i % 4 === 0 ? "NA" : i ** 2},${i % 5 ? "x" : ""},${i}`,
  );
  writeFileSync(path, `${["row,gaps,letter,y", ...rows].join("\n")}\n`);
  const data = { csv: path, label: "y", missing: "mean", validation: 0.5, standardize: false };
  const { train, validation, features } = await loadOwnData(data);
  expect(features).toEqual(["row", "gaps", "letter=x"]);
  const columns = (part: typeof train) => {
    const rowOf = (i: number) => [...part.inputs.data.slice(3 * i, 3 * i + 3)].map(Number);
    return Array.from({ length: part.inputs.shape[0] }, (_, i) => rowOf(i));
  };
  const known = columns(train).filter(([row]) => row % 4 !== 0);
  const filling = Math.fround(known.reduce((sum, [, gaps]) => sum + gaps / known.length, 0));
  const all = [...columns(train), ...columns(validation as typeof train)];
  expect(all).toHaveLength(20);
  for (const [row, gaps, letter] of all) {
    expect(gaps).toBeCloseTo(row % 4 === 0 ? filling : row ** 2, 4);
    expect(letter).toBe(row % 5 ? 1 : 0);
  }
  const standardized = await loadOwnData({ ...data, standardize: true });
  const [, second] = standardized.inputScale?.means ?? [];
  expect(second).toBeCloseTo(filling, 4);
});

it("holds a test part out, which neither means nor scales have seen", async () => {
  const path = join(folder, "test-part.csv");
  const rows = Array.from({ length: 40 }, (_, i) => `${i},${i % 3 === 0 ? "NA" : i},${i}`);
  writeFileSync(path, `${["row,gaps,y", ...rows].join("\n")}\n`);
  const data = { csv: path, label: "y", missing: "mean", validation: 0.25, test: 0.25 };
  const { train, validation, test } = await loadOwnData({ ...data, standardize: false });
  const rowsOf = (part = train) => [...part.labels.data].map(Number);
  expect([train, validation, test].map((part) => rowsOf(part).length)).toEqual([20, 10, 10]);
  const all = [train, validation, test].flatMap(rowsOf);
  expect(all.sort((a, b) => a - b)).toEqual(rows.map((_, i) => i));
  const known = rowsOf().filter((row) => row % 3 !== 0);
  const { inputScale } = await loadOwnData(data);
  expect(inputScale?.means[1]).toBeCloseTo(
    known.reduce((sum, row) => sum + row / known.length, 0),
    4,
  );
});

it("leaves a row without one of its labels out of all tasks, and counts it", async () => {
  const path = join(folder, "tasks.csv");
  writeFileSync(path, "a,price,kind,stars\n1,10,x,1\n2,,y,2\n,30,x,3\n4,40,,1\n5,50,y,NA\n6,60,y,1\n");
  const data = { csv: path, label: ["price", "kind", "stars"], missing: "mean", validation: 0 };
  const { train, metrics } = await loadOwnData(
    { ...data, standardize: false },
    { tasks: { asClasses: ["stars"] } },
  );
  expect(metrics).toEqual({ "rows.train": 3, "rows.unlabeled": 3 });
  expect([...train.inputs.data]).toEqual([1, 3.5, 6]);
  expect([...train.labels.data]).toEqual([10, 0, 0, 30, 0, 1, 60, 1, 0]);
  // Gaps of inputs are refused as without tasks.
  await expect(loadOwnData({ ...data, missing: "refuse" }, { tasks: { asClasses: [] } })).rejects.toThrow(
    'line 4 has no value of "a"',
  );
});

it("knows of each task what the mean of the training rows or their commonest class reaches", async () => {
  const path = join(folder, "yardsticks.csv");
  const rows = Array.from({ length: 24 }, (_, i) => `${i},${i ** 2},${i % 4 ? "x" : "y"}`);
  writeFileSync(path, ["a,price,kind", ...rows].join("\n"));
  const data = { csv: path, label: ["price", "kind"], validation: 0.5, standardize: false };
  const { train, validation, metrics } = await loadOwnData(data, { tasks: { asClasses: [] } });
  const column = (part: typeof train | undefined, k: number) =>
    [...(part?.labels.data ?? [])].map(Number).filter((_, i) => i % 2 === k);
  const average = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
  const price = average(column(train, 0));
  const commonest = Math.round(average(column(train, 1)));
  expect(metrics).toEqual({
    "rows.train": 12,
    "rows.validation": 12,
    "constant.validation.price.rmse": expect.closeTo(
      Math.sqrt(average(column(validation, 0).map((value) => (value - price) ** 2))),
      6,
    ),
    "constant.validation.kind.loss": expect.closeTo(
      -average(
        column(validation, 1).map((value) =>
          Math.log(average(column(train, 1).map((label) => Number(label === value)))),
        ),
      ),
      12,
    ),
    "constant.validation.kind.accuracy": expect.closeTo(
      average(column(validation, 1).map((value) => Number(value === commonest))),
      12,
    ),
  });
});

it("gives each fresh run test rows of its own, and its own division of the others", async () => {
  const path = join(folder, "folds.csv");
  writeFileSync(path, `${["x,y", ...Array.from({ length: 60 }, (_, i) => `${i},${i}`)].join("\n")}\n`);
  const data = { csv: path, label: "y", validation: 0.2, test: 0.2, standardize: false };
  const rowsOf = (part: { labels: { data: ArrayLike<number | bigint> } } | undefined) =>
    Array.from(part?.labels.data ?? [], Number).sort((a, b) => a - b);
  const whole = await loadOwnData(data);
  const runs = await Promise.all([0, 1, 2, 3].map((i) => loadOwnData(data, { fold: [i, 4] })));
  expect(runs.flatMap(({ test }) => rowsOf(test)).sort((a, b) => a - b)).toEqual(rowsOf(whole.test));
  for (const { train, validation, test } of runs) {
    expect([train, validation, test].map((part) => rowsOf(part).length)).toEqual([36, 12, 3]);
    // No row that trains or is validated on is one of the test rows, of this run or of another.
    const others = [...rowsOf(train), ...rowsOf(validation)].sort((a, b) => a - b);
    expect(others).toEqual([...rowsOf(whole.train), ...rowsOf(whole.validation)].sort((a, b) => a - b));
  }
  expect(new Set(runs.map(({ validation }) => String(rowsOf(validation)))).size).toBe(4);
  await expect(loadOwnData(data, { fold: [0, 13] })).rejects.toThrow(
    "The test data have 12 examples, and each of 13 fresh seeds is judged by some of its own",
  );
});

it("hashes the images that are read: those of linked folders, too, and no hidden ones", async () => {
  const [images, linked] = [join(folder, "images"), join(folder, "linked")];
  for (const path of [images, linked, join(images, "cat")]) mkdirSync(path);
  writeFileSync(join(images, "cat/0.png"), "a cat");
  symlinkSync(join(images, "cat"), join(linked, "cat"));
  const hashOf = (path: string) =>
    checkFiles({ images: path }, { what: "images", keys: ["images"], isFolder: true });
  const sha256 = await hashOf(images);
  expect(await hashOf(linked)).toBe(sha256);
  writeFileSync(join(images, "cat/._0.png"), "a hidden file");
  expect(await hashOf(images)).toBe(sha256);
  rmSync(join(images, "cat/0.png"));
  expect(await hashOf(linked)).not.toBe(sha256);
});

it.each(["default", "net"])("finds the export %s of a module whose path has a #", (name) => {
  const text = name === "default" ? "p.mjs" : `p.mjs#${name}`;
  expect(placeInModule(absoluteModule(text, "/c#/x.yaml"))).toEqual({ file: "/c#/p.mjs", name });
});
