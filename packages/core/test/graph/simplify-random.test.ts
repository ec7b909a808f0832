import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../src/array.js";
import { dot, grad } from "../../src/graph/autodiff.js";
import { type Graph, nodesOf, printGraph } from "../../src/graph/graph.js";
import { add } from "../../src/graph/ops/arithmetic.js";
import { tanh } from "../../src/graph/ops/elementary.js";
import { sum } from "../../src/graph/ops/reduce.js";
import { simplify } from "../../src/graph/simplify.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, trace } from "../../src/graph/trace.js";
import { compileJavaScript } from "../../src/runtime/javascript/executable.js";
import { uniform } from "./ops/op-case.js";
import { settings } from "./ops/op-table.js";
import { allSteps, type Instruction, interpret, programs, smoothSteps } from "./random-graph.js";

const shapes = [[2, 3], [2, 3], [3, 2], [3], [2, 1], [], [2, 3, 4]];
const values = Object.fromEntries(shapes.map((s, k) => [`x.${k}`, uniform(k + 1, s, -1, 1)]));
const types = shapes.map((s) => spec(s, "float64"));

const traceProgram = (f: (xs: Tensor[]) => Tensor[]): Graph => trace(({ x }) => f(x), { x: types }).graph;

/** The largest element of any value on the way: what rounding errors are relative to. */
function scaleOf(results: Readonly<Record<string, NdArray>>): number {
  const largest = Object.values(results).map(({ data }) =>
    Math.max(0, ...[...data].map((v) => Math.abs(Number(v)))),
  );
  return Math.max(1, ...largest);
}

function expectEqualResults(graph: Graph, onTheWay: Graph): void {
  const form = simplify(graph);
  const scale = scaleOf(compileJavaScript(onTheWay).runSync(values));
  fc.pre(scale < 1e6);
  const raw = compileJavaScript(graph).runSync(values);
  const short = compileJavaScript(form).runSync(values);
  for (const { name, tensor } of graph.outputs) {
    expect(short[name].shape).toEqual(tensor.shape);
    raw[name].data.forEach((v, i) => {
      expect(Math.abs(Number(short[name].data[i]) - Number(v)) / scale, `${name}[${i}]`).toBeLessThan(1e-11);
    });
  }
  const again = simplify(form);
  expect(printGraph(again)).toBe(printGraph(form));
}

describe("A random program", () => {
  const last = (xs: readonly Tensor[], n: number) => xs.slice(-n);

  it("gives the same simplified, and is simple then", () => {
    fc.assert(
      fc.property(programs(24), (program: Instruction[]) => {
        const all = (xs: Tensor[]) => interpret(program, xs, allSteps);
        expectEqualResults(
          traceProgram((xs) => last(all(xs), 3)),
          traceProgram(all),
        );
      }),
      settings(400),
    );
  });

  it("has the same first and second derivatives simplified", () => {
    fc.assert(
      fc.property(programs(12), (program: Instruction[]) => {
        const loss = (xs: Tensor[]) =>
          last(interpret(program, xs, smoothSteps), 2)
            .map((y) => sum(tanh(y)))
            .reduce((a, b) => add(a, b));
        const derivatives = (xs: Tensor[]) => {
          const g = grad(loss)(xs);
          return [...g, ...grad((ys: Tensor[]) => dot(grad(loss)(ys), grad(loss)(ys)))(xs)];
        };
        const graph = traceProgram(derivatives);
        const onTheWay = {
          inputs: graph.inputs,
          outputs: nodesOf(graph).map((tensor, k) => ({ name: `${k}`, tensor })),
        };
        expectEqualResults(graph, onTheWay);
      }),
      settings(150),
    );
  });
});
