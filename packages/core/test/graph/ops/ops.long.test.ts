import { expectResult } from "isoloss-test-support/graph/ops/check-derivatives";
import { type OpCase, type OpRow, uniform } from "isoloss-test-support/graph/ops/op-case";
import { derivativeGraph, forwardGraph } from "isoloss-test-support/graph/ops/op-derivatives";
import { expect, it } from "vitest";
import type { Graph } from "../../../src/graph/graph.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import { sin } from "../../../src/graph/ops/elementary.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { opTable } from "./op-table.js";
import { check, named } from "./ops-support.js";

/** A chain of operations whose code alone is longer than one function may be. */
function filler(): Graph {
  const { graph } = trace(
    ({ filler: x }) => ({ filler: Array.from({ length: 90 }).reduce((h: Tensor) => mul(sin(h), h), x) }),
    { filler: spec([7], "float64") },
  );
  return simplify(graph);
}

const long = filler();

/** In a program of several functions no value lives in variables: the code of every operation is another one. */
function checkSplit(row: OpRow, c: OpCase): void {
  const { graph, values } = isDifferentiable(row)
    ? derivativeGraph(c, "float64")
    : forwardGraph(c, "float64");
  const { inputs, outputs } = simplify(graph);
  const split = compileJavaScript({
    inputs: [...inputs, ...long.inputs],
    outputs: [...outputs, ...long.outputs],
  });
  expect(split.source).toContain("function f0()");
  const expected = compileJavaScript({ inputs, outputs }).runSync(values);
  const actual = split.runSync({ ...values, filler: uniform(1, [7]) });
  for (const { name } of outputs) expectResult(actual[name], expected[name], `${c.label}: ${name}`, 1e-13);
}

const isDifferentiable = (row: OpRow): boolean => (row.differentiable ?? true) !== false;

it.each(named(opTable))("%s gives the same in a program too long for one function", (_, row) => {
  check(row, (c) => checkSplit(row, c), 4);
});
