import { compileJavaScript, dtypeOf, item, type NdArray, ndarray, simplify, type Values } from "isoloss";
import { createRng } from "isoloss/data";
import { isFloat } from "isoloss/internal";
import { expect } from "vitest";
import { type OpCase, total } from "./op-case.js";
import { derivativeGraph, relativeError, scalars } from "./op-derivatives.js";

/** Compares every element relative to the largest one; integers and bools must be equal. */
export function expectResult(actual: NdArray, expected: NdArray, label: string, tolerance: number): void {
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
export function checkDerivatives(c: OpCase): void {
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
