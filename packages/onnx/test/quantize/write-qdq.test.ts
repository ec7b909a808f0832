import type { NdArray } from "isoloss";
import { float, int, type OnnxNode } from "isoloss/internal";
import { decodeModel } from "isoloss/onnx";
import { normal, optimizedGraph, rangesOf, writtenQdq } from "isoloss-test-support/compress/quantize/support";
import { Builder, opened } from "isoloss-test-support/model-file/builder";
import {
  type Arrays,
  fileOf,
  float32,
  node,
  runImported,
  runOrt,
} from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { graph, ints } from "../../../core/src/runtime/onnx/schema.js";
import { type QdqSettings, quantizableValues, writeQdq } from "../../src/quantize/write-qdq.js";

const settings: QdqSettings = {
  weights: { bits: 8, per: "channel" },
  activations: "uint8",
  leave: new Set(),
};

const relative = (a: NdArray, b: NdArray): number => {
  const square = (f: (i: number) => number) => [...b.data].reduce<number>((sum, _, i) => sum + f(i) ** 2, 0);
  return Math.sqrt(square((i) => Number(a.data[i]) - Number(b.data[i])) / square((i) => Number(b.data[i])));
};

/** Quantizes a file by the ranges of a batch, on which both runtimes then have nearly its results. */
async function quantizedFile(bytes: Uint8Array, inputs: Arrays, own: Partial<QdqSettings> = {}) {
  const file = writtenQdq(bytes, await rangesOf(bytes, inputs), { ...settings, ...own });
  const [before, after] = [await runOrt(bytes, inputs), await runOrt(file.bytes, inputs)];
  const ours = runImported(file.bytes, inputs);
  for (const [name, value] of Object.entries(before)) {
    expect(after[name].shape).toEqual(value.shape);
    expect(relative(after[name], value)).toBeLessThan(0.05);
    expect(relative(ours[name], after[name])).toBeLessThan(0.01);
  }
  const kernels = (await optimizedGraph(file.bytes)).nodes.map(({ opType }) => opType);
  return {
    ...file,
    kernels,
    runs: kernels.filter((name) => /^(QGemm|QLinear|MatMulInteger)/.test(name)),
    graph: decodeModel(file.bytes).graph,
  };
}

const image = { x: normal(1, [2, 3, 8, 8]) };

