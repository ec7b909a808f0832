// Arrays without elements, on which kernels of ONNX Runtime end the process, fail, or return what was in memory.
import { expect, it } from "vitest";
import { allocate, type DType, type Shape, sizeOf } from "../../../src/array.js";
import { broadcastTo } from "../../../src/graph/ops/broadcast.js";
import { conv2d } from "../../../src/graph/ops/conv.js";
import { tanh } from "../../../src/graph/ops/elementary.js";
import { fill } from "../../../src/graph/ops/leaf.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { mean, sum } from "../../../src/graph/ops/reduce.js";
import { argsort } from "../../../src/graph/ops/sort.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { compile } from "../../../src/runtime/compile.js";

type Case = readonly [what: string, shapes: readonly Shape[], f: (x: Tensor, y: Tensor) => Tensor];

const cases: readonly Case[] = [
  ["positions of no rows in order", [[0, 1]], (x) => argsort(x)],
  ["a product over no terms", [[2, 0, 1]], (x) => matmul(x, x, { transposeA: true })],
  [
    "products of no matrices with one matrix",
    [
      [1, 1, 3],
      [0, 3, 2],
    ],
    (x, y) => matmul(broadcastTo(x, [0, 1, 3]), y),
  ],
  [
    "a convolution of no channels",
    [
      [1, 0, 3, 3],
      [2, 0, 2, 2],
    ],
    (x, w) => conv2d(x, w),
  ],
  ["sums of no integers", [[1]], () => sum(fill([3, 0], 1, "int64"), { axes: 0 })],
];

const zeros = (shape: Shape, dtype: DType) => ({ shape, data: allocate(dtype, sizeOf(shape)) });

it.each(cases)("%s", async (_what, shapes, f) => {
  const { graph } = trace(([x, y]: readonly Tensor[]) => f(x, y), [shapes.map((shape) => spec(shape))]);
  const executable = await compile(graph, { runtime: "onnx" });
  const inputs = graph.inputs.map(({ name }, k) => [name, zeros(shapes[k], "float32")]);
  const { result } = await executable.run(Object.fromEntries(inputs));
  await executable.dispose();
  const { shape, dtype } = graph.outputs[0].tensor;
  expect(result).toEqual(zeros(shape, dtype));
});

it.each(["onnx", "javascript"] as const)("the mean of nothing is NaN in %s", async (runtime) => {
  const { graph } = trace(({ x }) => mean(tanh(x)), { x: spec([0, 3]) });
  const executable = await compile(graph, { runtime });
  const { result } = await executable.run({ x: zeros([0, 3], "float32") });
  await executable.dispose();
  expect(result.data[0]).toBeNaN();
});
