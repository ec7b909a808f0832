import { expect, it } from "vitest";
import { add } from "../../../src/graph/ops/arithmetic.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { emitModel } from "../../../src/runtime/onnx/emit.js";
import { compileOnnx } from "../../../src/runtime/onnx/executable.js";

const data = Float32Array.from({ length: 100 }, (_, i) => i);

/** A large constant under two shapes, and the first of them twice. */
const { graph } = trace(
  ({ x }) => ({
    square: sum(add(x, constant({ shape: [10, 10], data })), { axes: 0 }),
    again: add(x, constant({ shape: [10, 10], data })),
    wide: add(sum(x), constant({ shape: [100], data })),
  }),
  { x: spec([10, 10]) },
);

it("two constants of one memory keep their own shapes", async () => {
  const executable = await compileOnnx(graph, { provider: "cpu" });
  const x = { shape: [10, 10], data: new Float32Array(100).fill(1) };
  const { square, wide } = await executable.run({ x });
  await executable.dispose();
  expect(square.shape).toEqual([10]);
  expect(square.data[3]).toBe(10 + (3 + 93) * 5);
  expect(wide.shape).toEqual([100]);
  expect(wide.data[99]).toBe(100 + 99);
});

it("equal constants are stored once", () => {
  const large = emitModel(graph).graph.initializers.filter((t) => t.data.length === 100);
  expect(large.map((t) => t.shape)).toEqual([[10, 10], [100]]);
});
