import { ndarray, OptionError } from "isoloss";
import { readEpoch } from "isoloss/data";
import { describe, expect, it } from "vitest";
import { type Molecule, moleculeBatch } from "../../src/data/molecules.js";
import { qm9Streams } from "../../src/data/qm9-streams.js";

const n = 30;
/** Water at its own distance, so that every molecule can be told. */
const molecules = Array.from(
  { length: n },
  (_, i): Molecule => ({
    symbols: ["O", "H", "H"],
    positions: [
      [0, 0, 0],
      [1 + i / 100, 0, 0],
      [0, 1 + i / 100, 0],
    ],
    bonds: [
      [0, 1, 1],
      [0, 2, 1],
    ],
  }),
);
const values = Float64Array.from({ length: n * 11 }, (_, i) => Math.sin(i) * (1 + (i % 11)) + (i % 11));
const qm9 = { molecules, targets: ndarray(values, [n, 11]) };

describe("qm9Streams", () => {
  it("standardizes targets by mean and deviation of all molecules", async () => {
    const { train, validation, test, tasks, mean, std } = qm9Streams(qm9);
    expect([train.length, validation.length, test.length]).toEqual([24, 3, 3]);
    const all = [await readEpoch(train), await readEpoch(validation), await readEpoch(test)];
    tasks.forEach((task, k) => {
      const column = Array.from({ length: n }, (_, i) => values[i * 11 + k]);
      const average = column.reduce((a, b) => a + b) / n;
      const deviation = Math.sqrt(column.reduce((sum, v) => sum + (v - average) ** 2, 0) / (n - 1));
      expect(mean[k]).toBeCloseTo(average, 12);
      expect(std[k]).toBeCloseTo(deviation, 12);
      const seen = all.flatMap((part) => Array.from(part[task].data as Float32Array)).sort((a, b) => a - b);
      const expected = column.map((v) => (v - average) / deviation).sort((a, b) => a - b);
      for (const [i, value] of seen.entries()) expect(value).toBeCloseTo(expected[i], 5);
      // A prediction of 0 has the error std mean |z|.
      expect(all[0][task].shape).toEqual([24, 1]);
    });
  });

  it("leaves targets that are all alike at 0", async () => {
    const alike = Float64Array.from(values, (value, i) => (i % 11 === 0 ? 0.1 : value));
    const { train, std, mean } = qm9Streams({ molecules, targets: ndarray(alike, [n, 11]) });
    expect([mean[0], std[0]]).toEqual([expect.closeTo(0.1, 14), 1]);
    for (const value of (await readEpoch(train)).mu.data) expect(value).toBeCloseTo(0, 12);
  });

  it("takes a split of another program: test, validation, training", async () => {
    const order = Array.from({ length: n }, (_, i) => n - 1 - i);
    const { test, validation } = qm9Streams(qm9, { order, held: 2, places: 4 });
    const { atoms, pairs, mask } = await readEpoch(test);
    expect({ atoms, pairs, mask }).toEqual(moleculeBatch([molecules[29], molecules[28]], 4));
    expect((await readEpoch(validation)).pairs).toEqual(
      moleculeBatch([molecules[27], molecules[26]], 4).pairs,
    );
  });

  it("refuses empty parts and orders that miss molecules", () => {
    expect(() => qm9Streams(qm9, { held: 16 })).toThrow(OptionError);
    expect(() => qm9Streams(qm9, { held: 16 })).toThrow(
      "take 16 molecules each, and some must be left for training; there are 30. Set held to a smaller number.",
    );
    expect(() => qm9Streams(qm9, { held: 15 })).toThrow("some must be left for training; there are 30");
    expect(qm9Streams(qm9, { held: 14 }).train.length).toBe(2);
    expect(() => qm9Streams(qm9, { order: [0, 0, 1] })).toThrow("got 3 numbers, 2 of them different");
  });
});
