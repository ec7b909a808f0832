import fc from "fast-check";
import { expect, it } from "vitest";
import { dtypeOf, item, type NdArray, ndarray } from "../../../src/array.js";
import type { Graph } from "../../../src/graph/graph.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import { sin } from "../../../src/graph/ops/elementary.js";
import { simplify } from "../../../src/graph/simplify.js";
import { isFloat, type Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { createRng } from "../../../src/math/rng.js";
import type { Values } from "../../../src/runtime/executable.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { type OpCase, type OpRow, total, uniform } from "./op-case.js";
import { derivativeGraph, forwardGraph, relativeError, scalars } from "./op-derivatives.js";
import { labeled, opTable, settings } from "./op-table.js";

/** Compares every element relative to the largest one; integers and bools must be equal. */
function expectResult(actual: NdArray, expected: NdArray, label: string, tolerance: number): void {
  expect(actual.shape, label).toEqual(expected.shape);
  expect(dtypeOf(actual), label).toBe(dtypeOf(expected));
  if (!isFloat(dtypeOf(expected))) {
    expect(Array.from<number | bigint>(actual.data), label).toEqual(
      Array.from<number | bigint>(expected.data),
    );
    return;
  }
  expect(relativeError(actual, expected), label).toBeLessThanOrEqual(tolerance);
}

function checkForward(c: OpCase): void {
  const { graph, values } = forwardGraph(c, "float64");
  const expected = c.reference(...c.inputs);
  for (const [kind, form] of [
    ["raw", graph],
    ["simplified", simplify(graph)],
  ] as const) {
    const { result } = compileJavaScript(form).runSync(values);
    expectResult(result, expected, `${c.label}, ${kind}`, 1e-12);
  }
}

const isVariable = (name: string): boolean => name.startsWith("a.x.") || name === "a.w";

/** A direction in the space of all variables, each component of size 0.5 to 1. */
function directionOf(values: Values, seed: number): Map<string, Float64Array> {
  const rng = createRng(seed);
  const names = Object.keys(values).filter(isVariable);
  const component = () => (rng.next() < 0.5 ? -1 : 1) * (0.5 + rng.next() / 2);
  return new Map(
    names.map((name) => [name, Float64Array.from({ length: values[name].data.length }, component)]),
  );
}

const moved = (values: Values, direction: Map<string, Float64Array>, by: number, onlyX: boolean): Values =>
  Object.fromEntries(
    Object.entries(values).map(([name, x]) => {
      const d = onlyX && name === "a.w" ? undefined : direction.get(name);
      return [
        name,
        d
          ? ndarray(
              Float64Array.from(d, (v, i) => Number(x.data[i]) + by * v),
              x.shape,
            )
          : x,
      ];
    }),
  );

const inner = (a: NdArray, b: Float64Array): number => total(Array.from(b, (v, i) => v * Number(a.data[i])));

/** Distance of the points of a difference quotient; kinks and ties are at least ten times as far off. */
const step = 5e-4;

/** Compares both derivatives along random directions with a difference quotient of fourth order. */
function checkDerivatives(c: OpCase): void {
  const { graph, values } = derivativeGraph(c, "float64");
  const executable = compileJavaScript(simplify(graph));
  const here = executable.runSync(values);
  for (let k = 0; k < 3; k++) {
    const direction = directionOf(values, 100 + k);
    for (const [scalar, derivative] of Object.entries(scalars)) {
      const isFirst = scalar === "value";
      const at = (n: number) => item(executable.runSync(moved(values, direction, n * step, isFirst))[scalar]);
      const quotient = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step);
      const parts = [...direction]
        .filter(([name]) => !isFirst || name !== "a.w")
        .map(([name, d]) => {
          const output = isFirst ? name.replace("a.x", derivative) : name.replace("a", derivative);
          return inner(here[output], d);
        });
      const scale = Math.max(1, Math.abs(quotient));
      expect(Math.abs(total(parts) - quotient) / scale, `${c.label}: ${derivative}`).toBeLessThan(1e-8);
    }
  }
  const raw = compileJavaScript(graph).runSync(values);
  for (const { name } of graph.outputs)
    expectResult(here[name], raw[name], `${c.label}: simplified ${name}`, 1e-11);
}

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

const check = (row: OpRow, property: (c: OpCase) => void, runs = 12): void =>
  fc.assert(fc.property(labeled(row), property), settings(runs));

const named = (rows: readonly OpRow[]) => rows.map((row) => [row.name, row] as const);

it.each(named(opTable))("%s gives what its definition says, simplified or not", (_, row) => {
  check(row, checkForward);
});

it.each(named(opTable.filter((row) => (row.differentiable ?? true) === true)))(
  "%s has the first and second derivatives of difference quotients, simplified or not",
  (_, row) => check(row, checkDerivatives),
);

it.each(named(opTable))("%s gives the same in a program too long for one function", (_, row) => {
  check(row, (c) => checkSplit(row, c), 4);
});
