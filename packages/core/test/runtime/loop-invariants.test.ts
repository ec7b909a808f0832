import { expect, it } from "vitest";
import { array } from "../../src/array.js";
import { add, mul } from "../../src/graph/ops/arithmetic.js";
import { sin } from "../../src/graph/ops/elementary.js";
import { matrixInverse } from "../../src/graph/ops/inverse.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { spec, trace } from "../../src/graph/trace.js";
import { compileJavaScript } from "../../src/runtime/javascript/executable.js";
import { emitModel } from "../../src/runtime/onnx/emit.js";
import { compileOnnx } from "../../src/runtime/onnx/executable.js";

/** w <- A^-1 w + x_t, and what changes and what does not as stacked results. */
const { graph } = trace(
  ({ w, a, x }) => {
    const back = matrixInverse(a);
    const next = add(matmul(back, w), sin(x));
    return { w: next, same: mul(2, back), before: w };
  },
  { w: spec([2, 1], "float64"), a: spec([2, 2], "float64"), x: spec([2, 1], "float64") },
);
const scan = { carry: { w: "w" }, sequences: ["x"] };
const inputs = {
  w: array([[1], [2]], "float64"),
  a: array(
    [
      [0, 2],
      [1, 0],
    ],
    "float64",
  ),
  x: array(
    [
      [[0], [0]],
      [[0], [0]],
    ],
    "float64",
  ),
};
// A^-1 = [[0, 1], [1/2, 0]].
const expected = { before: [1, 2, 2, 0.5], same: [0, 2, 1, 0] };

it("computes what is the same in all steps once, before the loop, in JavaScript", () => {
  const executable = compileJavaScript(graph, { scan });
  const place = executable.source.indexOf("invertStack");
  expect(place).toBeGreaterThan(0);
  expect(place).toBeLessThan(executable.source.indexOf("for(let t=0"));
  const { w, before, same } = executable.runSync(inputs, { steps: 2 });
  expect(Array.from(before.data, Number)).toEqual(expected.before);
  expect(Array.from(same.data, Number)).toEqual([...expected.same, ...expected.same]);
  expect(Array.from(w.data, Number)).toEqual([0.5, 1]);
});

it("computes it once in ONNX Runtime, too", async () => {
  const { nodes } = emitModel(graph, { scan }).graph;
  expect(nodes.map(({ opType }) => opType)).toContain("Inverse");
  const executable = await compileOnnx(graph, { provider: "cpu", scan });
  const results = await executable.run(inputs, { steps: 2 });
  await executable.dispose();
  expect(Array.from(results.before.data, Number)).toEqual(expected.before);
  expect(Array.from(results.same.data, Number)).toEqual([...expected.same, ...expected.same]);
  expect(Array.from(results.w.data, Number)).toEqual([0.5, 1]);
});
