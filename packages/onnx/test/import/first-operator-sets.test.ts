// Operator sets 1 to 6, which ONNX Runtime does not promise to read, against calculations by hand.

import { DataError } from "isoloss";
import { float, int, type OnnxNode, string } from "isoloss/internal";
import { type Arrays, fileOf, float32, int64, node, runImported } from "isoloss-test-support/nn/onnx/support";
import { expect, it } from "vitest";
import { ints } from "../../../core/src/runtime/onnx/schema.js";

const matrix = float32([1, 2, 3, 4, 5, 6], [2, 3]);

/** The numbers of y; what is stored is known while the model is traced. */
function resultOf(operator: OnnxNode, inputs: Arrays, opset: number, initializers: Arrays = {}): number[] {
  const bytes = fileOf({ inputs, initializers, nodes: [operator], opset });
  return Array.from<number | bigint, number>(runImported(bytes, inputs).y.data, Number);
}

it.each([
  ["Add", 0, [10, 20], [11, 12, 13, 24, 25, 26]],
  ["Mul", 1, [10, 20, 30], [10, 40, 90, 40, 100, 180]],
  ["Sub", -1, [1, 2, 3], [0, 0, 0, 3, 3, 3]],
] as const)("%s aligns its second operand at axis %i", (opType, axis, second, expected) => {
  const operator = node(opType, ["a", "b"], { broadcast: int(1), axis: int(axis) });
  expect(resultOf(operator, { a: matrix, b: float32(second) }, 6)).toEqual(expected);
});

it("comparisons align their operands, too, and without an axis the last ones", () => {
  const less = node("Less", ["a", "b"], { broadcast: int(1), axis: int(0) });
  expect(resultOf(less, { a: matrix, b: float32([2, 5]) }, 1)).toEqual([1, 0, 0, 1, 0, 0]);
  const add = node("Add", ["a", "b"], { broadcast: int(1) });
  expect(resultOf(add, { a: matrix, b: float32([1, 0, 1]) }, 6)).toEqual([2, 2, 4, 5, 5, 7]);
});

it("an axis that the second operand does not fit is refused", () => {
  const operator = node("Add", ["a", "b"], { broadcast: int(1), axis: int(2) });
  expect(() => resultOf(operator, { a: matrix, b: float32([1]) }, 6)).toThrow(DataError);
  expect(() => resultOf(operator, { a: matrix, b: float32([1]) }, 6)).toThrow(/does not fit at axis 2/);
});

it("Cast names its type", () => {
  expect(resultOf(node("Cast", ["a"], { to: string("INT32") }), { a: float32([1.5, -2.5]) }, 1)).toEqual([
    1, -2,
  ]);
  expect(resultOf(node("Cast", ["a"], { to: string("FLOAT") }), { a: int64([3]) }, 1)).toEqual([3]);
  expect(() => resultOf(node("Cast", ["a"], { to: string("STRING") }), { a: int64([3]) }, 1)).toThrow(
    /element type string/,
  );
});

it("PRelu has a slope for each channel", () => {
  const x = float32([-1, -2, -3, 4], [1, 2, 2]);
  expect(resultOf(node("PRelu", ["a", "b"]), { a: x, b: float32([0.5, 2]) }, 6)).toEqual([-0.5, -1, -6, 4]);
});

it("Concat joins along axis 1, Pad, Reshape and Split have attributes, Tile an axis", () => {
  const join = node("Concat", ["a", "a"]);
  expect(resultOf(join, { a: matrix }, 1)).toEqual([1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]);
  const pad = node("Pad", ["a"], { paddings: ints([0, 1, 0, 0]), value: float(9) });
  expect(resultOf(pad, { a: matrix }, 1)).toEqual([9, 1, 2, 3, 9, 4, 5, 6]);
  const flat = node("Reshape", ["a"], { shape: ints([-1]) });
  expect(resultOf(flat, { a: matrix }, 1)).toEqual([1, 2, 3, 4, 5, 6]);
  const tile = node("Tile", ["a", "n", "d"]);
  expect(resultOf(tile, { a: matrix }, 1, { n: int64([2]), d: int64([1]) })).toEqual([
    1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6,
  ]);
  const split = node("Split", ["a", "s"], { axis: int(1) }, ["z", "y"]);
  expect(resultOf(split, { a: matrix }, 1, { s: int64([1, 2]) })).toEqual([2, 3, 5, 6]);
});

it("Upsample has scales of height and width, and the order of a pooling is a float", () => {
  const image = float32([1, 2], [1, 1, 1, 2]);
  const up = node("Upsample", ["a"], {
    height_scale: float(2),
    width_scale: float(1),
    mode: string("nearest"),
  });
  expect(resultOf(up, { a: image }, 1)).toEqual([1, 2, 1, 2]);
  const smooth = node("Upsample", ["a"], { width_scale: float(2), mode: string("bilinear") });
  expect(resultOf(smooth, { a: image }, 1)).toEqual([1, 1.5, 2, 2]);
  const pool = node("GlobalLpPool", ["a"], { p: float(1) });
  expect(resultOf(pool, { a: image }, 1)).toEqual([3]);
});

it("Selu has rounded defaults", () => {
  expect(resultOf(node("Selu", ["a"]), { a: float32([2]) }, 1)[0]).toBeCloseTo(2 * 1.0507, 6);
});

const ones = { w: float32([1, 2]), b: float32([0, 1]), m: float32([1, 1]), v: float32([4, 1]) };

it("BatchNormalization and Dropout say whether they test", () => {
  const norm = (is: number) =>
    node("BatchNormalization", ["a", "w", "b", "m", "v"], { is_test: int(is), epsilon: float(0) });
  const x = float32([3, 5, 7, 9], [2, 2]);
  // (x - 1) / sqrt(v) * w + b
  expect(resultOf(norm(1), { a: x, ...ones }, 6)).toEqual([1, 9, 3, 17]);
  // Channel 0 has the mean 5 and the deviation 2, channel 1 the mean 7 and the deviation 2.
  expect(resultOf(norm(0), { a: x, ...ones }, 6)).toEqual([-1, -1, 1, 3]);
  const drop = (is: number) => node("Dropout", ["a"], { is_test: int(is) });
  expect(resultOf(drop(1), { a: matrix }, 6)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(() => resultOf(drop(0), { a: matrix }, 6)).toThrow(/drops units at random/);
});

it("BatchNormalization can have statistics for each position", () => {
  const norm = node("BatchNormalization", ["a", "w", "b", "m", "v"], { spatial: int(0), epsilon: float(0) });
  const position = (values: number[]) => float32(values, [1, 2]);
  const inputs = {
    a: float32([3, 5], [1, 1, 2]),
    w: position([1, 2]),
    b: position([0, 1]),
    m: position([1, 1]),
    v: position([4, 1]),
  };
  expect(resultOf(norm, inputs, 7)).toEqual([1, 9]);
  expect(() => resultOf(norm, inputs, 6)).toThrow(/statistics of the batch; export the model for inference/);
});
