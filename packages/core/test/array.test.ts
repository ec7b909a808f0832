import { describe, expect, it } from "vitest";
import { array, full, ndarray, nested, numbers } from "../src/array.js";
import { DTypeError, ShapeError } from "../src/errors.js";

describe("array", () => {
  it("takes nested lists of numbers, and flags", () => {
    expect(array([[1, 2], [3, 4], [5, 6]])).toEqual({ shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) }); // biome-ignore format: rows
    expect(array(7, "float64")).toEqual({ shape: [], data: Float64Array.of(7) });
    expect(array([1, 2], "int64")).toEqual({ shape: [2], data: BigInt64Array.of(1n, 2n) });
    expect(array([true, false], "bool")).toEqual({ shape: [2], data: Uint8Array.of(1, 0) });
    expect(array([256, 0.5, -0], "bool").data).toEqual(Uint8Array.of(1, 1, 0));
    expect(full([1], 256, "bool").data).toEqual(Uint8Array.of(1));
    expect(array([[], []])).toEqual({ shape: [2, 0], data: new Float32Array() });
  });

  it.each([[], [3], [0], [2, 3], [2, 0], [2, 3, 4]])(
    "gives its numbers back, flat and nested, of shape %s",
    (...shape) => {
      const flat = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i);
      const a = ndarray(BigInt64Array.from(flat, BigInt), shape);
      expect(numbers(a)).toEqual(flat);
      const lists = nested(a);
      expect(array(lists, "int64")).toEqual(a);
      expect(nested(array([[1.5, 2], [3, 4]]))).toEqual([[1.5, 2], [3, 4]]); // biome-ignore format: rows
      expect(() => numbers([1] as never)).toThrow(DTypeError);
      expect(() => nested([1] as never)).toThrow(/^nested takes an array/);
    },
  );

  it("refuses ragged lists", () => {
    expect(() => array([[1, 2], [3]])).toThrow(ShapeError);
    expect(() => array([[1, 2], 3])).toThrow(/equal depth/);
    expect(() => array([1, [2]])).toThrow(/at depth 1 expected a number, got 1/);
  });

  it("refuses what is no number, in the place of NaN", () => {
    expect(() => array(Float64Array.of(1, 2) as never)).toThrow(/got Float64Array.*ndarray\(data, shape\)/);
    expect(() => array([1, "2"] as never)).toThrow(DTypeError);
    expect(() => array([undefined] as never)).toThrow(/got undefined/);
    expect(() => array([null] as never)).toThrow(/got null/);
  });
});

describe("ndarray", () => {
  it("refuses a shape that the data do not fill", () => {
    expect(() => ndarray(Float64Array.of(1, 2), [3])).toThrow("Shape [3] needs 3 elements; the data has 2.");
    expect(() => ndarray(Float64Array.of(1), [-1])).toThrow(ShapeError);
  });
});
