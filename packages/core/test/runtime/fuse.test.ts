import { expect, it } from "vitest";
import { array } from "../../src/array.js";
import { add, mul } from "../../src/graph/ops/arithmetic.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { spec, trace } from "../../src/graph/trace.js";
import { compile } from "../../src/runtime/compile.js";
import { emitModel } from "../../src/runtime/onnx/emit.js";

// A B + 0.9 C is one Gemm node, whose factor is stored as a float32: 0.9 there is 0.9 - 2.4e-8.
const traced = (dtype: "float32" | "float64", factor: number) =>
  trace(
    (a, b, c) => add(matmul(a, b), mul(factor, c)),
    [spec([1, 1], dtype), spec([1, 1], dtype), spec([1, 1], dtype)],
    {
      names: ["a", "b", "c"],
    },
  ).graph;

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
