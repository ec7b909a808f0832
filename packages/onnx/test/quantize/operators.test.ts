// Each operator that is said to run on integers, between two layers, does so in ONNX Runtime.

import { float, int, string } from "isoloss/internal";
import { normal, optimizedGraph, rangesOf, writtenQdq } from "isoloss-test-support/compress/quantize/support";
import { Builder } from "isoloss-test-support/model-file/builder";
import { float32, int64, runImported, runOrt } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { ints } from "../../../core/src/runtime/onnx/schema.js";
import { integerOperators } from "../../src/quantize/plan.js";

/** Makes a value of 4 channels from two of 4 channels and 8 by 8 places. */
type Between = (b: Builder, x: string, other: () => string) => string;

const images: Readonly<Record<string, Between>> = {
  Add: (b, x, other) => b.node("Add", [x, other()]),
  "Add of a constant": (b, x) => b.node("Add", [x, b.constant("c", normal(9, [4, 8, 8]))]),
  "Add of a value to itself": (b, x) => b.node("Add", [x, x]),
  AveragePool: (b, x) => b.node("AveragePool", [x], { kernel_shape: ints([2, 2]) }),
  Concat: (b, x, other) => b.node("Concat", [x, other()], { axis: int(2) }),
  "Concat with a constant": (b, x) =>
    b.node("Concat", [x, b.constant("c", normal(9, [1, 4, 2, 8]))], { axis: int(2) }),
  DepthToSpace: (b, x) => b.conv(b.node("DepthToSpace", [x], { blocksize: int(2) }), 1, 4),
  Flatten: (b, x) => b.node("Reshape", [b.node("Flatten", [x]), b.constant("s", int64([1, 4, 8, 8]))]),
  Gather: (b, x) => b.node("Gather", [x, b.constant("i", int64([0, 2, 4]))], { axis: int(2) }),
  GlobalAveragePool: (b, x) => b.node("GlobalAveragePool", [x]),
  LeakyRelu: (b, x) => b.node("LeakyRelu", [x], { alpha: float(0.1) }),
  MatMul: (b, x, other) => b.node("MatMul", [x, other()]),
  MaxPool: (b, x) => b.node("MaxPool", [x], { kernel_shape: ints([3, 3]), strides: ints([2, 2]) }),
  Mul: (b, x, other) => b.node("Mul", [x, other()]),
  "Mul of a value by itself": (b, x) => b.node("Mul", [x, x]),
  "Mul by a constant": (b, x) => b.node("Mul", [x, b.constant("c", float32([0.3], []))]),
  Reshape: (b, x) => b.node("Reshape", [x, b.constant("s", int64([0, 4, 4, -1]))]),
  Resize: (b, x) =>
    b.node("Resize", [x, "", b.constant("s", float32([1, 1, 2, 2]))], { mode: string("nearest") }),
  Sigmoid: (b, x) => b.node("Sigmoid", [x]),
  Slice: (b, x) =>
    b.node("Slice", [
      x,
      b.constant("s", int64([1])),
      b.constant("e", int64([7])),
      b.constant("a", int64([3])),
    ]),
  Softmax: (b, x) => b.node("Softmax", [x]),
  "Softmax of channels": (b, x) => b.node("Softmax", [x], { axis: int(1) }),
  Squeeze: (b, x) => {
    const wide = b.node("Unsqueeze", [x, b.constant("a", int64([2]))]);
    return b.node("Squeeze", [wide, b.constant("a", int64([2]))]);
  },
  Transpose: (b, x) => b.node("Transpose", [x], { perm: ints([0, 1, 3, 2]) }),
};

async function reportAndKernels(bytes: Uint8Array, shape: readonly number[]) {
  const ranges = await rangesOf(bytes, { x: normal(2, shape) });
  const settings = {
    weights: { bits: 8, per: "channel" },
    activations: "uint8",
    leave: new Set<string>(),
  } as const;
  const { bytes: quantized, report } = writtenQdq(bytes, ranges, settings);
  const graph = await optimizedGraph(quantized);
  const inputs = { x: normal(2, shape) };
  const [ours, theirs] = [runImported(quantized, inputs).y, (await runOrt(quantized, inputs)).y];
  const exact = (await runOrt(bytes, inputs)).y;
  const square = (f: (i: number) => number) =>
    [...exact.data].reduce<number>((sum, _, i) => sum + f(i) ** 2, 0);
  const at = ({ data }: typeof exact, i: number) => Number(data[i]);
  return {
    report,
    kernels: graph.nodes.map(({ opType }) => opType),
    /** Error of the quantized file, and that of one runtime against the other, relative to the result. */
    error: Math.sqrt(square((i) => at(theirs, i) - at(exact, i)) / square((i) => at(exact, i))),
    apart: Math.sqrt(square((i) => at(theirs, i) - at(ours, i)) / square((i) => at(exact, i))),
  };
}