describe("a quantized file", () => {
  it("has results of a convolution that others read, too, as outputs", async () => {
    const w = normal(2, [4, 3, 1, 1]);
    const nodes = [
      node("Conv", ["x", "w"], {}, ["y"]),
      node("Relu", ["y"], {}, ["r"]),
      node("Conv", ["r", "v"], {}, ["z"]),
    ];
    const initializers = { w, v: normal(3, [4, 4, 1, 1]) };
    const file = fileOf({ inputs: image, initializers, nodes, outputs: ["y", "z"] });
    const { runs } = await quantizedFile(file, image);
    expect(runs).toEqual(["QLinearConv", "QLinearConv"]);
  });

  it("leaves what is named float, by the name that a report has of it", async () => {
    const b = new Builder({ seed: 1 });
    const first = b.node("Relu", [b.product("x", 8, 8)]);
    const second = b.node("Relu", [b.product(first, 8, 8)]);
    const file = b.bytes(["n", 8], b.linear(second, 8, 3));
    const x = normal(1, [4, 8]);
    const all = await quantizedFile(file, { x });
    expect(all.runs).toEqual(["QGemm", "QGemm", "QGemm"]);
    const leave = new Set([all.report.nodes[1].node]);
    const { runs, report } = await quantizedFile(file, { x }, { leave });
    expect(runs).toEqual(["QGemm", "QGemm"]);
    expect(report.nodes[1]).toMatchObject({ bits: 32, note: "it is to stay float" });
  });

  it.each([[[1, 1, 6]], [[1, 1, 1]], [[1, 6]], [[1]]])(
    "has the axes that a bias of the shape %j gives a product",
    async (shape) => {
      const file = fileOf({
        inputs: { x: normal(1, [4, 8]) },
        initializers: { w: normal(2, [8, 6]), b: normal(3, shape), v: normal(4, [6, 5]) },
        nodes: [
          node("MatMul", ["x", "w"], {}, ["p"]),
          node("Add", ["p", "b"], {}, ["h"]),
          node("MatMul", ["h", "v"]),
        ],
      });
      await quantizedFile(file, { x: normal(5, [4, 8]) });
    },
  );

  it("has weights that a Transpose makes of stored ones", async () => {
    const file = fileOf({
      inputs: { x: normal(1, [4, 8]) },
      initializers: { w: normal(2, [6, 8]), v: normal(3, [5, 6]) },
      nodes: [
        node("Transpose", ["w"], {}, ["wt"]),
        node("Transpose", ["v"], { perm: ints([1, 0]) }, ["vt"]),
        node("MatMul", ["x", "wt"], {}, ["h"]),
        node("Gemm", ["h", "vt"]),
      ],
    });
    const { runs, graph } = await quantizedFile(file, { x: normal(5, [4, 8]) });
    expect(runs).toEqual(["QLinearMatMul", "QGemm"]);
    expect(graph.nodes.filter(({ opType }) => opType === "Transpose")).toHaveLength(0);
  });

  it("has a Clip to -1 and 1 done by the rounding", async () => {
    const b = new Builder({ seed: 1 });
    const own = b.clip(b.conv("x", 3, 4, { bias: true }), -1, 1);
    const { kernels } = await quantizedFile(b.bytes([2, 3, 8, 8], b.conv(own, 4, 4)), image);
    expect(kernels).toEqual(["QuantizeLinear", "QLinearConv", "QLinearConv", "DequantizeLinear"]);
  });

  it("keeps a Clip that has no 0 between its bounds", async () => {
    const b = new Builder({ seed: 1 });
    const own = b.clip(b.conv("x", 3, 4, { bias: true }), 0.5, 1);
    const { kernels } = await quantizedFile(b.bytes([2, 3, 8, 8], b.conv(own, 4, 4)), image);
    expect(kernels).toContain("Clip");
  });

  it("keeps a constant that a Clip reads, too", async () => {
    const b = new Builder({ seed: 1 });
    const six = b.constant("six", float32([0.6], []));
    const zero = b.constant("zero", float32([0], []));
    const x = b.node("Clip", [b.conv("x", 3, 4, { bias: true }), zero, six]);
    const scaled = b.node("Mul", [x, six]);
    const { kernels } = await quantizedFile(b.bytes([2, 3, 8, 8], b.conv(scaled, 4, 4)), image);
    expect(kernels).not.toContain("Clip");
    expect(kernels).toContain("QLinearMul");
  });

  it("of an old operator set has attributes as operands", async () => {
    const b = new Builder({ seed: 1, opset: 9 });
    const x = b.clip(b.conv("x", 3, 4, { bias: true }));
    const { graph: own, kernels } = await quantizedFile(b.bytes([2, 3, 8, 8], b.conv(x, 4, 4)), image);
    expect(own.nodes.find(({ opType }) => opType === "Clip")?.attributes).toEqual({});
    expect(kernels).toEqual(["QuantizeLinear", "QLinearConv", "QLinearConv", "DequantizeLinear"]);
  });

  it("of an old operator set may have a softmax of several axes", async () => {
    const nodes = [
      node("Conv", ["x", "w"], {}, ["c"]),
      node("Softmax", ["c"], { axis: int(2) }, ["s"]),
      node("Conv", ["s", "v"]),
    ];
    const initializers = { w: normal(2, [4, 3, 1, 1]), v: normal(3, [4, 4, 1, 1]) };
    const file = fileOf({ inputs: image, initializers, nodes, opset: 11 });
    expect(quantizableValues(opened(file))).toEqual(["x", "c", "s", "y"]);
    const { kernels } = await quantizedFile(file, image);
    expect(kernels).toContain("QLinearSoftmax");
  });

  it("shares a weight of two layers", async () => {
    const nodes = [
      node("Conv", ["x", "w", "b"], {}, ["z"]),
      node("Relu", ["z"], {}, ["r"]),
      node("Conv", ["r", "w", "b"]),
    ];
    const initializers = { w: normal(2, [3, 3, 1, 1]), b: normal(3, [3]) };
    const { graph: own, runs } = await quantizedFile(fileOf({ inputs: image, initializers, nodes }), image);
    expect(runs).toEqual(["QLinearConv", "QLinearConv"]);
    // The biases have scales of their own, as the operands have.
    const names = own.initializers.filter(({ dtype }) => dtype === "int8").map(({ name }) => name);
    expect(names).toEqual(["w_quantized", "w_zero_point"]);
    expect(own.initializers.filter(({ name }) => /^b.*quantized/.test(name))).toHaveLength(2);
  });

  it("takes the factors of a Gemm into its numbers", async () => {
    const x = normal(1, [4, 8]);
    const nodes = [
      node("Gemm", ["x", "w", "b"], { alpha: float(0.5), beta: float(2) }, ["z"]),
      node("Relu", ["z"], {}, ["r"]),
      node("Gemm", ["r", "v"]),
    ];
    const initializers = { w: normal(2, [8, 8]), b: normal(3, [8]), v: normal(4, [8, 2]) };
    const { runs } = await quantizedFile(fileOf({ inputs: { x }, initializers, nodes }), { x });
    expect(runs).toEqual(["QGemm", "QGemm"]);
  });

  it("stores the weights of a ConvTranspose, which runs with floats", async () => {
    const b = new Builder({ seed: 1 });
    const up = b.node("Relu", [b.convTranspose(b.conv("x", 3, 4), 4, 4, { group: 2, bias: true })]);
    const { report, graph: own } = await quantizedFile(b.bytes([2, 3, 8, 8], b.conv(up, 4, 2)), image);
    expect(report.nodes[1]).toMatchObject({
      opType: "ConvTranspose",
      note: "its weight alone is rounded",
      bits: 8,
    });
    expect(own.initializers.filter(({ dtype }) => dtype === "int8")).toHaveLength(6);
  });

  it.each([
    ["of open sizes", "n", "MatMulIntegerToFloat"],
    ["of known sizes", 2, "QGemm"],
  ])("adds the bias of a product of several axes %s in 32 bits", async (_, size, kernel) => {
    const x = normal(1, [2, 5, 8]);
    const b = new Builder({ seed: 1 });
    const hidden = b.node("Relu", [b.product("x", 8, 8)]);
    const file = b.bytes([size, 5, 8], b.product(hidden, 8, 2, { bias: false }));
    const { runs, kernels, graph: own } = await quantizedFile(file, { x });
    expect(runs).toEqual([kernel, "MatMulIntegerToFloat"]);
    expect(kernels).not.toContain("Gemm");
    expect(
      own.initializers.filter(({ dtype, shape }) => dtype === "int32" && shape.length === 1),
    ).toHaveLength(2);
  });

  it("leaves a graph inside a node alone, and its values float", async () => {
    const branch = (name: string, nodes: readonly OnnxNode[]) =>
      graph({
        name,
        inputs: [],
        outputs: [{ name: `${name}_y`, dtype: "float32" }],
        initializers: [],
        nodes,
      });
    const nodes = [
      node("Conv", ["x", "w"], {}, ["c"]),
      node("ReduceMax", ["c"], { keepdims: int(0) }, ["m"]),
      node("Less", ["zero", "m"], {}, ["more"]),
      node("If", ["more"], {
        then_branch: branch("a", [node("Relu", ["c"], {}, ["a_y"])]),
        else_branch: branch("b", [node("Neg", ["c"], {}, ["b_y"])]),
      }),
    ];
    const initializers = { w: normal(2, [4, 3, 1, 1]), zero: float32([0], []) };
    const { runs } = await quantizedFile(fileOf({ inputs: image, initializers, nodes }), image);
    expect(runs).toEqual(["QLinearConv"]);
  });

  it("has numbers for any size of a batch", async () => {
    const b = new Builder({ seed: 1 });
    const file = b.bytes(["n", 3, "h", "w"], b.conv(b.node("Relu", [b.conv("x", 3, 4)]), 4, 2));
    const { bytes } = await quantizedFile(file, image);
    expect((await runOrt(bytes, { x: normal(5, [7, 3, 5, 4]) })).y.shape).toEqual([7, 2, 5, 4]);
  });
});

