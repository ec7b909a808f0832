import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { expectClose, float64, numbers } from "isoloss-test-support/nn/support";
import { expect, it } from "vitest";
import { array } from "../../../src/array.js";
import { cond } from "../../../src/graph/control/cond.js";
import { whileLoop } from "../../../src/graph/control/while.js";
import { add, mul } from "../../../src/graph/ops/arithmetic.js";
import { greater, less } from "../../../src/graph/ops/compare.js";
import { sin } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { generate } from "../../../src/runtime/javascript/generate.js";

interface Loop {
  readonly x: Tensor;
  readonly y: Tensor;
  readonly count: Tensor;
}

/** Halves x in steps 3 and 4 of 5, and adds to y what `read` makes of the x before. */
const loop = (read: (x: Tensor) => Tensor) => (start: Pick<Loop, "x" | "y">) => {
  const step = ({ x, y, count }: Loop): Loop => {
    const halved = cond(
      greater(count, 2),
      () => mul(0.5, x),
      () => x,
    );
    return { x: halved, y: add(y, read(x)), count: add(count, 1) };
  };
  const init = { ...start, count: constant(0, "float64") };
  const { x, y } = whileLoop(({ count }: Loop) => less(count, 5), step, init, { most: 9 });
  return { x, y };
};

const start = { x: uniform(1, [20]), y: array(0, "float64") };

it.each([
  ["nothing else", () => constant(1, "float64"), true],
  ["the rest of the step", sum, false],
] as const)("lets what a branch passes on change places where %s reads it", (_, read, isExchanged) => {
  const graph = simplify(trace(loop(read), { x: spec([20], "float64"), y: spec([], "float64") }).graph);
  const [body] = generate(graph).programs;
  expect(/else\{\{const s=/.test(body.source)).toBe(isExchanged);
  const { x, y } = compileJavaScript(graph).runSync(start);
  const before = numbers(start.x);
  expectClose(
    x,
    float64(
      before.map((v) => v / 4),
      [20],
    ),
    1e-15,
  );
  const total = before.reduce((a, b) => a + b);
  expectClose(y, float64([isExchanged ? 5 : 4.5 * total], []), 1e-12);
});

it("computes results in the caller's arrays, and reads them there", () => {
  const f = ({ x }: { readonly x: Tensor }) => {
    const y = sin(x);
    return { y, total: sum(y), twice: [mul(2, y), mul(2, y)] };
  };
  const graph = simplify(trace(f, { x: spec([20], "float64") }).graph);
  expect(generate(graph).source).not.toContain("y0.set(");
  const results = compileJavaScript(graph).runSync({ x: start.x });
  const sines = numbers(start.x).map(Math.sin);
  expectClose(results.y, float64(sines, [20]), 0);
  expect(results.total.data[0]).toBe(sines.reduce((a, b) => a + b));
  expect(results["twice.0"].data).not.toBe(results["twice.1"].data);
  expect(results["twice.0"].data).toEqual(results["twice.1"].data);
});

it("sums all elements in one loop, also where one number is repeated beside them", () => {
  const f = ({ x, c }: { readonly x: Tensor; readonly c: Tensor }) => sum(mul(c, sin(x)));
  const graph = simplify(trace(f, { x: spec([5, 6], "float64"), c: spec([], "float64") }).graph);
  expect(generate(graph).source.match(/for\(let i/g)).toHaveLength(1);
});
