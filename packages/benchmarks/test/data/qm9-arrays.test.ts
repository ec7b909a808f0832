import { array, DataError, type NdArray, ndarray } from "isoloss";
import { decodeNpz } from "isoloss/data";
import { processed } from "isoloss-test-support/data/qm9-processed";
import { files } from "isoloss-test-support/data/qm9-support";
import { describe, expect, it } from "vitest";
import { parseQm9 } from "../../src/data/qm9.js";
import { qm9FromArrays } from "../../src/data/qm9-arrays.js";

describe("qm9FromArrays", async () => {
  const arrays = await decodeNpz(processed());

  it("has the molecules and numbers of the raw files, in float32", async () => {
    const raw = await parseQm9(files());
    const { molecules, targets } = qm9FromArrays(arrays);
    const rounded = (all: readonly (readonly number[])[]) => all.map((place) => place.map(Math.fround));
    expect(molecules.map(({ symbols }) => symbols)).toEqual(raw.molecules.map(({ symbols }) => symbols));
    expect(molecules.map(({ bonds }) => bonds)).toEqual(raw.molecules.map(({ bonds }) => bonds));
    expect(molecules.map(({ positions }) => positions)).toEqual(
      raw.molecules.map(({ positions }) => rounded(positions)),
    );
    expect(targets.shape).toEqual([2, 11]);
    // Of methane the published numbers; of the other one the places of the tasks among the nineteen.
    Array.from(raw.targets.data.slice(0, 11)).forEach((value, k) => {
      expect(targets.data[k]).toBeCloseTo(value, 5);
    });
    expect(Array.from(targets.data.slice(11), (v) => v - 100)).toEqual([
      0, 1, 2, 3, 5, 6, 12, 13, 14, 15, 11,
    ]);
  });

  it.each<[string, Record<string, NdArray>, string]>([
    ["an array of another shape", { pos: array([[0, 0]]) }, "pos must be [N, 3]"],
    ["slices that fall", { z_slices: array([0, 9, 8], "int64") }, "z_slices must rise from 0 to 8"],
    ["slices that end early", { edge_index_slices: array([0, 8, 10], "int64") }, "goes from 0 to 10"],
    [
      "properties that are no numbers",
      { y: ndarray(new Float64Array(38).fill(Number.NaN), [2, 19]) },
      "y must be numbers; element 0 is NaN",
    ],
    [
      "another element",
      { z: array([6, 1, 1, 1, 1, 6, 16, 1], "int64") },
      "Molecule 1: elements are H, C, N, O, F; got 16",
    ],
  ])("refuses %s", (_, changed, message) => {
    expect(() => qm9FromArrays({ ...arrays, ...changed })).toThrow(DataError);
    expect(() => qm9FromArrays({ ...arrays, ...changed })).toThrow(message);
  });

  it("refuses bonds to atoms of other molecules, or of no order, and names what is missing", () => {
    const { edge_index, edge_attr, y: _, ...rest } = arrays;
    const beyond = { shape: edge_index.shape, data: edge_index.data.slice() as BigInt64Array };
    beyond.data[12] = 5n;
    expect(() => qm9FromArrays({ ...arrays, edge_index: beyond })).toThrow(
      "Molecule 0: a bond is between two of its 5 atoms",
    );
    // The first bond twice from its second atom.
    const once = (edge_index.data as BigInt64Array).map((v, i) => (i === 0 ? 1n : i === 12 ? 0n : v));
    expect(() => qm9FromArrays({ ...arrays, edge_index: { shape: edge_index.shape, data: once } })).toThrow(
      "each bond in both directions",
    );
    const none = { shape: edge_attr.shape, data: new Float32Array(edge_attr.data.length) };
    expect(() => qm9FromArrays({ ...arrays, edge_attr: none })).toThrow("got 0, 1, 0");
    expect(() => qm9FromArrays(rest)).toThrow("edge_index and edge_attr and y is missing");
  });
});