describe("a bias beyond 32 bits", () => {
  /** The first filter has next to no weights, and a bias. */
  const initializers = {
    w: { ...normal(2, [2, 3, 1, 1]), data: Float32Array.of(1e-12, 0, 0, 0.5, -0.3, 0.8) },
    b: float32([3, 0.1]),
    v: normal(4, [2, 2, 1, 1]),
  };
  const nodes = [node("Conv", ["x", "w", "b"], {}, ["c"]), node("Conv", ["c", "v"])];
  const file = fileOf({ inputs: image, initializers, nodes });

  it("raises the scale of its channel's weights, which is counted", async () => {
    const { report, graph: own } = await quantizedFile(file, image);
    expect(report.raisedScales).toBe(1);
    const bias = own.initializers.find(({ name }) => name === "b_quantized");
    // Half of the integers is left to the sum of products.
    expect(Math.abs(Number(bias?.data[0]) - 2 ** 30)).toBeLessThan(2 ** 10);
  });

  it("needs no other scale where the tensor has one", async () => {
    const { report } = await quantizedFile(file, image, { weights: { bits: 8, per: "tensor" } });
    expect(report.raisedScales).toBe(0);
  });

  it.each([
    ["raises the scale of weights that were rounded for a smaller bias", [0, 0.1], [3, 0.1]],
    ["raises no scale of weights that were rounded for a larger bias", [3, 0.1], [0, 0.1]],
  ])("%s", async (_, first, second) => {
    const of = (b: readonly number[]) =>
      fileOf({ inputs: image, initializers: { ...initializers, b: float32(b) }, nodes });
    const { weights } = writeQdq(opened(of(first)), await rangesOf(of(first), image), settings);
    const rounded = new Map(weights.map(({ key, stored }) => [key, stored]));
    const own = await quantizedFile(of(second), image, { weights: { ...settings.weights, rounded } });
    expect(own.graph).toEqual((await quantizedFile(of(second), image)).graph);
  });

  it("leaves other channels' integers as they were rounded", async () => {
    const { weights } = writeQdq(opened(file), await rangesOf(file, image), settings);
    const [{ key, stored }] = weights;
    const integers = stored.integers.map((q) => q - 1);
    const rounded = new Map([
      [key, { integers, scales: Float32Array.of(1e-20, stored.scales[1]), raised: 0 }],
    ]);
    const own = await quantizedFile(file, image, { weights: { ...settings.weights, rounded } });
    const { data } = own.graph.initializers.find(({ name }) => name === "w_quantized") ?? {};
    expect(data).toEqual(Int8Array.of(...stored.integers.slice(0, 3), ...integers.slice(3)));
  });

  it("raises nothing for a filter of zeros", async () => {
    const zeros = {
      ...initializers,
      w: { ...initializers.w, data: Float32Array.of(0, 0, 0, 0.5, -0.3, 0.8) },
    };
    const { report } = await quantizedFile(fileOf({ inputs: image, initializers: zeros, nodes }), image);
    expect(report.raisedScales).toBe(0);
  });
});

