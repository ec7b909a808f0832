import { float, int, type OnnxNode, tensor } from "isoloss/internal";
import { decodeModel } from "isoloss/onnx";
import { exactResult, normal, optimizedGraph } from "isoloss-test-support/compress/quantize/support";
import { Builder } from "isoloss-test-support/model-file/builder";
import {
  fileOf,
  float32,
  int64,
  node,
  runImported,
  runOrt,
  tensorOf,
} from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { quantizeModel } from "../../src/quantize/quantize-model.js";
import { type QuantizeWeightsOptions, quantizeWeights } from "../../src/quantize/quantize-weights.js";
import { expectSameInBoth, largestDifference, networkEntries } from "./quantize-weights-support.js";

/** A stored tensor as numbers. */
function stored(bytes: Uint8Array, name: string) {
  const own = decodeModel(bytes).graph.initializers.find((t) => t.name === name);
  if (own === undefined) throw new Error(`No tensor ${name}.`);
  return { dtype: own.dtype, shape: own.shape, data: Array.from(own.data as Int8Array, Number) };
}

expectSameInBoth(networkEntries.slice(0, 2));

describe("the integers of a weight", () => {
  const x = normal(1, [2, 4]);
  const w = float32([127, 2, -60, 1, 0, -4, 1, 3.1], [4, 2]);
  const product = fileOf({ inputs: { x }, initializers: { w }, nodes: [node("MatMul", ["x", "w"])] });

  it("are w / s for each channel, by hand", () => {
    const { bytes } = quantizeWeights(product);
    // s = [127 / 127, 4 / 127]; 2 / s = 63.5, 1 / s = 31.75, 3.1 / s = 98.4.
    expect(stored(bytes, "w_scale")).toEqual({
      dtype: "float32",
      shape: [2],
      data: [1, Math.fround(4 / 127)],
    });
    expect(stored(bytes, "w_quantized")).toEqual({
      dtype: "int8",
      shape: [4, 2],
      data: [127, 64, -60, 32, 0, -127, 1, 98],
    });
  });

  it("of 4 bits with one scale are of 7 steps to each side", () => {
    const { bytes } = quantizeWeights(product, { bits: 4, per: "tensor" });
    // s = 127 / 7; 60 / s = 3.3.
    const { dtype, data } = stored(bytes, "w_quantized");
    expect([dtype, data.map((q) => q + 0)]).toEqual(["int4", [7, 0, -3, 0, 0, 0, 0, 0]]);
    expect(decodeModel(bytes).opsets).toEqual([{ domain: "", version: 21 }]);
  });

  it("have a scale for each block of inputs, the last of which may be shorter", () => {
    const wide = normal(5, [40, 3]);
    const file = fileOf({
      inputs: { x: normal(1, [2, 40]) },
      initializers: { w: wide },
      nodes: [node("MatMul", ["x", "w"])],
    });
    const { bytes } = quantizeWeights(file, { bits: 4, blockSize: 16 });
    const [scale, own] = [stored(bytes, "w_scale"), stored(bytes, "w_quantized")];
    expect(scale.shape).toEqual([3, 3]);
    for (let block = 0; block < 3; block++) {
      for (let column = 0; column < 3; column++) {
        const rows = Array.from({ length: 40 }, (_, k) => k).filter((k) => Math.floor(k / 16) === block);
        const numbers = rows.map((k) => Number(wide.data[3 * k + column]));
        const s = scale.data[3 * block + column];
        expect(s).toBe(Math.fround(Math.max(...numbers.map(Math.abs)) / 7));
        rows.forEach((k, i) => {
          expect(Math.abs(s * own.data[3 * k + column] - numbers[i])).toBeLessThanOrEqual(0.50001 * s);
        });
      }
    }
  });
});

