// Derivatives through quantization, and element types that ONNX Runtime does not hand over.

import { compileJavaScript, DataError, grad, ndarray, simplify, type Tensor, trace } from "isoloss";
import { int, type OnnxNode, type OnnxTensor } from "isoloss/internal";
import { decodeModel, encodeModel } from "isoloss/onnx";
import { mul, sum } from "isoloss/ops";
import { node, runOrt } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { fromOnnx } from "../../src/import/from-onnx.js";

const half: OnnxTensor = { name: "scale", dtype: "float32", shape: [], data: Float32Array.of(0.5) };

/** A file of x with stored tensors of any type. */
const fileWith = (size: number, initializers: readonly OnnxTensor[], nodes: readonly OnnxNode[]) =>
  encodeModel({
    irVersion: 10,
    opsets: [{ domain: "", version: 21 }],
    producer: "test",
    metadata: {},
    graph: {
      name: "graph",
      inputs: [{ name: "x", dtype: "float32", shape: [size] }],
      outputs: [{ name: "y" }],
      initializers,
      nodes,
    },
  });

const modelOf = (...file: Parameters<typeof fileWith>) => fromOnnx(fileWith(...file));

const rounding = [
  node("QuantizeLinear", ["x", "scale", "zero"], {}, ["q"]),
  node("Identity", ["q"], {}, ["i"]),
  node("DequantizeLinear", ["i", "scale", "zero"]),
];

const run = (f: (x: Tensor) => Tensor, values: readonly number[]): number[] => {
  const x = ndarray(Float32Array.from(values), [values.length]);
  const { graph } = trace(({ x }) => f(x), { x });
  const results = compileJavaScript(simplify(graph)).runSync({ x });
  return [...results[graph.outputs[0].name].data].map(Number);
};

it("a gradient passes through quantization within the range and not beyond", () => {
  const zero: OnnxTensor = { name: "zero", dtype: "int4", shape: [], data: Int8Array.of(1) };
  const model = modelOf(5, [half, zero], rounding);
  const values = [-9, -1.1, 0.24, 2.9, 4];
  // q = round(x / 0.5) + 1 from -8 to 7, y = (q - 1) 0.5.
  expect(run((x) => model.apply({}, { x }).y, values)).toEqual([-4.5, -1, 0, 3, 3]);
  const weights = ndarray(Float32Array.of(1, 2, 3, 4, 5), [5]);
  expect(run((x) => grad((x: Tensor) => sum(mul(model.apply({}, { x }).y, weights)))(x), values)).toEqual([
    0, 2, 3, 4, 0,
  ]);
});

it("weights of half a byte are dequantized", () => {
  const weights: OnnxTensor = { name: "w", dtype: "int4", shape: [5], data: Int8Array.of(-8, -1, 0, 3, 7) };
  const model = modelOf(
    5,
    [half, weights],
    [node("DequantizeLinear", ["w", "scale"], {}, ["d"]), node("Mul", ["x", "d"])],
  );
  expect(Object.keys(model.params)).toEqual([]);
  expect(run((x) => model.apply({}, { x }).y, [1, 1, 1, 2, 2])).toEqual([-4, -0.5, 0, 3, 7]);
});

it.each([
  node("QuantizeLinear", ["x", "scale"], { output_dtype: int(17) }),
  node("Cast", ["x"], { to: int(17) }),
])("float8 is not made by a $opType", (made) => {
  const model = modelOf(1, [half], [made]);
  const attempt = () => run((x) => model.apply({}, { x }).y, [1]);
  expect(attempt).toThrow(DataError);
  expect(attempt).toThrow("it makes float8e4m3fn, which can be read but not made");
});

describe("weights of float8 are constants", () => {
  const every = Uint8Array.from({ length: 256 }, (_, i) => i);

  it.each(["float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz"] as const)(
    "of %s, as ONNX Runtime reads them",
    async (dtype) => {
      const weights: OnnxTensor = { name: "w", dtype, shape: [256], data: every };
      const bytes = fileWith(
        256,
        [half, weights],
        [node("DequantizeLinear", ["w", "scale"], {}, ["d"]), node("Add", ["x", "d"])],
      );
      expect(decodeModel(bytes).graph.initializers[1]).toEqual(weights);
      const model = fromOnnx(bytes);
      expect(Object.keys(model.params)).toEqual([]);
      const { y } = await runOrt(bytes, { x: ndarray(new Float32Array(256), [256]) });
      const zeros = Array<number>(256).fill(0);
      expect(run((x) => model.apply({}, { x }).y, zeros)).toEqual([...y.data].map((v) => Number(v) + 0));
    },
  );
});

it("floats beyond four bits become the ends of their range", () => {
  const model = modelOf(3, [], [node("Cast", ["x"], { to: int(22) }, ["y"])]);
  expect(run((x) => model.apply({}, { x }).y, [-9.5, 3.7, 100])).toEqual([-8, 3, 7]);
});
