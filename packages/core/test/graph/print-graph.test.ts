import { expect, it } from "vitest";
import { array } from "../../src/array.js";
import { grad } from "../../src/graph/autodiff.js";
import { costOf, nodesOf, printGraph } from "../../src/graph/graph.js";
import { leakyRelu } from "../../src/graph/ops/activation.js";
import { add, mul } from "../../src/graph/ops/arithmetic.js";
import { square } from "../../src/graph/ops/elementary.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { sum } from "../../src/graph/ops/reduce.js";
import { reshape } from "../../src/graph/ops/reshape.js";
import { simplify } from "../../src/graph/simplify.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, trace } from "../../src/graph/trace.js";

it("prints one node a line, in the order of computation, with names, attributes and types", () => {
  const layer = ({ weight, bias }: { weight: Tensor; bias: Tensor }, x: Tensor) => ({
    y: leakyRelu(add(matmul(x, weight, { transposeB: true }), bias), 0.1),
    size: constant(2, "int64"),
  });
  const { graph } = trace(({ params, x }) => layer(params, x), {
    params: { weight: spec([4, 3]), bias: spec([4]) },
    x: spec([2, 3]),
  });
  expect(printGraph(graph)).toBe(
    [
      '%0 = input "params.weight": float32[4, 3]',
      '%1 = input "params.bias": float32[4]',
      '%2 = input "x": float32[2, 3]',
      "%3 = matmul(%2, %0, transposeA: false, transposeB: true): float32[2, 4]",
      "%4 = broadcast(%1, shape: [2,4]): float32[2, 4]",
      "%5 = add(%3, %4): float32[2, 4]",
      "%6 = leakyRelu(%5, slope: 0.1): float32[2, 4]",
      "%7 = constant(value: 2): int64[]",
      "return y = %6, size = %7",
    ].join("\n"),
  );
});

it("prints arrays by their shape and gradients as the nodes that they are", () => {
  const loss = (x: Tensor) => sum(square(mul(x, array([1, 2, 3], "float64"))));
  const { graph } = trace(({ x }: { x: Tensor }) => grad(loss)(x), { x: spec([3], "float64") });
  // d/dx sum (c x)^2 = (2 (c x)) c
  expect(printGraph(simplify(graph))).toBe(
    [
      '%0 = input "x": float64[3]',
      "%1 = constant(value: 2): float64[]",
      "%2 = broadcast(%1, shape: [3]): float64[3]",
      "%3 = array(value: array[3]): float64[3]",
      "%4 = mul(%0, %3): float64[3]",
      "%5 = mul(%2, %4): float64[3]",
      "%6 = mul(%5, %3): float64[3]",
      "return result = %6",
    ].join("\n"),
  );
});

it("counts nodes, operations and bytes of a graph, where moving elements is no operation", () => {
  const { graph } = trace((x: Tensor, w: Tensor) => reshape(matmul(x, w), [8]), [spec([2, 3]), spec([3, 4])]);
  const { nodes, flops } = costOf(graph);
  expect(nodes).toBe(2);
  // A multiplication and an addition for each of 2 x 3 x 4 products.
  expect(flops).toBe(48);
  expect(nodesOf(graph).map((n) => n.op.name)).toEqual(["input", "input", "matmul", "reshape"]);
});

it("orders a graph deeper than the call stack", () => {
  const depth = 50_000;
  const power = (x: Tensor) => {
    let y = x;
    for (let i = 0; i < depth; i++) y = mul(y, x);
    return y;
  };
  const { graph } = trace(power, [spec([])]);
  expect(nodesOf(graph)).toHaveLength(depth + 1);
});
