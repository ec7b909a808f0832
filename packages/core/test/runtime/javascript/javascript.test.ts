import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { bool, evaluate, float64, int64, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { array, dtypeOf, type NdArray, zeros } from "../../../src/array.js";
import { DTypeError, IsolossError, RuntimeError, ShapeError } from "../../../src/errors.js";
import { grad } from "../../../src/graph/autodiff.js";
import type { Graph } from "../../../src/graph/graph.js";
import { relu } from "../../../src/graph/ops/activation.js";
import { add, cast, div, neg, sub } from "../../../src/graph/ops/arithmetic.js";
import { broadcastTo } from "../../../src/graph/ops/broadcast.js";
import { greater, logicalNot, where } from "../../../src/graph/ops/compare.js";
import { square, tanh } from "../../../src/graph/ops/elementary.js";
import { gather } from "../../../src/graph/ops/gather.js";
import { constant, fill, input } from "../../../src/graph/ops/leaf.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { argmax, max, sum } from "../../../src/graph/ops/reduce.js";
import { reshape, transpose } from "../../../src/graph/ops/reshape.js";
import { scatterAdd } from "../../../src/graph/ops/scatter.js";
import { concat, pad, slice } from "../../../src/graph/ops/slice.js";
import { softmax } from "../../../src/graph/ops/softmax.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { linear } from "../../../src/nn/linear.js";
import type { Values } from "../../../src/runtime/executable.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";

/** The graph of a function of float64 tensors named `x.0`, `x.1`, ... */
function graphOf(f: (...xs: Tensor[]) => Tensor | readonly Tensor[], ...shapes: number[][]): Graph {
  const types = shapes.map((s) => spec(s, "float64"));
  return trace(({ x: xs }: { x: Tensor[] }) => f(...xs), { x: types }).graph;
}

const named = (...arrays: NdArray[]): Values => Object.fromEntries(arrays.map((a, k) => [`x.${k}`, a]));

describe("What goes in and comes out", () => {
  it("has the dtypes of the graph: float32 is rounded once, at the end", () => {
    const { graph } = trace(({ x }: { x: Tensor }) => sub(add(x, 1), 0.75), { x: spec([1]) });
    const { result } = compileJavaScript(graph).runSync({ x: array([2 ** -25]) });
    expect(result.data).toBeInstanceOf(Float32Array);
    // 1 + 2^-25 would be 1 in float32, and the result then 1/4.
    expect(result.data[0]).toBe(0.25 + 2 ** -25);
  });

  it("may be floats of the other width", () => {
    const { graph } = trace(({ x }: { x: Tensor }) => square(x), { x: spec([2]) });
    const executable = compileJavaScript(graph);
    expect(numbers(executable.runSync({ x: float64([1, 3]) }).result)).toEqual([1, 9]);
  });

  it("may be int64 and bool", () => {
    const results = evaluate(
      (i: Tensor, b: Tensor) => ({
        sum: add(i, cast(b, "int64")),
        quotient: div(i, 2),
        not: logicalNot(b),
        positive: greater(i, 0),
        same: i,
        float: cast(i, "float64"),
        whole: cast(constant(-2.7, "float64"), "int64"),
        picked: where(b, i, neg(i)),
      }),
      int64([-5, 0, 2 ** 40]),
      bool([1, 0, 1]),
    );
    expect(
      Object.fromEntries(Object.entries(results).map(([k, v]) => [k, [dtypeOf(v), ...numbers(v)]])),
    ).toEqual({
      sum: ["int64", -4, 0, 2 ** 40 + 1],
      quotient: ["int64", -2, 0, 2 ** 39],
      not: ["bool", 0, 1, 0],
      positive: ["bool", 0, 0, 1],
      same: ["int64", -5, 0, 2 ** 40],
      float: ["float64", -5, 0, 2 ** 40],
      whole: ["int64", -2],
      picked: ["int64", -5, 0, 2 ** 40],
    });
  });

  it("never shares memory: not with the inputs, nor with each other, nor from run to run", () => {
    const shared = array([1, 2, 3], "float64");
    const f = (x: Tensor) => [
      x,
      x,
      reshape(x, [3, 1]),
      constant(shared),
      square(x),
      square(x),
      fill([3], 1, "float64"),
    ];
    for (const form of [(g: Graph) => g, simplify]) {
      const executable = compileJavaScript(form(graphOf(f, [3])));
      const x = float64([1, 2, 3]);
      const first = Object.values(executable.runSync({ "x.0": x }));
      const second = Object.values(executable.runSync({ "x.0": float64([4, 5, 6]) }));
      const buffers = [x, shared, ...first, ...second].map((a) => a.data.buffer);
      expect(new Set(buffers).size).toBe(buffers.length);
      expect(first.map(numbers)).toEqual([
        [1, 2, 3],
        [1, 2, 3],
        [1, 2, 3],
        [1, 2, 3],
        [1, 4, 9],
        [1, 4, 9],
        [1, 1, 1],
      ]);
      expect(numbers(second[4])).toEqual([16, 25, 36]);
    }
  });

  it("leaves the inputs as they are", () => {
    const inputs = [uniform(1, [4, 5]), uniform(2, [5, 4])];
    const before = inputs.map(numbers);
    const f = (a: Tensor, b: Tensor) => sum(tanh(matmul(a, softmax(b))));
    compileJavaScript(graphOf((a, b) => [f(a, b), grad((p: Tensor) => f(p, b))(a)], [4, 5], [5, 4])).runSync(
      named(...inputs),
    );
    expect(inputs.map(numbers)).toEqual(before);
  });

  it("gives the same bits from run to run, whatever ran between", () => {
    const executable = compileJavaScript(
      graphOf(
        (a, b) => softmax(matmul(a, cast(scatterAdd(b, argmax(a), { size: 4 }), "float64"))),
        [5, 4],
        [5, 4],
      ),
    );
    const run = (seed: number) =>
      numbers(executable.runSync(named(uniform(seed, [5, 4]), uniform(seed + 1, [5, 4]))).result);
    const first = run(1);
    expect(run(7)).not.toEqual(first);
    expect(run(1)).toEqual(first);
  });

  it("can be had by a promise too", async () => {
    const executable = compileJavaScript(graphOf((x) => square(x), [2]));
    expect(numbers((await executable.run({ "x.0": float64([2, 3]) })).result)).toEqual([4, 9]);
    await executable.dispose();
  });
});

describe("Errors of a run", () => {
  const executable = compileJavaScript(graphOf((x, y) => add(x, y), [2, 3], [3]));
  it.each<[string, Values, typeof IsolossError, RegExp]>([
    ["a missing input", { "x.0": zeros([2, 3]) }, IsolossError, /"x\.1".*float64\[3\].*missing.*x\.0/],
    ["no input", {}, IsolossError, /none/],
    ["another shape", named(zeros([2, 3]), zeros([4])), ShapeError, /"x\.1".*\[3\].*\[4\]/],
    ["a shape of another rank", named(zeros([6]), zeros([3])), ShapeError, /"x\.0".*\[2, 3\].*\[6\]/],
    ["integers for floats", named(zeros([2, 3]), zeros([3], "int64")), DTypeError, /"x\.1".*float64.*int64/],
    ["bools for floats", named(zeros([2, 3], "bool"), zeros([3])), DTypeError, /"x\.0".*float64.*bool/],
    [
      "data of another length than the shape",
      named(zeros([2, 3]), { shape: [3], data: new Float64Array(2) }),
      ShapeError,
      /"x\.1".*\[3\].*2/,
    ],
    [
      "data of a kind that arrays do not have",
      named(zeros([2, 3]), { shape: [3], data: new Int32Array(3) } as unknown as NdArray),
      DTypeError,
      /Float32Array/,
    ],
  ])("name %s", (_, values, kind, message) => {
    expect(() => executable.runSync(values)).toThrow(kind);
    expect(() => executable.runSync(values)).toThrow(message);
  });

  it.each([
    ["gather", (x: Tensor, i: Tensor) => gather(x, i)],
    ["scatterAdd", (x: Tensor, i: Tensor) => scatterAdd(x, i, { size: 3 })],
    ["the derivative of gather", (x: Tensor, i: Tensor) => grad((y: Tensor) => sum(square(gather(y, i))))(x)],
  ])("name an index out of range in %s", (_, f) => {
    const { graph } = trace(({ x, i }) => f(x, i), { x: spec([3], "float64"), i: spec([3], "int64") });
    const run = (...i: number[]) => compileJavaScript(graph).runSync({ x: float64([1, 2, 3]), i: int64(i) });
    expect(numbers(run(2, 1, 0).result)).toHaveLength(3);
    for (const bad of [3, -4]) {
      expect(() => run(0, bad, 1)).toThrow(RuntimeError);
      expect(() => run(0, bad, 1)).toThrow(new RegExp(`-3\\.\\.2.*got ${bad}`));
    }
  });

  it("name a number that is no int64", () => {
    const { graph } = trace(({ x }) => cast(x, "int64"), { x: spec([1], "float64") });
    const run = () => compileJavaScript(graph).runSync({ x: float64([Number.NaN]) });
    expect(run).toThrow(RuntimeError);
    expect(run).toThrow(/int64, and has the value NaN: .*, or a number that is not finite was cast\./);
  });

  it("name a tensor from outside while tracing", () => {
    const outside = input([2], "float64");
    expect(() => graphOf((x) => add(x, outside), [2])).toThrow(/float64\[2\].*outside.*argument/);
  });
});

it("A single element of values that are kept in variables is read where the index selects an operand", () => {
  const graph = graphOf(
    (x) => {
      // Two elements, each read several times, so that they are kept in variables.
      const kept = tanh(x);
      const [first, second] = [slice(kept, { ends: [1] }), slice(kept, { starts: [1] })];
      return add(pad(first, [[0, 9]]), pad(second, [[9, 0]]));
    },
    [2],
  );
  const { result } = compileJavaScript(graph).runSync(named(array([0.25, -0.5], "float64")));
  expect([...result.data]).toEqual([Math.tanh(0.25), ...Array<number>(8).fill(0), Math.tanh(-0.5)]);
});

it("writes the number of a padding as an operand", () => {
  const ends = (value: number) => evaluate((x: Tensor) => sub(neg(pad(x, [[1, 1]], value)), x), float64([2]));
  expect(numbers(ends(-5))).toEqual([3, -4, 3]);
  expect(numbers(ends(-Infinity))).toEqual([Infinity, -4, Infinity]);
});

describe("Tensors without elements", () => {
  it("go through every kind of operation", () => {
    const { rows, ...rest } = evaluate(
      (x: Tensor, w: Tensor) => ({
        rows: matmul(x, w),
        outer: matmul(transpose(x), x),
        batched: matmul(fill([2, 3, 0], 1, "float64"), x),
        unbiased: linear(transpose(x), { weight: fill([4, 0], 1, "float64") }),
        sums: sum(x),
        columns: sum(x, { axes: 0 }),
        joined: concat([x, fill([2, 3], 7, "float64")]),
        padded: pad(
          x,
          [
            [1, 0],
            [0, 0],
          ],
          5,
        ),
        shaped: reshape(x, [3, 0, 2]),
        wide: broadcastTo(reshape(x, [0, 3, 1]), [0, 3, 4]),
        cut: slice(w, { starts: [3] }),
        soft: softmax(x),
        top: argmax(x),
        rowMaxima: max(x, { axes: 1 }),
        taken: gather(w, constant(zeros([0], "int64"))),
        gradient: grad((p: Tensor) => sum(square(matmul(p, w))))(x),
        weightGradient: grad((p: Tensor) => sum(square(matmul(x, p))))(w),
        many: relu(concat([x, x])),
      }),
      zeros([0, 3], "float64"),
      uniform(1, [3, 4]),
    );
    expect(rows.shape).toEqual([0, 4]);
    expect(Object.fromEntries(Object.entries(rest).map(([k, v]) => [k, v.shape]))).toEqual({
      outer: [3, 3],
      batched: [2, 3, 3],
      unbiased: [3, 4],
      sums: [],
      columns: [3],
      joined: [2, 3],
      padded: [1, 3],
      shaped: [3, 0, 2],
      wide: [0, 3, 4],
      cut: [0, 4],
      soft: [0, 3],
      top: [0],
      rowMaxima: [0],
      taken: [0, 4],
      gradient: [0, 3],
      weightGradient: [3, 4],
      many: [0, 3],
    });
    expect(numbers(rest.outer)).toEqual(new Array(9).fill(0));
    expect(numbers(rest.batched)).toEqual(new Array(18).fill(0));
    expect(numbers(rest.sums)).toEqual([0]);
    expect(numbers(rest.joined)).toEqual(new Array(6).fill(7));
    expect(numbers(rest.padded)).toEqual([5, 5, 5]);
    expect(numbers(rest.weightGradient)).toEqual(new Array(12).fill(0));
  });
});