describe("layers", () => {
  const x = normal(1, [3, 4]);
  const w = normal(2, [4, 4]);

  const check = async (file: Uint8Array, options: QuantizeWeightsOptions = {}) => {
    const { bytes, report } = quantizeWeights(file, options);
    const float = runImported(file, { x }).y;
    const own = runImported(bytes, { x }).y;
    const largest = Math.max(...[...float.data].map((y) => Math.abs(Number(y))));
    expect(largestDifference([...own.data].map(Number), float)).toBeLessThan(0.05 * largest);
    expect(largestDifference(await exactResult(bytes, { x }), own)).toBeLessThan(1e-5);
    const { initializers, nodes } = decodeModel(bytes).graph;
    return { report, nodes, stored: initializers.map(({ name, dtype }) => `${name} ${dtype}`) };
  };

  it("share a weight, which is stored once", async () => {
    const nodes = [node("MatMul", ["x", "w"], {}, ["z"]), node("MatMul", ["z", "w"])];
    const { stored: names } = await check(fileOf({ inputs: { x }, initializers: { w }, nodes }));
    expect(names).toEqual(["w_quantized int8", "w_scale float32", "w_zero_point int8"]);
  });

  it("share a weight along both axes, which is stored once for each", async () => {
    const nodes = [
      node("MatMul", ["x", "w"], {}, ["z"]),
      node("Gemm", ["z", "w"], { transA: int(1), transB: int(1) }, ["t"]),
      node("MatMul", ["x", "t"]),
    ];
    const square = normal(3, [4, 4]);
    const file = fileOf({ inputs: { x: square }, initializers: { w }, nodes });
    const { bytes, report } = quantizeWeights(file);
    expect(report.nodes.map(({ bits }) => bits)).toEqual([8, 8]);
    const kernels = (await optimizedGraph(bytes)).nodes.map(({ opType }) => opType);
    expect(kernels.filter((name) => name === "MatMulNBits")).toHaveLength(1);
    const own = runImported(bytes, { x: square }).y;
    expect(largestDifference(await exactResult(bytes, { x: square }), own)).toBeLessThan(1e-5);
  });

  it("have their weights in Constant nodes, which are no more", async () => {
    const constant: OnnxNode = {
      ...node("Constant", [], { value: tensor({ ...tensorOf("w", w), name: "" }) }, ["w"]),
    };
    const { nodes } = await check(fileOf({ inputs: { x }, nodes: [constant, node("MatMul", ["x", "w"])] }));
    expect(nodes.map(({ opType }) => opType)).toEqual(["DequantizeLinear", "MatMul"]);
  });

  it("that are to stay float do", async () => {
    const nodes = [node("MatMul", ["x", "w"], {}, ["z"]), node("MatMul", ["z", "v"])];
    const file = fileOf({ inputs: { x }, initializers: { w, v: normal(4, [4, 4]) }, nodes });
    const { report, stored: names } = await check(file, { leave: ["z"] });
    expect(names).toContain("w float32");
    expect(report.nodes).toEqual([
      { node: "z", opType: "MatMul", bits: 32, note: "it is to stay float" },
      { node: "y", opType: "MatMul", bits: 8 },
    ]);
  });

  it("whose weight something else reads, too, leave it there", async () => {
    const nodes = [node("MatMul", ["x", "w"], {}, ["z"]), node("MatMul", ["z", "sum"])];
    const sum = node("Add", ["w", "w"], {}, ["sum"]);
    const { stored: names } = await check(
      fileOf({ inputs: { x }, initializers: { w }, nodes: [sum, ...nodes] }),
    );
    expect(names).toContain("w float32");
  });

  it("with factors are multiplied by them first", async () => {
    const nodes = [node("Gemm", ["x", "w", "b"], { alpha: float(0.5), beta: float(-2) })];
    const file = fileOf({ inputs: { x }, initializers: { w, b: normal(3, [4]) }, nodes });
    const { report } = await check(file);
    expect(report.nodes).toEqual([{ node: "y", opType: "Gemm", bits: 8 }]);
  });

  it("with factors are left, and told, where something else reads the weight or they are to stay float", async () => {
    const nodes = [
      node("Gemm", ["x", "w"], { alpha: float(0.5) }, ["z"]),
      node("Gemm", ["z", "w"], {}, ["h"]),
      node("Gemm", ["h", "v"], { alpha: float(0.5) }),
    ];
    const file = fileOf({ inputs: { x }, initializers: { w, v: normal(4, [4, 4]) }, nodes });
    const { report } = await check(file, { leave: ["y"] });
    expect(report.nodes.map(({ bits, note }) => [bits, note])).toEqual([
      [32, "its alpha is not 1"],
      [8, undefined],
      [32, "its alpha is not 1"],
    ]);
  });

  it("that take rows of a matrix take those of its integers and scales", async () => {
    const rows = { x: int64([3, 0, 3, 1], [2, 2]) };
    const nodes = [
      node("Gather", ["table", "x"], {}, ["a"]),
      node("Neg", ["x"], {}, ["from-the-end"]),
      node("Gather", ["table", "from-the-end"], {}, ["b"]),
      node("Add", ["a", "b"]),
    ];
    const table = normal(7, [4, 6]);
    const file = fileOf({ inputs: rows, initializers: { table }, nodes });
    const { bytes, report } = quantizeWeights(file, { bits: 4 });
    expect(report.nodes).toEqual(
      ["a", "b"].map((name) => ({
        node: name,
        opType: "Gather",
        bits: 8,
        note: "8 bits: the rows of tables have no less",
      })),
    );
    const { initializers } = decodeModel(bytes).graph;
    expect(initializers.map(({ name, dtype }) => `${name} ${dtype}`)).toEqual([
      "table_quantized int8",
      "table_scale float32",
    ]);
    const [before, after] = [(await runOrt(file, rows)).y, (await runOrt(bytes, rows)).y];
    // Each of two rows differs by half a step of 3 / 127 or so.
    expect(largestDifference([...after.data].map(Number), before)).toBeLessThan(0.03);
    expect(largestDifference([...after.data].map(Number), runImported(bytes, rows).y)).toBeLessThan(1e-6);
    expect(quantizeWeights(file, { leave: ["a", "b"] }).report.nodes.map(({ bits }) => bits)).toEqual([
      32, 32,
    ]);
  });

  it("share a matrix with those that take its rows, which is stored for both", () => {
    const rows = { x: int64([3, 0, 3, 1]) };
    const nodes = [
      node("Gather", ["table", "x"], {}, ["a"]),
      node("Gemm", ["a", "table"], { transB: int(1) }),
    ];
    const initializers = { table: normal(7, [4, 6]) };
    const { bytes, report } = quantizeWeights(fileOf({ inputs: rows, initializers, nodes }));
    expect(report.nodes.map(({ opType, bits }) => [opType, bits])).toEqual([
      ["Gather", 8],
      ["Gemm", 8],
    ]);
    expect(decodeModel(bytes).graph.initializers.map(({ name }) => name)).not.toContain("table");
  });

  it("leave a matrix float of which others read more than rows", () => {
    const rows = { x: int64([3, 0, 3, 1]) };
    const nodes = [
      node("Gather", ["table", "x"], {}, ["a"]),
      node("Neg", ["table"], {}, ["n"]),
      node("Transpose", ["n"], {}, ["t"]),
      node("MatMul", ["a", "t"]),
    ];
    const initializers = { table: normal(7, [4, 6]) };
    expect(quantizeWeights(fileOf({ inputs: rows, initializers, nodes })).report.nodes).toEqual([]);
  });

  it("may have the transposed matrix of an embedding as their weight", async () => {
    const rows = { x: int64([3, 0, 3, 1]) };
    const nodes = [
      node("Gather", ["table", "x"], {}, ["a"]),
      node("Transpose", ["table"], {}, ["t"]),
      node("MatMul", ["a", "t"]),
    ];
    const before = fileOf({ inputs: rows, initializers: { table: normal(7, [4, 6]) }, nodes });
    const { bytes, report } = quantizeWeights(before);
    expect(report.nodes.map(({ opType, bits }) => [opType, bits])).toEqual([
      ["Gather", 8],
      ["MatMul", 8],
    ]);
    const [float, rounded] = [await runOrt(before, rows), await runOrt(bytes, rows)];
    const expected = Array.from<number | bigint, number>(float.y.data, Number);
    const largest = Math.max(...expected.map(Math.abs));
    for (const [i, v] of expected.entries()) {
      expect(Math.abs(v - Number(rounded.y.data[i]))).toBeLessThan(0.03 * largest);
    }
  });

  it("of few inputs keep 8 bits where others have 4 in blocks", () => {
    const b = new Builder();
    const wide = b.conv("x", 32, 16, { size: 3 });
    const file = b.bytes(["n", 32, 8, 8], b.conv(wide, 16, 16, { size: 3, group: 16 }));
    expect(quantizeWeights(file, { bits: 4 }).report.nodes.map(({ bits }) => bits)).toEqual([4, 8]);
  });
});

