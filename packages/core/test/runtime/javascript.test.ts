import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { array, dtypeOf, full, type NdArray, ndarray, zeros } from "../../src/array.js";
import { DTypeError, IsolossError, RuntimeError, ShapeError } from "../../src/errors.js";
import { grad } from "../../src/graph/autodiff.js";
import { type Graph, nodesOf } from "../../src/graph/graph.js";
import { relu } from "../../src/graph/ops/activation.js";
import { add, cast, div, mul, neg, sub } from "../../src/graph/ops/arithmetic.js";
import { broadcastTo } from "../../src/graph/ops/broadcast.js";
import { greater, logicalNot, where } from "../../src/graph/ops/compare.js";
import { exp, sin, square, tanh } from "../../src/graph/ops/elementary.js";
import { gather, oneHot, scatterAdd } from "../../src/graph/ops/gather.js";
import { constant, fill, input } from "../../src/graph/ops/leaf.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { argmax, max, mean, sum } from "../../src/graph/ops/reduce.js";
import { reshape, transpose } from "../../src/graph/ops/reshape.js";
import { concat, pad, slice } from "../../src/graph/ops/slice.js";
import { softmax } from "../../src/graph/ops/softmax.js";
import { simplify } from "../../src/graph/simplify.js";
import { apply, type Tensor } from "../../src/graph/tensor.js";
import { spec, trace } from "../../src/graph/trace.js";
import type { Values } from "../../src/runtime/executable.js";
import { compileJavaScript } from "../../src/runtime/javascript/executable.js";
import { uniform } from "../graph/op-case.js";
import { settings } from "../graph/op-table.js";
import { allSteps, interpret, programs } from "../graph/random-graph.js";
import { bool, evaluate, expectClose, float64, int64, numbers } from "../nn/support.js";

/** The graph of a function of float64 tensors named `x.0`, `x.1`, ... */
function graphOf(f: (...xs: Tensor[]) => Tensor | readonly Tensor[], ...shapes: number[][]): Graph {
  const types = shapes.map((s) => spec(s, "float64"));
  return trace((xs: Tensor[]) => f(...xs), [types], { names: ["x"] }).graph;
}

const named = (...arrays: NdArray[]): Values => Object.fromEntries(arrays.map((a, k) => [`x.${k}`, a]));

