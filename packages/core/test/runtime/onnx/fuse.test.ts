import { expect, it } from "vitest";
import { array } from "../../../src/array.js";
import type { Graph } from "../../../src/graph/graph.js";
import { relu, relu6 } from "../../../src/graph/ops/activation.js";
import { add, mul } from "../../../src/graph/ops/arithmetic.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { maxPool2d } from "../../../src/graph/ops/pool.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { concat, pad } from "../../../src/graph/ops/slice.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { torchGenerator, torchUniform } from "../../../src/math/mt19937.js";
import { compile } from "../../../src/runtime/compile.js";
import type { Values } from "../../../src/runtime/executable.js";
import { emitModel } from "../../../src/runtime/onnx/emit.js";
import { relativeError } from "../relative-error.js";

/** The result in JavaScript and in ONNX Runtime. */
const resultsOf = (graph: Graph, inputs: Values) =>
  Promise.all(
    (["javascript", "onnx"] as const).map(async (runtime) => {
      const executable = await compile(graph, { runtime });
      const { result } = await executable.run(inputs);
      await executable.dispose();
      return result;
    }),
  );

// A B + 0.9 C is one Gemm node, whose factor is stored as a float32: 0.9 there is 0.9 - 2.4e-8.
const traced = (dtype: "float32" | "float64", factor: number) =>
  trace(({ a, b, c }) => add(matmul(a, b), mul(factor, c)), {
    a: spec([1, 1], dtype),
    b: spec([1, 1], dtype),
    c: spec([1, 1], dtype),
  }).graph;

it("keeps all digits of a factor beside a float64 product of matrices", async () => {
  const executable = await compile(traced("float64", 0.9), { runtime: "onnx" });
  const [a, b, c] = [2, 3, 5].map((x) => array([[x]], "float64"));
  const { result } = await executable.run({ a, b, c });
  expect(result.data[0]).toBe(10.5);
  await executable.dispose();
});

it("makes one node of product and factor where the factor is exact", () => {
  const typesOf = (dtype: "float32" | "float64", factor: number) =>
    emitModel(traced(dtype, factor)).graph.nodes.map(({ opType }) => opType);
  expect(typesOf("float32", 0.9)).toEqual(["Gemm"]);
  expect(typesOf("float64", 0.5)).toEqual(["Gemm"]);
  expect(typesOf("float64", 0.9)).toEqual(["Mul", "Gemm"]);
});

it.each(["float32", "float64"] as const)(
  "sums the squares of all elements in one node: %s",
  async (dtype) => {
    const { graph } = trace(({ x }) => sum(square(x)), { x: spec([2, 3], dtype) });
    expect(emitModel(graph).graph.nodes.map(({ opType }) => opType)).toEqual(["ReduceSumSquare"]);
    const executable = await compile(graph, { runtime: "onnx" });
    const x = array(
      [
        [1, -2, 3],
        [0, 5, 0.5],
      ],
      dtype,
    );
    const { result } = await executable.run({ x });
    expect(result.data[0]).toBe(39.25);
    await executable.dispose();
  },
);

it.each([
  ["long sums of a narrow result", [40, 3, 4], ["MatMul", "Transpose"]],
  ["short sums", [8, 3, 4], ["Gemm"]],
] as const)("turns the product of two transposed matrices: %s", async (_, [k, m, n], types) => {
  const shapes = { a: spec([k, m]), b: spec([n, k]) };
  const { graph } = trace(({ a, b }) => matmul(a, b, { transposeA: true, transposeB: true }), shapes);
  expect(emitModel(graph).graph.nodes.map(({ opType }) => opType)).toEqual(types);
  const random = (seed: number, shape: readonly number[]) => torchUniform(torchGenerator(seed), shape, -1, 1);
  const [expected, actual] = await resultsOf(graph, { a: random(1, [k, m]), b: random(2, [n, k]) });
  expect(actual.shape).toEqual([m, n]);
  expect(relativeError(expected, actual)).toBeLessThan(1e-6);
});

it.each([
  [false, false],
  [true, false],
  [false, true],
])("repeats the matrices of a batch without copies: transposed %s, %s", async (transposeA, transposeB) => {
  const random = (seed: number, shape: readonly number[]) => torchUniform(torchGenerator(seed), shape, -1, 1);
  const a = random(1, transposeA ? [1, 3, 4, 2] : [1, 3, 2, 4]);
  const b = random(2, transposeB ? [5, 1, 6, 4] : [5, 1, 4, 6]);
  const product = (x: Tensor, y: Tensor) => matmul(x, y, { transposeA, transposeB });
  const { graph } = trace(({ a, b }) => product(a, b), { a: spec(a.shape), b: spec(b.shape) });
  expect(emitModel(graph).graph.nodes.length).toBe(1);
  const [expected, actual] = await resultsOf(graph, { a, b });
  expect(actual.shape).toEqual([5, 3, 2, 6]);
  expect(relativeError(expected, actual)).toBeLessThan(1e-6);
});

it("keeps nodes apart whose operands differ in commas of their names", () => {
  const types = Object.fromEntries(["x,y", "z", "x", "y,z"].map((name) => [name, spec([1])]));
  const joined = trace((t) => [concat([t["x,y"], t.z]), concat([t.x, t["y,z"]])], types).graph;
  expect(emitModel(joined).graph.nodes.filter(({ opType }) => opType === "Concat")).toHaveLength(2);
});

it("computes relu6 of relu in float64, which ONNX Runtime cannot fuse", async () => {
  const { graph } = trace(({ x }) => relu6(relu(x)), { x: spec([4], "float64") });
  const [expected, actual] = await resultsOf(graph, { x: array([-1, 0.5, 6, 7], "float64") });
  expect([...expected.data]).toEqual([0, 0.5, 6, 6]);
  expect(actual).toEqual(expected);
});

it.each(["float32", "float64"] as const)(
  "pools zeros around images of %s, where all else is less",
  async (dtype) => {
    const around = [
      [0, 0],
      [0, 0],
      [1, 1],
      [1, 1],
    ] as const;
    const pooled = (x: Tensor) => maxPool2d(pad(x, around), { kernel: 2 });
    const { graph } = trace(({ x }) => pooled(x), { x: spec([1, 1, 2, 2], dtype) });
    const [expected, actual] = await resultsOf(graph, {
      x: array(
        [
          [
            [
              [-1, -2],
              [-3, -4],
            ],
          ],
        ],
        dtype,
      ),
    });
    expect([...expected.data]).toEqual([0, 0, 0, 0]);
    expect(actual).toEqual(expected);
  },
);