it.each<[QuantizeWeightsOptions, number]>([
  [{}, 0.26],
  [{ bits: 4 }, 0.165],
  [{ bits: 4, per: "channel" }, 0.135],
])("with %o a file is %f times as large", (options, share) => {
  const b = new Builder();
  const file = b.bytes(["n", 256], b.linear("x", 256, 256));
  expect(quantizeWeights(file, options).bytes.length).toBeLessThan(share * file.length);
});

it.each<[QuantizeWeightsOptions, RegExp]>([
  [{ blockSize: 24 }, /blockSize must be one of 16, 32, 64, 128, 256; got 24/],
  [{ leave: ["z"] }, /leave has "z", which is the result of no layer; layers make y/],
  [{ bits: 5 as 4 }, /bits must be one of 8, 4; got 5/],
])("refuses the options %o", (options, message) => {
  const b = new Builder();
  const file = b.bytes(["n", 4], b.linear("x", 4, 4));
  expect(() => quantizeWeights(file, options)).toThrow(message);
});

it("refuses a file that is quantized already", () => {
  const b = new Builder();
  const { bytes } = quantizeWeights(b.bytes(["n", 4], b.linear("x", 4, 4)));
  expect(() => quantizeWeights(bytes)).toThrow(/quantized already: it has a DequantizeLinear/);
});

