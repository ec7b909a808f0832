import type { NdArray } from "isoloss";
import { float32 } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { errorOf } from "../../src/quantize/measure-error.js";

const integers = (...y: bigint[]): NdArray => ({ shape: [y.length], data: BigInt64Array.from(y) });

describe("the error of quantized outputs", () => {
  it("is the ratio of squares in decibels, over all batches, by hand", () => {
    const expected = [{ y: float32([3, 4]) }, { y: float32([0, 5]) }];
    const got = [{ y: float32([3, 4.5]) }, { y: float32([0.5, 5]) }];
    const { sqnr, largest, agreement } = errorOf("modelError", expected, got, got);
    // 10 log10(50 / 0.5) = 20 dB; 0.5 / 5.
    expect(sqnr).toBeCloseTo(20, 10);
    expect(largest).toBeCloseTo(0.1, 10);
    expect(agreement).toBeUndefined();
  });

  it("counts rows whose largest output stays at its place", () => {
    const expected = [{ y: float32([1, 2, 3, 9, 8, 7, 0, 1, 0, 1, 0, 0], [4, 3]) }];
    const got = [{ y: float32([1, 2, 4, 8, 9, 7, 0, 3, 0, 2, 0, 0], [4, 3]) }];
    expect(errorOf("modelError", expected, got, got)).toMatchObject({ agreement: 0.75, rows: 4 });
  });

  it("counts rows of tokens beside an output of one number for each example", () => {
    const tokens = float32([1, 2, 2, 1, 3, 0, 0, 3], [2, 2, 2]);
    const turned = float32([1, 2, 2, 1, 3, 0, 3, 0], [2, 2, 2]);
    const score = float32([5, 6], [2, 1]);
    const [expected, got] = [[{ tokens, score }], [{ tokens: turned, score }]];
    expect(errorOf("modelError", expected, got, [{ x: score }])).toMatchObject({ agreement: 0.75, rows: 4 });
  });

  it("is that of the worst output", () => {
    const expected = [{ a: float32([10]), b: float32([1, 2], [1, 2]) }];
    const got = [{ a: float32([9]), b: float32([1, 2], [1, 2]) }];
    expect(errorOf("modelError", expected, got, got)).toEqual({
      sqnr: 20,
      agreement: 1,
      rows: 1,
      largest: 0.1,
      isConstant: null,
      examples: [{ signal: 100, noise: 1 }],
    });
  });

  it("counts integers that changed, wherever floats tell nothing", () => {
    const [before, after] = [integers(1n, 9n, 3n, 4n), integers(1n, 2n, 3n, 4n)];
    const x = float32([0, 0, 0, 0]);
    // One class of four changed, by which number does not count: -10 log10(1 / 4).
    const changed = { sqnr: 10 * Math.log10(4), agreement: 0.75, rows: 4, largest: 1, isConstant: null };
    const examples = [0, 1, 0, 0].map((noise) => ({ signal: 1, noise }));
    expect(errorOf("modelError", [{ y: before }], [{ y: after }], [{ x }])).toEqual({ ...changed, examples });
    const scores = { p: x };
    const errors = [after, integers(1n, 9n, 8n, 8n)].map((y) =>
      errorOf("modelError", [{ ...scores, y: before }], [{ ...scores, y }], [{ x }]),
    );
    expect(errors).toMatchObject([changed, { sqnr: 10 * Math.log10(2), agreement: 0.5 }]);
    const moved = float32([10, 9]);
    expect(
      errorOf("modelError", [{ y: before, p: float32([10, 10]) }], [{ y: before, p: moved }], [{ x }]),
    ).toMatchObject({ sqnr: 10 * Math.log10(200), agreement: 1 });
    expect(
      errorOf("modelError", [{ y: before, p: float32([10]) }], [{ y: after, p: float32([9]) }], [{ x }]),
    ).toMatchObject({ sqnr: 20, agreement: 0.75 });
  });

  it("is also known by example where outputs have a row for each, else by batch", () => {
    const [y, q] = [float32([3, 4, 1, 2], [2, 2]), float32([3, 2, 1, 3], [2, 2])];
    const rows = [
      { signal: 25, noise: 4 },
      { signal: 5, noise: 1 },
    ];
    const x = float32([0, 0]);
    expect(errorOf("modelError", [{ y }], [{ y: q }], [{ x }]).examples).toEqual(rows);
    const batches = [{ x: float32([0]) }, { x: float32([0]) }];
    expect(errorOf("modelError", [{ y }, { y }], [{ y: q }, { y: q }], batches).examples).toEqual([
      { signal: 30, noise: 5 },
      { signal: 30, noise: 5 },
    ]);
  });

  const isConstant = (y: readonly NdArray[], q: readonly NdArray[]) => {
    const named = (arrays: readonly NdArray[]) => [
      Object.fromEntries(arrays.map((own, i) => [`y${i}`, own])),
    ];
    return errorOf("modelError", named(y), named(q), [{ x: float32(Array(y[0].shape[0]).fill(0)) }])
      .isConstant;
  };
  const varied = float32([3, 4, 1, 2, 5, 5, 0, 2], [4, 2]);
  const scaled = float32(
    [3, 4, 1, 2, 5, 5, 0, 2].map((y) => 5e-4 * y),
    [4, 2],
  );
  const same = float32([5, 6, 5, 6, 5, 6, 5, 6], [4, 2]);

  it.each<readonly [string, boolean | null, readonly NdArray[], readonly NdArray[]]>([
    ["the same for all", true, [varied], [same]],
    ["the same but for float noise", true, [varied], [float32([5, 6, 5, 6, 5, 6, 5, 6.0000005], [4, 2])]],
    ["of one example another", false, [varied], [float32([5, 6, 5, 6, 5, 6, 5, 7], [4, 2])]],
    ["much smaller, in the same order", false, [varied], [scaled]],
    ["near what they were", false, [float32([1, 1 - 6e-8, 1, 1])], [float32([1, 1, 1, 1])]],
    ["those of one output alone", false, [varied, varied], [same, varied]],
    ["those of the one output that varied", true, [varied, same], [same, same]],
    ["not finite", false, [varied], [float32([5, 6, 5, 6, 5, 6, 5, Number.NaN], [4, 2])]],
    ["the same from the outset", null, [same], [same]],
    ["of integers", null, [integers(1n, 2n, 3n, 4n)], [integers(1n, 1n, 1n, 1n)]],
    ["of three examples", null, [float32([1, 2, 3])], [float32([5, 5, 5])]],
    ["not finite before", null, [float32([1, 2, Infinity, 4])], [float32([5, 5, 5, 5])]],
  ])("says whether outputs that varied became constant: %s", (_, is, y, q) => {
    expect(isConstant(y, q)).toBe(is);
  });

  it("does not call outputs constant whose rows are no examples", () => {
    const x = float32([0, 0, 0]);
    expect(errorOf("modelError", [{ y: varied }], [{ y: same }], [{ x }]).isConstant).toBeNull();
  });

  it("is infinite where nothing differs, and where numbers are lost", () => {
    const y = float32([1, 2]);
    expect(errorOf("modelError", [{ y }], [{ y }], [{ y }])).toMatchObject({ sqnr: Infinity, largest: 0 });
    const lost = errorOf("modelError", [{ y }], [{ y: float32([1, Number.NaN]) }], [{ y }]);
    expect(lost).toMatchObject({ sqnr: -Infinity, largest: Infinity });
  });
});
