import { describe, expect, it } from "vitest";
import {
  agreementText,
  cautions,
  changeOf,
  constantText,
  sqnrFields,
  sqnrText,
} from "../../src/model/measured-change.js";

describe("the SQNR of a changed model", () => {
  it.each([
    [31.24, { sqnr: 31.24, broken: false }, "31.2 dB"],
    [Infinity, { sqnr: null, broken: false }, "identical"],
    [-Infinity, { sqnr: null, broken: true }, "not finite, or 0 before"],
    [Number.NaN, { sqnr: null, broken: true }, "not finite, or 0 before"],
  ])("%d tells outputs that are identical from broken ones", (sqnr, fields, cell) => {
    expect(sqnrFields(sqnr)).toEqual(fields);
    const none = { sqnrInterval: null, agreementInterval: null };
    const change = { ...fields, ...none, agreement: 0.984 };
    expect([sqnrText(change), agreementText(change)]).toEqual([cell, "98.4 %"]);
  });
});

describe("the intervals of a measured change", () => {
  const change = (noises: readonly number[]) =>
    changeOf({
      sqnr: 10,
      agreement: 1,
      rows: noises.length,
      largest: 0.1,
      isConstant: false,
      examples: noises.map((noise) => ({ signal: 1, noise })),
    });

  it("say how little few examples know", () => {
    const { sqnrInterval, agreementInterval } = change([0.1, 0.1, 0.1, 0.1]);
    // All ratios are 10; of 4 of 4 the interval begins at 0.025^(1/4) = 0.398.
    expect(sqnrInterval?.map((end) => end.toFixed(6))).toEqual(["10.000000", "10.000000"]);
    expect(agreementText(change([0.1, 0.1, 0.1, 0.1]))).toBe("100.0 % [39.8, 100.0]");
    expect(agreementInterval?.[0]).toBeCloseTo(0.025 ** 0.25, 10);
    const width = (noises: readonly number[]) => {
      const [low, high] = change(noises).sqnrInterval ?? [];
      return Number(high) - Number(low);
    };
    const four = [0.05, 0.15, 0.08, 0.12];
    expect(width(four)).toBeGreaterThan(2 * width(Array(8).fill(four).flat()));
  });

  it("are called too narrow where few examples carry the error, be there many", () => {
    const even = Array(16).fill(0.1);
    expect(change(even).carriedBy).toBeCloseTo(16, 10);
    expect(cautions(change(even), false)).toEqual([]);
    const [eight] = cautions(change(even.slice(8)), false);
    expect(eight).toContain(": in effect 8 examples carry the error. ");
    expect(eight).toContain("Give more by --held-out and --limit.");
    // (4 * 1 + 60 * 0.01)^2 / (4 * 1 + 60 * 0.0001) = 5.28.
    const heavy = [...Array(4).fill(1), ...Array(60).fill(0.01)];
    expect(cautions(change(heavy), false)[0]).toContain(": in effect 5 examples carry the error. ");
    expect(cautions(change([1, 0.001]), false)[0]).toContain(": in effect 1 example carries the error. ");
    expect(cautions(change([0.1]), false)).toEqual([]);
  });

  it("do not matter of constant outputs, which are of no use on given examples alone", () => {
    const few = { ...change([1, 0.001]), constant: true };
    const text =
      "It is of no use as it is: its outputs, which varied, are now the same for all of these examples.";
    expect(cautions(few, false)).toEqual([text]);
    expect(cautions(few, true)).toEqual([
      "On these random inputs every output that varied is now the same: give data by --held-out.",
    ]);
    expect(constantText({ constant: null }, false)).toEqual([]);
  });

  it("are none of one example, of rows that are no examples, and where nothing differs", () => {
    expect(change([0.1]).sqnrInterval).toBeNull();
    expect(change([0.1, 0]).sqnrInterval).toBeNull();
    const examples = [{ signal: 1, noise: 0.1 }];
    const error = { sqnr: 10, agreement: 0.5, rows: 2, largest: 0.1, isConstant: false, examples };
    expect(changeOf(error).agreementInterval).toBeNull();
  });
});