describe("what is refused", () => {
  const b = new Builder({ seed: 1 });
  const file = b.bytes(["n", 3, 8, 8], b.conv("x", 3, 4));
  const ranges = new Map([
    ["x", { min: -3, max: 3 }],
    ["y", { min: -5, max: 5 }],
  ]);

  it.each<[string, QdqSettings, RegExp]>([
    [
      "4 bits with activations",
      { ...settings, weights: { bits: 4, per: "channel" } },
      /weights of 4 bits are for activations: "none"/,
    ],
    [
      "blocks with activations",
      { ...settings, weights: { bits: 8, per: "block" } },
      /weights in blocks are for activations: "none"/,
    ],
    [
      "uint8 weights with int8 activations",
      { ...settings, activations: "int8", weights: { bits: 8, per: "channel", type: "uint8" } },
      /int8 activations need int8 weights/,
    ],
  ])("%s", (_, own, message) => {
    expect(() => writtenQdq(file, ranges, own)).toThrow(message);
  });

  it.each([undefined, { min: 1, max: -1 }, { min: Number.NaN, max: 1 }, { min: 0, max: Infinity }])(
    "a value of the range %o",
    (range) => {
      const own = new Map([...ranges, ...(range ? ([["y", range]] as const) : [])]);
      if (range === undefined) own.delete("y");
      expect(() => writtenQdq(file, own, settings)).toThrow(/the value "y" needs a range of finite numbers/);
    },
  );

  it("a file that is quantized", () => {
    const { bytes } = writtenQdq(file, ranges, settings);
    expect(() => writtenQdq(bytes, ranges, settings)).toThrow(/quantized already: it has a DequantizeLinear/);
    expect(() => quantizableValues(opened(bytes))).toThrow(/quantizeModel: the file is quantized already/);
  });

  it("an old file with graphs inside", () => {
    const inner = graph({ name: "a", inputs: [], outputs: [], initializers: [], nodes: [] });
    const nodes = [node("If", ["x"], { then_branch: inner, else_branch: inner })];
    const old = fileOf({ inputs: { x: float32([1]) }, nodes, opset: 11 });
    expect(() => writtenQdq(old, ranges, settings)).toThrow(
      /of operator set 11; 13 is needed, and its If "y" is not converted: it has graphs inside/,
    );
  });

  it("nothing of a file without layers, which stays as it is", () => {
    const nodes = [node("MaxPool", ["x"], { kernel_shape: ints([2, 2]) })];
    const { bytes, report } = writtenQdq(fileOf({ inputs: image, nodes }), new Map(), settings);
    expect(report).toEqual({ nodes: [], scales: new Map(), raisedScales: 0 });
    expect(decodeModel(bytes).graph.nodes).toHaveLength(1);
  });
});
