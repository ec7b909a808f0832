import fc from "fast-check";
import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { evaluate, expectClose, float64, int64, numbers } from "isoloss-test-support/nn/support";
import { randomCases } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { full, type NdArray, ndarray } from "../../../src/array.js";
import { cond } from "../../../src/graph/control/cond.js";
import { type Graph, nodesOf } from "../../../src/graph/graph.js";
import { add, cast, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { broadcastTo } from "../../../src/graph/ops/broadcast.js";
import { greater } from "../../../src/graph/ops/compare.js";
import { exp, sin, square, tanh } from "../../../src/graph/ops/elementary.js";
import { gather, oneHot } from "../../../src/graph/ops/gather.js";
import { constant, input } from "../../../src/graph/ops/leaf.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { mean, sum } from "../../../src/graph/ops/reduce.js";
import { reshape, transpose } from "../../../src/graph/ops/reshape.js";
import { scatterAdd } from "../../../src/graph/ops/scatter.js";
import { concat, slice } from "../../../src/graph/ops/slice.js";
import { simplify } from "../../../src/graph/simplify.js";
import { apply, type Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import type { Values } from "../../../src/runtime/executable.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { settings } from "../../graph/ops/op-table.js";
import { allSteps, interpret, programs } from "../../graph/random-graph.js";

/** The graph of a function of float64 tensors named `x.0`, `x.1`, ... */
function graphOf(f: (...xs: Tensor[]) => Tensor | readonly Tensor[], ...shapes: number[][]): Graph {
  const types = shapes.map((s) => spec(s, "float64"));
  return trace(({ x: xs }: { x: Tensor[] }) => f(...xs), { x: types }).graph;
}

const named = (...arrays: NdArray[]): Values => Object.fromEntries(arrays.map((a, k) => [`x.${k}`, a]));

describe("Where values live", () => {
  it.each([1, 2, 8, 9, 30])("does not matter to %i elements", (n) => {
    const x = uniform(1, [n]);
    const f = (v: Tensor) => {
      const y = sin(v);
      const z = mul(y, y);
      return [
        add(y, z),
        mean(z),
        sum(mul(sub(z, mean(z)), y)),
        concat([z, y]),
        slice(z, { starts: [n - 1] }),
      ];
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
    results.forEach((r, k) => {
      expectClose(r, float64(expected[k], r.shape), 1e-14);
    });
  });

  it("lets tiny values be gathered, added to and told apart at places known only in a run", () => {
    const tiny = (n: number) =>
      evaluate(
        (x: Tensor, i: Tensor) => {
          const y = mul(x, 2);
          const picked = gather(y, i);
          return {
            picked,
            put: scatterAdd(mul(y, 3), i, { size: n }),
            total: sum(mul(picked, cast(oneHot(i, n, "float64"), "float64"))),
          };
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
    const alone = apply(
      node.op,
      ports.map((p) => p.tensor),
      node.attrs,
    );
    const executable = compileJavaScript({ inputs: ports, outputs: [{ name: "result", tensor: alone }] });
    const operands = node.inputs.map((x, k) => [`${k}`, results.get(x) as NdArray]);
    results.set(node, executable.runSync(Object.fromEntries(operands)).result);
  }
  return results;
}

const shapes = [[2, 3], [2, 3], [3, 2], [3], [2, 1], [], [2, 3, 4]];
const values = named(...shapes.map((s, k) => uniform(k + 1, s, -1, 1)));

describe("Fusing", () => {
  it("computes what is read several times once", () => {
    const f = (x: Tensor) => {
      const y = sin(x);
      return add(mul(y, y), broadcastTo(reshape(y, [1, 30]), [4, 30]));
    };
    const { source } = compileJavaScript(graphOf(f, [30]));
    expect(source.match(/Math\.sin/g)).toHaveLength(1);
  });

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
      settings(randomCases(150)),
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
    expect(executable.runSync({ "x.0": x }).result).toEqual(
      nodeByNode(graph, { "x.0": x }).get(graph.outputs[0].tensor),
    );
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
    joined.forEach((result, k) => {
      expectClose(result, single[k], 1e-13);
    });
  });

  it("reads its constants, and values that only other functions set", () => {
    const table = full([40], 2, "float64");
    const f = (x: Tensor) => {
      const first = square(x);
      let y = x;
      for (let k = 0; k < 1000; k++) y = sin(add(y, mul(first, constant(table))));
      return [add(y, first), first];
    };
    const x = ndarray(
      Float64Array.from({ length: 40 }, (_, i) => i / 10),
      [40],
    );
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

  it("exchanges the arrays of what a loop carries, in runs of even and odd numbers of steps", () => {
    const f = (x: Tensor) => {
      let y = x;
      for (let k = 0; k < 1000; k++) y = sin(add(y, square(x)));
      return [mul(0.5, y)];
    };
    const executable = compileJavaScript(graphOf(f, [40]), { scan: { carry: { "0": "x.0" } } });
    expect(isSplit(executable)).toBe(true);
    expect(executable.source).not.toContain("x0.set(");
    const step = (x: number) => {
      let y = x;
      for (let k = 0; k < 1000; k++) y = Math.sin(y + x * x);
      return 0.5 * y;
    };
    const x = uniform(1, [40]);
    const before = numbers(x);
    let expected = before;
    for (let steps = 1; steps <= 4; steps++) {
      expected = expected.map(step);
      expect(numbers(executable.runSync({ "x.0": x }, { steps })["0"])).toEqual(expected);
    }
    expect(numbers(x)).toEqual(before);
  });

  it("carries values that change places, and one that a condition passes on, as runs of single steps do", () => {
    const f = (a: Tensor, b: Tensor, c: Tensor) => {
      const next = cond(
        greater(sum(a), 0),
        () => c,
        () => mul(0.5, c),
      );
      let y = a;
      for (let k = 0; k < 3000; k++) y = sin(add(y, square(a)));
      return [b, a, next, add(y, next)];
    };
    const graph = simplify(graphOf(f, [40], [40], [40]));
    const executable = compileJavaScript(graph, { scan: { carry: { "0": "x.0", "1": "x.1", "2": "x.2" } } });
    expect(executable.source.includes("function f5()")).toBe(true);
    const single = compileJavaScript(graph);
    const inputs = named(uniform(1, [40], 0, 1), uniform(2, [40], -1, 0), uniform(3, [40]));
    let carried = Object.values(inputs);
    const stacked: number[] = [];
    for (let steps = 0; steps <= 3; steps++) {
      const results = executable.runSync(inputs, { steps });
      expect(Object.values(results).map(numbers)).toEqual([...carried.map(numbers), stacked]);
      const next = Object.values(single.runSync(named(...carried)));
      stacked.push(...numbers(next[3]));
      carried = next.slice(0, 3);
    }
  });
});
