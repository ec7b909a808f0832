import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { array, ndarray } from "../../src/array.js";
import { batches, concatenateRows, split, takeRows } from "../../src/data/batches.js";
import { OptionError, ShapeError } from "../../src/errors.js";

const sorted = (parts: Int32Array[]) => parts.flatMap((p) => Array.from(p)).sort((a, b) => a - b);
const range = (n: number) => Array.from({ length: n }, (_, i) => i);

describe("batches", () => {
  it("holds each example once in an epoch, in batches of the size asked for", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 50 }),
        fc.nat(),
        (n, size, seed) => {
          fc.pre(size <= n);
          const all = batches(n, size, { seed, dropLast: false });
          expect(sorted(all)).toEqual(range(n));
          expect(all.slice(0, -1).every((b) => b.length === size)).toBe(true);
          const full = batches(n, size, { seed });
          expect(full).toEqual(all.filter((b) => b.length === size));
        },
      ),
    );
  });

  it("leaves out a last batch that is not full, unless told otherwise", () => {
    expect(batches(10, 4).map((b) => b.length)).toEqual([4, 4]);
    expect(batches(10, 4, { dropLast: false }).map((b) => b.length)).toEqual([4, 4, 2]);
  });

  it("repeats for the same seed and epoch and differs for others", () => {
    expect(batches(100, 10, { seed: 3, epoch: 2 })).toEqual(batches(100, 10, { seed: 3, epoch: 2 }));
    expect(batches(100, 10, { seed: 3, epoch: 2 })).not.toEqual(batches(100, 10, { seed: 3, epoch: 1 }));
    expect(batches(100, 10, { seed: 3, epoch: 2 })).not.toEqual(batches(100, 10, { seed: 4, epoch: 2 }));
  });

  it("keeps the order when shuffling is off", () => {
    expect(batches(5, 2, { shuffle: false, dropLast: false }).map((b) => Array.from(b))).toEqual([
      [0, 1],
      [2, 3],
      [4],
    ]);
  });

  it("refuses a batch size outside 1..n", () => {
    expect(() => batches(10, 11)).toThrow(OptionError);
    expect(() => batches(10, 0)).toThrow("in 1..10, the number of examples; got 0");
    expect(() => batches(10, 2.5)).toThrow(OptionError);
  });
});

describe("split", () => {
  it("shares out all examples, each once, in parts of the rounded sizes", () => {
    const parts = split(1797, [0.8, 0.1, 0.1], 0);
    // Boundaries at round(1437.6) and round(1617.3).
    expect(parts.map((p) => p.length)).toEqual([1438, 179, 180]);
    expect(sorted(parts)).toEqual(range(1797));
  });

  it("is random by its seed, and no epoch of batches with that seed", () => {
    expect(split(100, [0.5, 0.5], 1)).toEqual(split(100, [0.5, 0.5], 1));
    expect(split(100, [0.5, 0.5], 1)).not.toEqual(split(100, [0.5, 0.5], 2));
    expect(split(100, [0.5, 0.5], 1)).not.toEqual(batches(100, 50, { seed: 1 }));
  });

  it("copes with fractions whose floating-point sum is not quite 1", () => {
    expect(sorted(split(30, new Array(10).fill(0.1), 0))).toEqual(range(30));
  });

  it("refuses fractions that do not share out everything, and empty parts", () => {
    expect(() => split(10, [0.5, 0.4], 0)).toThrow(OptionError);
    expect(() => split(10, [1.5, -0.5], 0)).toThrow("must be positive with sum 1; got [1.5, -0.5]");
    expect(() => split(10, [], 0)).toThrow(OptionError);
    expect(() => split(10, [0.99, 0.01], 0)).toThrow("0.01 of 10 examples is an empty part");
  });
});

describe("takeRows", () => {
  it("takes rows in the order asked for, repeats included", () => {
    const a = array([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(takeRows(a, Int32Array.from([2, 0, 2]))).toEqual(
      array([
        [5, 6],
        [1, 2],
        [5, 6],
      ]),
    );
    expect(takeRows(a, [])).toEqual(ndarray(new Float32Array(0), [0, 2]));
  });

  it("keeps the element type, for every one", () => {
    for (const dtype of ["float32", "float64", "int64", "bool"] as const) {
      expect(takeRows(array([0, 1, 1], dtype), [1, 0])).toEqual(array([1, 0], dtype));
    }
  });

  it("copies: changing the rows leaves the source alone", () => {
    const a = array([1, 2, 3], "float64");
    takeRows(a, [0]).data[0] = 9;
    expect(a).toEqual(array([1, 2, 3], "float64"));
  });

  it("refuses scalars and indices outside the array", () => {
    expect(() => takeRows(array(1), [0])).toThrow(ShapeError);
    expect(() => takeRows(array([1, 2]), [0, 2])).toThrow("index 2 at place 1 is outside 0..1");
    expect(() => takeRows(array([1, 2]), [-1])).toThrow(ShapeError);
    expect(() => takeRows(array([1, 2]), [0.5])).toThrow(ShapeError);
  });
});

describe("concatenateRows", () => {
  it("puts rows one after another, and refuses those of another shape or element type", () => {
    const [one, two] = [array([[1, 2]]), array([[3, 4], [5, 6]])]; // biome-ignore format: rows
    expect(concatenateRows([one, two])).toEqual(array([[1, 2], [3, 4], [5, 6]])); // biome-ignore format: rows
    for (const other of [array([[1]]), array([[1, 2]], "float64")])
      expect(() => concatenateRows([one, other])).toThrow(ShapeError);
  });
});
