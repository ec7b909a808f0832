import { describe, expect, it } from "vitest";
import { errorCells, sqnrFields } from "../../src/model/measured-change.js";

describe("the SQNR of a changed model", () => {
  it.each([
    [31.24, { sqnr: 31.24, broken: false }, "31.2 dB"],
    [Infinity, { sqnr: null, broken: false }, "identical"],
    [-Infinity, { sqnr: null, broken: true }, "not finite"],
    [Number.NaN, { sqnr: null, broken: true }, "not finite"],
  ])("%d tells outputs that are identical from broken ones", (sqnr, fields, cell) => {
    expect(sqnrFields(sqnr)).toEqual(fields);
    expect(errorCells({ ...fields, agreement: 0.984 })).toEqual([cell, "98.4 %"]);
  });
});