describe.each(Object.entries(images))("%s", (_, between) => {
  it("runs on integers between convolutions", async () => {
    const b = new Builder({ seed: 5 });
    const branch = () => b.conv("x", 3, 4, { bias: true });
    const own = b.conv(between(b, branch(), branch), 4, 2, { bias: true });
    const file = b.bytes([1, 3, 8, 8], own);
    const { report, kernels, error, apart } = await reportAndKernels(file, [1, 3, 8, 8]);
    // The last convolution's result becomes float again.
    const converting = kernels.filter((name) => /^(De)?[Qq]uantizeLinear$/.test(name));
    expect(converting).toEqual(["QuantizeLinear", "DequantizeLinear"]);
    expect(kernels).toHaveLength(report.nodes.length + 2);
    expect(error).toBeLessThan(0.05);
    expect(apart).toBeLessThan(0.01);
  });
});

const places: Readonly<Record<number, readonly number[]>> = { 1: [16], 3: [4, 4, 4] };

it.each([1, 3])("convolutions and pools along %i axes run on integers", async (axes) => {
  const b = new Builder({ seed: 5 });
  const ones = Array<number>(axes).fill(1);
  const conv = (x: string, from: number, to: number) =>
    b.node("Conv", [x, b.weights("w", [to, from, ...ones]), b.weights("b", [to], 0.1)]);
  const kernel = { kernel_shape: ints(Array(axes).fill(2)) };
  const first = b.node("Relu", [conv("x", 3, 4)]);
  const second = conv(b.node("MaxPool", [first], kernel), 4, 4);
  const third = conv(b.node("AveragePool", [second], kernel), 4, 4);
  const pool = b.node("Flatten", [b.node("GlobalAveragePool", [third])]);
  const shape = [2, 3, ...places[axes]];
  const { kernels, error } = await reportAndKernels(b.bytes(shape, b.linear(pool, 4, 2)), shape);
  expect([...kernels].sort()).toEqual([
    ...["Flatten", "MaxPool", "QGemm", "QLinearAveragePool", "QLinearConv", "QLinearConv", "QLinearConv"],
    ...["QLinearGlobalAveragePool", "QuantizeLinear"],
  ]);
  expect(error).toBeLessThan(0.05);
});

it("Split runs on integers where all its parts are taken", async () => {
  const b = new Builder({ seed: 5 });
  const x = b.conv("x", 3, 4, { bias: true });
  const sizes = b.constant("sizes", int64([1, 3]));
  const parts = b.nodes("Split", [x, sizes], 2, { axis: int(1) });
  const joined = b.node("Concat", [b.conv(parts[0], 1, 2), b.conv(parts[1], 3, 2)], { axis: int(1) });
  const file = b.bytes([1, 3, 8, 8], b.conv(joined, 4, 2));
  const { report, kernels, error } = await reportAndKernels(file, [1, 3, 8, 8]);
  expect(kernels.filter((name) => !name.includes("uantizeLinear"))).toHaveLength(report.nodes.length);
  expect(kernels).not.toContain("Conv");
  expect(kernels).toContain("Split");
  expect(error).toBeLessThan(0.05);
});

it("a Gemm with its operand transposed runs on integers", async () => {
  const b = new Builder({ seed: 5 });
  const w = b.weights("w", [8, 4]);
  const file = b.bytes([8, 3], b.node("Gemm", ["x", w, b.weights("b", [4])], { transA: int(1) }));
  const { kernels, error } = await reportAndKernels(file, [8, 3]);
  expect(kernels).toEqual(["QuantizeLinear", "QGemm"]);
  expect(error).toBeLessThan(0.05);
});

it("Resize between places stays float", async () => {
  const b = new Builder({ seed: 5 });
  const scales = b.constant("scales", float32([1, 1, 2, 2]));
  const large = b.node("Resize", [b.conv("x", 3, 4), "", scales], { mode: string("linear") });
  const file = b.bytes([1, 3, 8, 8], b.conv(large, 4, 2));
  const { report, kernels, error } = await reportAndKernels(file, [1, 3, 8, 8]);
  expect(report.nodes.map(({ opType }) => opType)).toEqual(["Conv", "Conv"]);
  expect(kernels).toContain("Resize");
  expect(error).toBeLessThan(0.05);
});

it("every operator of the table is tested", () => {
  const named = [...Object.keys(images), "Split", "Unsqueeze"];
  expect([...integerOperators.keys()].filter((name) => !named.includes(name))).toEqual([]);
});
