// The parts of a loop's steps that are computed for all steps at once, against the loop as it is.
import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { relativeError } from "isoloss-test-support/graph/ops/op-derivatives";
import { expect, it } from "vitest";
import { scan } from "../../../src/graph/control/scan.js";
import { bodiesOf, type Graph, nodesOf } from "../../../src/graph/graph.js";
import { sigmoid } from "../../../src/graph/ops/activation.js";
import { add, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { tanh } from "../../../src/graph/ops/elementary.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { slice } from "../../../src/graph/ops/slice.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { trace } from "../../../src/graph/trace.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { compileOnnx } from "../../../src/runtime/onnx/executable.js";
import { fuse } from "../../../src/runtime/onnx/fuse.js";

const values = { h: uniform(1, [2, 4]), w: uniform(2, [3, 8]), xs: uniform(3, [5, 2, 3]) };
type Values = { readonly [K in keyof typeof values]: Tensor };

/** What each step computes of its element alone: a product, its parts, and factors of what is carried. */
const loop =
  (reverse: boolean) =>
  ({ h, w, xs }: Values) => {
    const step = (before: Tensor, x: Tensor): [Tensor, Tensor] => {
      const gates = matmul(x, w);
      const kept = sigmoid(slice(gates, { ends: [2, 4] }));
      const fresh = tanh(slice(gates, { starts: [0, 4] }));
      const after = add(mul(mul(before, kept), sub(1, fresh)), mul(fresh, kept));
      return [after, mul(kept, 2)];
    };
    const [last, stacked] = scan(step, h, xs, { reverse });
    return { last, stacked };
  };

const names = (graph: Graph) => nodesOf(graph).map(({ op }) => op.name);

it.each([false, true])("gives the results of the loop, backwards: %s", async (reverse) => {
  const graph = simplify(trace(loop(reverse), values).graph);
  const expected = compileJavaScript(graph).runSync(values);
  const onnx = await compileOnnx(graph);
  const actual = await onnx.run(values);
  await onnx.dispose();
  for (const [name, x] of Object.entries(expected)) {
    expect(relativeError(actual[name], x), name).toBeLessThan(1e-14);
  }
});

it("leaves to the steps what depends on carried values", () => {
  const fused = fuse(simplify(trace(loop(false), values).graph));
  const [body] = nodesOf(fused).flatMap(bodiesOf);
  expect(names(body).filter((name) => name !== "input")).toEqual(["mul", "add"]);
  expect(names(fused)).toEqual(expect.arrayContaining(["matmul", "slice", "sigmoid", "tanh", "sub"]));
});
