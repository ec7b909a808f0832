// Tensors of files as arrays of the four element types of the graph.

import { array, dtypeOf } from "isoloss";
import type { OnnxDType } from "isoloss/internal";
import { expect, it } from "vitest";
import type { OnnxData } from "../../../core/src/runtime/onnx/schema.js";
import { arrayOf, importedDType } from "../../src/import/arrays.js";
import { rangeOf } from "../../src/import/kinds.js";

it.each<[OnnxDType, OnnxData, readonly number[]]>([
  ["float32", Float32Array.of(0.5, -2), [0.5, -2]],
  ["float64", Float64Array.of(0.5, -2), [0.5, -2]],
  // The largest number, the least subnormal one, and an infinity.
  ["float16", Uint16Array.of(0x7bff, 0x0001, 0xfc00), [65504, 2 ** -24, -Infinity]],
  ["bfloat16", Uint16Array.of(0x3f80, 0xc000, 0x7f80), [1, -2, Infinity]],
  ["int64", BigInt64Array.of(-(2n ** 63n), 7n), [Number.MIN_SAFE_INTEGER, 7]],
  ["uint64", BigUint64Array.of(2n ** 64n - 1n, 7n), [Number.MAX_SAFE_INTEGER, 7]],
  ["int32", Int32Array.of(-7, 2 ** 31 - 1), [-7, 2 ** 31 - 1]],
  ["uint32", Uint32Array.of(2 ** 32 - 1), [2 ** 32 - 1]],
  ["int16", Int16Array.of(-32768), [-32768]],
  ["uint16", Uint16Array.of(65535), [65535]],
  ["int8", Int8Array.of(-128), [-128]],
  ["uint8", Uint8Array.of(255), [255]],
  ["int4", Int8Array.of(-8, 7), [-8, 7]],
  ["uint4", Uint8Array.of(15), [15]],
  ["bool", Uint8Array.of(255, 1, 0), [1, 1, 0]],
])("%s", (dtype, data, numbers) => {
  const made = arrayOf({ name: "t", dtype, shape: [data.length], data }, "float32");
  const expected = dtype === "bool" ? "bool" : dtype.includes("int") ? "int64" : "float32";
  expect(importedDType(dtype, "float32")).toBe(expected);
  expect(dtypeOf(made)).toBe(expected);
  expect(made).toEqual(array(numbers as number[], expected));
});

it("a float16 becomes a float64 where the model's floats are", () => {
  const made = arrayOf({ name: "t", dtype: "float16", shape: [], data: Uint16Array.of(0x3c01) }, "float64");
  expect(made).toEqual({ shape: [], data: Float64Array.of(1 + 2 ** -10) });
});

it("the ranges of integers are those of two's complement", () => {
  expect(rangeOf("int4")).toEqual([-8, 7]);
  expect(rangeOf("uint16")).toEqual([0, 65535]);
  expect(rangeOf("int32")).toEqual([-(2 ** 31), 2 ** 31 - 1]);
  expect(rangeOf("bool")).toBeUndefined();
  expect(rangeOf("bfloat16")).toBeUndefined();
});
