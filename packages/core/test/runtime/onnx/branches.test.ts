// Selections by a bool as branches: against the JavaScript that selects, and by what stands in the model.
import fc from "fast-check";
import { randomCases } from "isoloss-test-support/random-cases";
import { expect, it } from "vitest";
import { array } from "../../../src/array.js";
import { cond } from "../../../src/graph/control/cond.js";
import { whileLoop } from "../../../src/graph/control/while.js";
import type { Graph } from "../../../src/graph/graph.js";
import { add, maximum, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { greater, less, logicalAnd, where } from "../../../src/graph/ops/compare.js";
import { exp, sqrt } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { emitModel } from "../../../src/runtime/onnx/emit.js";
import { compileOnnx } from "../../../src/runtime/onnx/executable.js";
import type { OnnxGraph } from "../../../src/runtime/onnx/schema.js";

/** The operators of a model, those of its branches in brackets. */
const operators = ({ nodes }: OnnxGraph): string =>
  nodes
    .map(({ opType, attributes }) => {
      const inner = Object.values(attributes).flatMap((a) =>
        a.kind === "graph" ? [operators(a.value)] : [],
      );
      return inner.length > 0 ? `${opType}[${inner.join(" | ")}]` : opType;
    })
    .join(" ");
const emitted = (graph: Graph) => operators(emitModel(simplify(graph), { branches: true }).graph);

const [number, vector] = [spec([], "float64"), spec([3], "float64")];

it("computes in a branch what one side alone needs, and selects once by one bool", () => {
  const { graph } = trace(
    ({ x, y }) => {
      const isLarge = greater(sum(x), y);
      const both = mul(x, 3);
      return { a: where(isLarge, exp(both), x), b: where(isLarge, y, sqrt(y)), both };
    },
    { x: vector, y: number },
  );
  expect(emitted(graph)).toBe("ReduceSum Greater Mul If[Exp Identity | Sqrt Identity]");
  expect(operators(emitModel(simplify(graph)).graph)).not.toContain("If");
});

it("leaves a selection as it is that stands alone, or is one of elements", () => {
  const { graph } = trace(
    ({ x, y }) => ({
      a: where(greater(y, 1), y, 1),
      b: where(greater(x, y), exp(x), sqrt(x)),
    }),
    { x: vector, y: number },
  );
  expect(emitted(graph).split(" ").sort().join(" ")).toBe("Exp Greater Greater Sqrt Where Where");
});

it("keeps the order of selections that follow one another by turns", async () => {
  const { graph } = trace(
    ({ x, y }) => {
      const [p, q] = [greater(x, 0), greater(y, 0)];
      const a = where(p, x, add(y, 2));
      const b = where(q, mul(a, 2), y);
      const c = where(q, sub(x, 1), mul(y, x));
      const d = where(p, mul(c, 5), sub(c, y));
      return { b, d };
    },
    { x: number, y: number },
  );
  await expectSame(graph, [
    { x: array(1), y: array(2) },
    { x: array(-1), y: array(2) },
    { x: array(1), y: array(-3) },
  ]);
});

type Inputs = Parameters<ReturnType<typeof compileJavaScript>["runSync"]>[0];

/** ONNX Runtime gives the numbers of JavaScript: these operations round alike. */
async function expectSame(graph: Graph, inputs: readonly Inputs[]) {
  const simplified = simplify(graph);
  const javascript = compileJavaScript(simplified);
  const onnx = await compileOnnx(simplified);
  for (const values of inputs) {
    const expected = javascript.runSync(values);
    const actual = await onnx.run(values);
    for (const name in expected) expect([...actual[name].data], name).toEqual([...expected[name].data]);
  }
  await onnx.dispose();
}

/** A random program of selections and branches: each line takes values of earlier ones. */
const program = fc.array(
  fc.record({
    kind: fc.constantFrom("add", "mul", "sub", "max", "where", "where", "where", "cond", "and", "less"),
    places: fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat()),
  }),
  { minLength: 5, maxLength: 40 },
);
const computed = (lines: readonly { kind: string; places: readonly number[] }[], x: Tensor, y: Tensor) => {
  const bools = [greater(y, 0), less(sum(x), y)];
  const values = [x, y, add(x, y)];
  for (const { kind, places } of lines) {
    const [a, b] = places.map((k) => values[k % values.length]);
    const [p, q] = places.slice(2).map((k) => bools[k % bools.length]);
    if (kind === "and") bools.push(logicalAnd(p, q));
    else if (kind === "less") bools.push(less(sum(a), sum(b)));
    else if (kind === "where") values.push(where(p, a, b));
    else if (kind === "cond")
      values.push(
        cond(
          p,
          () => mul(add(a, x), 0.5),
          () => sub(add(b, x), where(q, a, b)),
        ),
      );
    else values.push({ add, mul, sub, max: maximum }[kind as "add" | "mul" | "sub" | "max"](mul(a, 0.5), b));
  }
  return values.slice(-4).map((value) => add(value, mul(x, 0)));
};

it("gives the numbers of the graph, in loops as well", async () => {
  await fc.assert(
    fc.asyncProperty(program, fc.boolean(), async (lines, isLoop) => {
      const { graph } = trace(
        ({ x, y }) => {
          if (!isLoop) return computed(lines, x, y);
          return whileLoop(
            ({ k }) => less(k, 3),
            ({ a, k }) => ({ a: maximum(-2, add(computed(lines, mul(a, 0.1), y)[0], x)), k: add(k, 1) }),
            { a: x, k: mul(y, 0) },
            { most: 5 },
          ).a;
        },
        { x: vector, y: number },
      );
      const inputs = [1, -1, 0.3].map((y) => ({ x: array([0.5, -1.5, y]), y: array(y) }));
      await expectSame(graph, inputs);
    }),
    { numRuns: randomCases(60) },
  );
});
