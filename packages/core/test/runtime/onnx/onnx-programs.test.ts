import fc from "fast-check";
import { awayFromZero, uniform } from "isoloss-test-support/graph/ops/op-case";
import { relativeError } from "isoloss-test-support/graph/ops/op-derivatives";
import { randomCases } from "isoloss-test-support/random-cases";
import { expect, it } from "vitest";
import { grad } from "../../../src/graph/autodiff.js";
import type { Graph } from "../../../src/graph/graph.js";
import { add, mul } from "../../../src/graph/ops/arithmetic.js";
import { tanh } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { reshape } from "../../../src/graph/ops/reshape.js";
import { slice } from "../../../src/graph/ops/slice.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { compileOnnx } from "../../../src/runtime/onnx/executable.js";
import { settings } from "../../graph/ops/op-table.js";
import { allSteps, type Instruction, interpret, programs, smoothSteps } from "../../graph/random-graph.js";

const shapes = [[], [3], [2, 3], [3, 3]];
const names = shapes.map((_, k) => `x${k}`);

function traced(f: (xs: Tensor[]) => Tensor[]): Graph {
  const { graph } = trace(
    (xs) => f(names.map((name) => xs[name])),
    Object.fromEntries(shapes.map((shape, k) => [names[k], spec(shape, "float64")])),
  );
  return simplify(graph);
}

async function expectSame(
  graph: Graph,
  make: typeof uniform | typeof awayFromZero,
  tolerance: number,
): Promise<void> {
  const values = Object.fromEntries(shapes.map((shape, k) => [names[k], make(k + 1, shape)]));
  const expected = compileJavaScript(graph).runSync(values);
  const executable = await compileOnnx(graph, { provider: "cpu" });
  const actual = await executable.run(values);
  await executable.dispose();
  for (const { name } of graph.outputs) {
    expect(actual[name].shape, name).toEqual(expected[name].shape);
    expect(relativeError(actual[name], expected[name], 1), name).toBeLessThanOrEqual(tolerance);
  }
}

it("random programs give in ONNX Runtime what they give in JavaScript", async () => {
  await fc.assert(
    fc.asyncProperty(programs(24), async (program: Instruction[]) => {
      await expectSame(
        traced((xs) => interpret(program, xs, allSteps).slice(xs.length - 1)),
        awayFromZero,
        1e-10,
      );
    }),
    settings(randomCases(60)),
  );
});

it("random programs have in ONNX Runtime the first and second derivatives that they have in JavaScript", async () => {
  await fc.assert(
    fc.asyncProperty(programs(12), async (program: Instruction[]) => {
      const loss = (xs: Tensor[]) =>
        interpret(program, xs, smoothSteps)
          .slice(-2)
          .map((x) => sum(tanh(x)))
          .reduce(add);
      const squared = (xs: Tensor[]) =>
        grad(loss)(xs)
          .map((g) => sum(mul(g, g)))
          .reduce(add);
      await expectSame(
        traced((xs) => [...grad(loss)(xs), ...grad(squared)(xs)]),
        uniform,
        1e-9,
      );
    }),
    settings(randomCases(60)),
  );
});

it("a tensor without elements is reshaped in ONNX Runtime as in JavaScript", async () => {
  const graph = traced(([, , x]) => [reshape(slice(x, { ends: [0] }), [3, 0, 2])]);
  await expectSame(graph, uniform, 0);
});

it("a slice in steps has no elements in ONNX Runtime, either", async () => {
  const graph = traced(([, , x]) => [
    slice(x, { ends: [0], steps: [2] }),
    slice(x, { starts: [2], steps: [3] }),
  ]);
  await expectSame(graph, uniform, 0);
});
