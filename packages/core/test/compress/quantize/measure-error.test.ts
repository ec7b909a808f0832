import { describe, expect, it } from "vitest";
import { errorOf } from "../../../src/compress/quantize/measure-error.js";
import { float32 } from "../../nn/onnx/support.js";

describe("the error of quantized outputs", () => {
  it("is the ratio of squares in decibels, over all batches, by hand", () => {
    const expected = [{ y: float32([3, 4]) }, { y: float32([0, 5]) }];
    const got = [{ y: float32([3, 4.5]) }, { y: float32([0.5, 5]) }];
    const { sqnr, largest, agreement } = errorOf(expected, got);
    // 10 log10(50 / 0.5) = 20 dB; 0.5 / 5.
    expect(sqnr).toBeCloseTo(20, 10);
    expect(largest).toBeCloseTo(0.1, 10);
    expect(agreement).toBeUndefined();
  });

  it("counts rows whose largest output stays at its place", () => {
    const expected = [{ y: float32([1, 2, 3, 9, 8, 7, 0, 1, 0, 1, 0, 0], [4, 3]) }];
    const got = [{ y: float32([1, 2, 4, 8, 9, 7, 0, 3, 0, 2, 0, 0], [4, 3]) }];
    expect(errorOf(expected, got).agreement).toBe(0.75);
  });

  it("is that of the worst output", () => {
    const expected = [{ a: float32([10]), b: float32([1, 2], [1, 2]) }];
    const got = [{ a: float32([9]), b: float32([1, 2], [1, 2]) }];
    expect(errorOf(expected, got)).toEqual({ sqnr: 20, agreement: 1, largest: 0.1 });
  });

  it("is infinite where nothing differs, and where numbers are lost", () => {
    const y = float32([1, 2]);
    expect(errorOf([{ y }], [{ y }])).toMatchObject({ sqnr: Infinity, largest: 0 });
    const lost = errorOf([{ y }], [{ y: float32([1, Number.NaN]) }]);
    expect(lost).toMatchObject({ sqnr: -Infinity, largest: Infinity });
  });
});