describe("What goes in and comes out", () => {
  it("has the dtypes of the graph: float32 is rounded once, at the end", () => {
    const { graph } = trace((x: Tensor) => sub(add(x, 1), 0.75), [spec([1])], { names: ["x"] });
    const { result } = compileJavaScript(graph).runSync({ x: array([2 ** -25]) });
    expect(result.data).toBeInstanceOf(Float32Array);
    // 1 + 2^-25 would be 1 in float32, and the result then 1/4.
    expect(result.data[0]).toBe(0.25 + 2 ** -25);
  });

  it("may be floats of the other width", () => {
    const { graph } = trace((x: Tensor) => square(x), [spec([2])], { names: ["x"] });
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
    expect(Object.fromEntries(Object.entries(results).map(([k, v]) => [k, [dtypeOf(v), ...numbers(v)]]))).toEqual({
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
    const f = (x: Tensor) => [x, x, reshape(x, [3, 1]), constant(shared), square(x), square(x), fill([3], 1, "float64")];
    for (const form of [(g: Graph) => g, simplify]) {
      const executable = compileJavaScript(form(graphOf(f, [3])));
      const x = float64([1, 2, 3]);
      const first = Object.values(executable.runSync({ "x.0": x }));
      const second = Object.values(executable.runSync({ "x.0": float64([4, 5, 6]) }));
      const buffers = [x, shared, ...first, ...second].map((a) => a.data.buffer);
      expect(new Set(buffers).size).toBe(buffers.length);
      expect(first.map(numbers)).toEqual([[1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 4, 9], [1, 4, 9], [1, 1, 1]]);
      expect(numbers(second[4])).toEqual([16, 25, 36]);
    }
  });

  it("leaves the inputs as they are", () => {
    const inputs = [uniform(1, [4, 5]), uniform(2, [5, 4])];
    const before = inputs.map(numbers);
    const f = (a: Tensor, b: Tensor) => sum(tanh(matmul(a, softmax(b))));
    compileJavaScript(graphOf((a, b) => [f(a, b), grad((p: Tensor) => f(p, b))(a)], [4, 5], [5, 4])).runSync(named(...inputs));
    expect(inputs.map(numbers)).toEqual(before);
  });

  it("gives the same bits from run to run, whatever ran between", () => {
    const executable = compileJavaScript(graphOf((a, b) => softmax(matmul(a, cast(scatterAdd(b, argmax(a), { size: 4 }), "float64"))), [5, 4], [5, 4]));
    const run = (seed: number) => numbers(executable.runSync(named(uniform(seed, [5, 4]), uniform(seed + 1, [5, 4]))).result);
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
    const { graph } = trace(f, [spec([3], "float64"), spec([3], "int64")], { names: ["x", "i"] });
    const run = (...i: number[]) => compileJavaScript(graph).runSync({ x: float64([1, 2, 3]), i: int64(i) });
    expect(numbers(run(2, 1, 0).result)).toHaveLength(3);
    for (const bad of [3, -1]) {
      expect(() => run(0, bad, 1)).toThrow(RuntimeError);
      expect(() => run(0, bad, 1)).toThrow(new RegExp(`0\\.\\.2.*got ${bad}`));
    }
  });

  it("name a tensor from outside while tracing", () => {
    const outside = input([2], "float64");
    expect(() => graphOf((x) => add(x, outside), [2])).toThrow(/float64\[2\].*outside.*argument/);
  });
});

describe("Tensors without elements", () => {
  it("go through every kind of operation", () => {
    const { rows, ...rest } = evaluate(
      (x: Tensor, w: Tensor) => ({
        rows: matmul(x, w),
        outer: matmul(transpose(x), x),
        sums: sum(x),
        columns: sum(x, { axes: 0 }),
        joined: concat([x, fill([2, 3], 7, "float64")]),
        padded: pad(x, [[1, 0], [0, 0]], 5),
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
    expect(numbers(rest.sums)).toEqual([0]);
    expect(numbers(rest.joined)).toEqual(new Array(6).fill(7));
    expect(numbers(rest.padded)).toEqual([5, 5, 5]);
    expect(numbers(rest.weightGradient)).toEqual(new Array(12).fill(0));
  });
});

describe("Where values live", () => {
  it.each([1, 2, 8, 9, 30])("does not matter to %i elements", (n) => {
    const x = uniform(1, [n]);
    const f = (v: Tensor) => {
      const y = sin(v);
      const z = mul(y, y);
      return [add(y, z), mean(z), sum(mul(sub(z, mean(z)), y)), concat([z, y]), slice(z, { starts: [n - 1] })];
    };
    const results = Object.values(compileJavaScript(simplify(graphOf(f, [n]))).runSync({ "x.0": x }));
    const y = numbers(x).map(Math.sin);
    const z = y.map((v) => v * v);
    const average = z.reduce((a, b) => a + b) / n;
    const expected = [
      y.map((v, i) => v + z[i]),
      [average],
      [z.reduce((s, v, i) => s + (v - average) * y[i], 0)],
      [...z, ...y],
      [z[n - 1]],
    ];
    results.forEach((r, k) => expectClose(r, float64(expected[k], r.shape), 1e-14));
  });

  it("lets tiny values be gathered, added to and told apart at places known only in a run", () => {
    const tiny = (n: number) => evaluate(
      (x: Tensor, i: Tensor) => {
        const y = mul(x, 2);
        const picked = gather(y, i);
        return { picked, put: scatterAdd(mul(y, 3), i, { size: n }), total: sum(mul(picked, cast(oneHot(i, n, "float64"), "float64"))) };
      },
      float64([...Array(n).keys()].map((k) => k + 1)),
      int64([...Array(n).keys()].reverse()),
    );
    for (const n of [1, 3, 12]) {
      const { picked, put, total } = tiny(n);
      const down = [...Array(n).keys()].map((k) => 2 * (n - k));
      expect(numbers(picked)).toEqual(down);
      expect(numbers(put)).toEqual(down.map((v) => 3 * v));
      // Column j of the one-hot matrix holds its one in row n - 1 - j and meets element j: the sum of all.
      expect(numbers(total)).toEqual([n * (n + 1)]);
    }
  });
});

/** Computes a graph one node at a time: each in a program of its own, from results that are there as arrays. */
function nodeByNode(graph: Graph, values: Values): Map<Tensor, NdArray> {
  const results = new Map<Tensor, NdArray>(graph.inputs.map(({ name, tensor }) => [tensor, values[name]]));
  for (const node of nodesOf(graph)) {
    if (results.has(node)) continue;
    const ports = node.inputs.map((x, k) => ({ name: `${k}`, tensor: input(x.shape, x.dtype) }));
    const alone = apply(node.op, ports.map((p) => p.tensor), node.attrs);
    const executable = compileJavaScript({ inputs: ports, outputs: [{ name: "result", tensor: alone }] });
    const operands = node.inputs.map((x, k) => [`${k}`, results.get(x) as NdArray]);
    results.set(node, executable.runSync(Object.fromEntries(operands)).result);
  }
  return results;
}

const shapes = [[2, 3], [2, 3], [3, 2], [3], [2, 1], []];
const values = named(...shapes.map((s, k) => uniform(k + 1, s, -1, 1)));

describe("Fusing", () => {
  it("gives what one operation after the other gives", () => {
    fc.assert(
      fc.property(programs(24), (program) => {
        const graph = graphOf((...xs) => interpret(program, xs, allSteps).slice(-3), ...shapes);
        const expected = nodeByNode(graph, values);
        const results = compileJavaScript(graph).runSync(values);
        for (const { name, tensor } of graph.outputs) {
          expectClose(results[name], expected.get(tensor) as NdArray, 1e-13);
        }
      }),
      settings(150),
    );
  });

  it("goes only so deep that a long chain compiles", () => {
    for (const n of [3, 20]) {
      const chain = (x: Tensor) => {
        let y = x;
        for (let k = 0; k < 4000; k++) y = add(mul(sin(y), 0.9), x);
        return y;
      };
      const x = uniform(1, [n]);
      const { result } = compileJavaScript(simplify(graphOf(chain, [n]))).runSync({ "x.0": x });
      const expected = numbers(x).map((v) => {
        let y = v;
        for (let k = 0; k < 4000; k++) y = Math.sin(y) * 0.9 + v;
        return y;
      });
      expect(numbers(result)).toEqual(expected);
    }
  });

  it("does not let changes of shape multiply the code", () => {
    const turn = (x: Tensor) => {
      let y = x;
      for (let k = 0; k < 24; k++) y = transpose(reshape(y, k % 2 ? [4, 3, 5] : [5, 2, 6]), [2, 0, 1]);
      return y;
    };
    const graph = graphOf(turn, [60]);
    const x = uniform(1, [60]);
    const executable = compileJavaScript(graph);
    expect(executable.source.length).toBeLessThan(30_000);
    expect(executable.runSync({ "x.0": x }).result).toEqual(nodeByNode(graph, { "x.0": x }).get(graph.outputs[0].tensor));
  });
});

/** Whether a program became several functions, as long ones do. */
const isSplit = ({ source }: { readonly source: string }): boolean => source.includes("function f1()");

describe("A program too long for one function", () => {
  const layers = 120;
  /** Layers of three kinds of nodes: small sums, long sums and element-wise ones, some kept to the end. */
  const deep = (x: Tensor, w: Tensor) => {
    const kept: Tensor[] = [];
    let h = x;
    for (let k = 0; k < layers; k++) {
      h = tanh(add(matmul(h, w), mul(mean(h), Math.cos(k))));
      if (k % 40 === 39) kept.push(sum(h, { axes: 0 }), mean(exp(h)));
    }
    return [h, ...kept];
  };

  it.each([
    [2, 3],
    [5, 17],
  ])("is split into several and gives the same for %i rows of %i", (rows, width) => {
    const graph = graphOf(deep, [rows, width], [width, width]);
    const inputs = named(uniform(1, [rows, width]), uniform(2, [width, width], -0.5, 0.5));
    const executable = compileJavaScript(graph);
    expect(isSplit(executable)).toBe(true);
    const expected = nodeByNode(graph, inputs);
    for (let run = 0; run < 2; run++) {
      const results = executable.runSync(inputs);
      for (const { name, tensor } of graph.outputs) {
        expectClose(results[name], expected.get(tensor) as NdArray, 1e-12);
      }
    }
  });

  it("gives the same as its parts in a function each", () => {
    const parts = fc
      .sample(programs(16), settings(200))
      .map((program) => (xs: Tensor[]) => interpret(program, xs, allSteps).slice(-2));
    const executable = compileJavaScript(graphOf((...xs) => parts.flatMap((part) => part(xs)), ...shapes));
    expect(isSplit(executable)).toBe(true);
    const joined = Object.values(executable.runSync(values));
    const single = parts.flatMap((part) => {
      const alone = compileJavaScript(graphOf((...xs) => part(xs), ...shapes));
      expect(isSplit(alone)).toBe(false);
      return Object.values(alone.runSync(values));
    });
    joined.forEach((result, k) => expectClose(result, single[k], 1e-13));
  });

  it("reads its constants, and values that only other functions set", () => {
    const table = full([40], 2, "float64");
    const f = (x: Tensor) => {
      const first = square(x);
      let y = x;
      for (let k = 0; k < 1000; k++) y = sin(add(y, mul(first, constant(table))));
      return [add(y, first), first];
    };
    const x = ndarray(Float64Array.from({ length: 40 }, (_, i) => i / 10), [40]);
    const executable = compileJavaScript(graphOf(f, [40]));
    expect(isSplit(executable)).toBe(true);
    const results = executable.runSync({ "x.0": x });
    const expected = numbers(x).map((v) => {
      let y = v;
      for (let k = 0; k < 1000; k++) y = Math.sin(y + v * v * 2);
      return y + v * v;
    });
    expect(numbers(results["0"])).toEqual(expected);
  });
});
