import { expect, it } from "vitest";
import { array } from "../../../src/array.js";
import { add, div } from "../../../src/graph/ops/arithmetic.js";
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

it("zeros of both signs are constants of their own", async () => {
  const types = { x: spec([2], "float64") };
  const signs = trace(({ x }) => [0, -0].map((zero) => div(x, array([zero, zero], "float64"))), types);
  const executable = await compileOnnx(signs.graph, { provider: "cpu" });
  const [above, below] = Object.values(await executable.run({ x: array([1, 2], "float64") }));
  await executable.dispose();
  expect([...above.data]).toEqual([Infinity, Infinity]);
  expect([...below.data]).toEqual([-Infinity, -Infinity]);
});

it("equal constants are stored once", () => {
  const large = emitModel(graph).graph.initializers.filter((t) => t.data.length === 100);
  expect(large.map((t) => t.shape)).toEqual([[10, 10], [100]]);
});