it.each([NaN, Infinity])("refuses %s as a weight, for which no integer stands", (number) => {
  const w = float32([1, 2, number, 4], [2, 2]);
  const product = { inputs: { x: float32([1, 2], [1, 2]) }, initializers: { w } };
  for (const own of [node("MatMul", ["x", "w"]), node("Gemm", ["x", "w"], { transB: int(1) })]) {
    const file = fileOf({ ...product, nodes: [own] });
    expect(() => quantizeWeights(file)).toThrow(
      `The weight "w" cannot be quantized: its element 2 is ${number}`,
    );
  }
  const rows = { inputs: { x: int64([0]) }, initializers: { w }, nodes: [node("Gather", ["w", "x"])] };
  expect(() => quantizeWeights(fileOf(rows))).toThrow('"w" cannot be quantized');
});

it("refuses layers of float64 by name", async () => {
  const w = { shape: [2, 2], data: Float64Array.of(1, 2, 3, 4) };
  const examples = { x: w };
  const file = fileOf({ inputs: examples, initializers: { w }, nodes: [node("MatMul", ["x", "w"])] });
  const message = /MatMul "y" computes in float64: "x" is of that type. Give the file in float32/;
  expect(() => quantizeWeights(file)).toThrow(message);
  const calibration = [examples, examples];
  for (const activations of ["uint8", "none"] as const) {
    await expect(quantizeModel(file, { calibration, activations })).rejects.toThrow(message);
  }
});

it("refuses float16 by name", () => {
  const half = { ...tensorOf("w", float32([0, 0, 0, 0], [2, 2])), dtype: "float16" as const };
  const w = { ...half, data: new Uint16Array(4) };
  const nodes = [
    node("Constant", [], { value: tensor({ ...w, name: "" }) }, ["w"]),
    node("MatMul", ["x", "w"]),
  ];
  const file = fileOf({ inputs: { x: float32([1, 2], [1, 2]) }, nodes });
  expect(() => quantizeWeights(file)).toThrow(/MatMul "y" computes in float16: "w" is of that type/);
});
