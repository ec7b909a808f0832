import { integers, uniform } from "isoloss-test-support/graph/ops/op-case";
import { array, type NdArray } from "../../src/array.js";
import { grad } from "../../src/graph/autodiff.js";
import type { Graph } from "../../src/graph/graph.js";
import { add, cast, div, mul, sub } from "../../src/graph/ops/arithmetic.js";
import { greater } from "../../src/graph/ops/compare.js";
import { square, tanh } from "../../src/graph/ops/elementary.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { randomUniform } from "../../src/graph/ops/random.js";
import { sum } from "../../src/graph/ops/reduce.js";
import { transpose } from "../../src/graph/ops/reshape.js";
import { simplify } from "../../src/graph/simplify.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { type Spec, spec, trace } from "../../src/graph/trace.js";
import type { Scan, Values } from "../../src/runtime/executable.js";

/** A loop: its step, its start, and the sequences for a number of steps. */
export interface ScanCase {
  readonly name: string;
  readonly graph: Graph;
  readonly scan: Scan;
  readonly start: Values;
  sequences(steps: number): Values;
}

type Float = "float32" | "float64";

interface Definition {
  readonly inputs: Record<string, Spec>;
  step(inputs: Record<string, Tensor>): Record<string, Tensor>;
  readonly scan: Scan;
  readonly start: Values;
  sequences?(steps: number): Values;
}

function scanCase(name: string, { inputs, step, scan, start, sequences = () => ({}) }: Definition): ScanCase {
  const { graph } = trace(step, inputs);
  return { name, graph: simplify(graph), scan, start, sequences };
}

const floats = (values: NdArray, dtype: Float): NdArray =>
  dtype === "float64"
    ? values
    : { shape: values.shape, data: Float32Array.from(values.data as Float64Array) };

/** Loops that between them use everything a scan has. */
export function scanCases(dtype: Float): ScanCase[] {
  const given = (values: NdArray) => floats(values, dtype);
  const scalar = (x: number) => array(x, dtype);
  return [
    scanCase("gradient descent over a sequence of batches, with stacked losses", {
      inputs: {
        w: spec([3, 2], dtype),
        x: spec([4, 3], dtype),
        y: spec([4, 2], dtype),
        rate: spec([], dtype),
      },
      step({ w, x, y, rate }) {
        const loss = (v: Tensor) => sum(square(sub(tanh(matmul(x, v)), y)));
        return { next: sub(w, mul(rate, grad(loss)(w))), loss: loss(w) };
      },
      scan: { carry: { next: "w" }, sequences: ["x", "y"] },
      start: { w: given(uniform(1, [3, 2])), rate: scalar(0.05) },
      sequences: (steps) => ({ x: given(uniform(2, [steps, 4, 3])), y: given(uniform(3, [steps, 4, 2])) }),
    }),
    scanCase("carries that change places", {
      inputs: { a: spec([2], dtype), b: spec([2], dtype) },
      step: ({ a, b }) => ({ toB: add(a, b), toA: b }),
      scan: { carry: { toB: "b", toA: "a" } },
      // The Fibonacci numbers.
      start: { a: array([0, 1], dtype), b: array([1, 1], dtype) },
    }),
    scanCase("carries that only change places", {
      inputs: { a: spec([3], dtype), b: spec([3], dtype) },
      step: ({ a, b }) => ({ a: b, b: a }),
      scan: { carry: { a: "a", b: "b" } },
      start: { a: array([1, 2, 3], dtype), b: array([4, 5, 6], dtype) },
    }),
    scanCase("one value carried and stacked, another one stacked twice", {
      inputs: { x: spec([5], dtype), c: spec([5], dtype) },
      step({ x, c }) {
        const next = add(mul(0.5, x), c);
        return {
          x: next,
          history: next,
          before: x,
          again: x,
          same: c,
          fixed: constant(array([7, 8], dtype)),
        };
      },
      scan: { carry: { x: "x" } },
      start: { x: given(uniform(4, [5])), c: given(uniform(5, [5])) },
    }),
    scanCase("a count, random numbers and bools", {
      inputs: {
        n: spec([], "int64"),
        total: spec([3, 3], dtype),
        unused: spec([2], dtype),
        row: spec([2], "int64"),
      },
      step({ n, total, row }) {
        const noise = randomUniform(n, [3, 3], { dtype });
        return {
          n: add(n, 1),
          total: add(transpose(total), noise),
          high: greater(noise, 0.5),
          sum: add(row, n),
        };
      },
      scan: { carry: { n: "n", total: "total" }, sequences: ["row"] },
      start: { n: array(41, "int64"), total: given(uniform(6, [3, 3])), unused: array([0, 0], dtype) },
      sequences: (steps) => ({ row: integers(7, [steps, 2], 50) }),
    }),
    scanCase("a sequence without a carry", {
      inputs: { x: spec([], dtype) },
      step: ({ x }) => ({ y: div(cast(greater(x, 0), dtype), add(1, square(x))) }),
      scan: { carry: {}, sequences: ["x"] },
      start: {},
      sequences: (steps) => ({ x: given(uniform(8, [steps])) }),
    }),
  ];
}

export const inputsOf = ({ start, sequences }: ScanCase, steps: number): Values => ({
  ...start,
  ...sequences(steps),
});

/** The results of a loop cut in two: `run` computes one part. */
export async function inTwoRuns(
  c: ScanCase,
  [first, second]: readonly [number, number],
  run: (inputs: Values, steps: number) => Promise<Readonly<Record<string, NdArray>>>,
): Promise<Record<string, NdArray>> {
  const all = c.sequences(first + second);
  const part = (from: number, to: number) =>
    Object.fromEntries(
      Object.entries(all).map(([name, { shape, data }]) => {
        const size = data.length / (first + second);
        return [name, { shape: [to - from, ...shape.slice(1)], data: data.slice(from * size, to * size) }];
      }),
    );
  const head = await run({ ...c.start, ...part(0, first) }, first);
  const carried = Object.fromEntries(
    Object.entries(c.scan.carry).map(([output, input]) => [input, head[output]]),
  );
  const tail = await run({ ...c.start, ...carried, ...part(first, first + second) }, second);
  return Object.fromEntries(
    Object.entries(tail).map(([name, end]) => [name, name in c.scan.carry ? end : joined(head[name], end)]),
  );
}

/** Two stacks one after the other. */
function joined(a: NdArray, b: NdArray): NdArray {
  const data = new (a.data.constructor as Float64ArrayConstructor)(a.data.length + b.data.length);
  data.set(a.data as Float64Array);
  data.set(b.data as Float64Array, a.data.length);
  return { shape: [a.shape[0] + b.shape[0], ...a.shape.slice(1)], data };
}

/** x <- 0.5 x + 1, with the difference as a stacked output. */
export const { graph: halving } = trace(
  ({ x }) => {
    const next = add(mul(0.5, x), 1);
    return { next, change: sub(next, x) };
  },
  { x: spec([4]) },
);
