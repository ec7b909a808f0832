import { expect, it } from "vitest";
import { array } from "../../../src/array.js";
import { DataError } from "../../../src/errors.js";
import { fromOrtTensor, toOrtData } from "../../../src/runtime/onnx/ort-tensors.js";

it.each([
  ["float16", Uint16Array.of(0x3c00, 0xc000, 0x3555)],
  ["float64", Float64Array.of(1, -2, 1 / 3)],
  ["int8", Int8Array.of(1, -2, 0)],
  ["int64", undefined],
] as const)("converts numbers to %s", (type, expected) => {
  const x = array([1, -2, type === "int64" ? 0 : 1 / 3], "float64");
  const data = toOrtData("x", x, type);
  expect(data).toEqual(expected ?? BigInt64Array.of(1n, -2n, 0n));
  const back = fromOrtTensor({ type, dims: [3], data });
  expect(back.shape).toEqual([3]);
  for (const i of [0, 1]) expect(Number(back.data[i])).toBe(x.data[i]);
});

it("keeps what arrays have, and refuses strings", () => {
  const x = array([1, 2], "float32");
  expect(toOrtData("x", x, "float32")).toBe(x.data);
  expect(fromOrtTensor({ type: "float32", dims: [2], data: x.data }).data).toBe(x.data);
  expect(() => toOrtData("x", x, "string")).toThrow(DataError);
  expect(() => toOrtData("x", x, "string")).toThrow(/"x" is of the type string/);
  expect(() => fromOrtTensor({ type: "string", dims: [1], data: ["a"] })).toThrow(/a result of strings/);
});
