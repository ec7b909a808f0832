import fc from "fast-check";
import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { expect } from "vitest";
import type { NdArray } from "../../src/array.js";
import { type Graph, printGraph } from "../../src/graph/graph.js";
import { simplify } from "../../src/graph/simplify.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, trace } from "../../src/graph/trace.js";
import { compileJavaScript } from "../../src/runtime/javascript/executable.js";

const shapes = [[2, 3], [2, 3], [3, 2], [3], [2, 1], [], [2, 3, 4]];

const values = Object.fromEntries(shapes.map((s, k) => [`x.${k}`, uniform(k + 1, s, -1, 1)]));

const types = shapes.map((s) => spec(s, "float64"));

export const traceProgram = (f: (xs: Tensor[]) => Tensor[]): Graph =>
  trace(({ x }) => f(x), { x: types }).graph;

/** The largest element of any value on the way: what rounding errors are relative to. */
function scaleOf(results: Readonly<Record<string, NdArray>>): number {
  const largest = Object.values(results).map(({ data }) =>
    Math.max(0, ...[...data].map((v) => Math.abs(Number(v)))),
  );
  return Math.max(1, ...largest);
}

export function expectEqualResults(graph: Graph, onTheWay: Graph): void {
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

export const last = (xs: readonly Tensor[], n: number): Tensor[] => xs.slice(-n);
