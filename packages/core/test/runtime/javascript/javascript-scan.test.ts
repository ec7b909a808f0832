import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { bool, float64, int64, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { array, type NdArray } from "../../../src/array.js";
import { IsolossError, ShapeError } from "../../../src/errors.js";
import type { Graph } from "../../../src/graph/graph.js";
import { add, cast, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { greater, logicalNot } from "../../../src/graph/ops/compare.js";
import { sin, tanh } from "../../../src/graph/ops/elementary.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { reshape } from "../../../src/graph/ops/reshape.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import type { Scan, Values } from "../../../src/runtime/executable.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { inputsOf, inTwoRuns, type ScanCase, scanCases } from "../scans.js";

type Results = Record<string, NdArray>;

/** What a scan means: a loop over single steps, written on the host. */
function stepByStep(graph: Graph, { carry, sequences = [] }: Scan, inputs: Values, steps: number): Results {
  const step = compileJavaScript(graph);
  const state: Record<string, NdArray> = { ...inputs };
  const stacks = new Map<string, (number | bigint)[]>(graph.outputs.map(({ name }) => [name, []]));
  for (let t = 0; t < steps; t++) {
    for (const name of sequences) {
      const { shape, data } = inputs[name];
      const size = data.length / steps;
      state[name] = { shape: shape.slice(1), data: data.slice(t * size, (t + 1) * size) };
    }
    const results = step.runSync(state);
    for (const [name, { data }] of Object.entries(results)) stacks.get(name)?.push(...data);
    for (const [output, input] of Object.entries(carry)) state[input] = results[output];
  }
  return Object.fromEntries(
    graph.outputs.map(({ name, tensor }) => {
      if (name in carry) return [name, state[carry[name]]];
      const values = stacks.get(name) as (number | bigint)[];
      const kinds = { float32: Float32Array, float64: Float64Array, int64: BigInt64Array, bool: Uint8Array };
      const data = (kinds[tensor.dtype] as Float64ArrayConstructor).from(values as number[]);
      return [name, { shape: [steps, ...tensor.shape], data }];
    }),
  );
}

const named = (["float32", "float64"] as const).flatMap((dtype) =>
  scanCases(dtype).map((c) => [c.name, dtype, c] as const),
);

const runOf = ({ graph, scan }: ScanCase) => {
  const executable = compileJavaScript(graph, { scan });
  return (inputs: Values, steps: number) => executable.runSync(inputs, { steps });
};

describe("A scan", () => {
  it.each(named)("of %s in %s is a loop over steps, also over none and one", (_, _dtype, c) => {
    const run = runOf(c);
    for (const steps of [0, 1, 2, 7]) {
      const inputs = inputsOf(c, steps);
      expect(run(inputs, steps)).toEqual(stepByStep(c.graph, c.scan, inputs, steps));
    }
  });

  it.each(named)("of %s in %s cut into two runs gives the same bits", async (_, _dtype, c) => {
    const run = runOf(c);
    const inTwo = (parts: [number, number]) =>
      inTwoRuns(c, parts, async (inputs, steps) => run(inputs, steps));
    const whole = run(inputsOf(c, 9), 9);
    expect(await inTwo([4, 5])).toEqual(whole);
    expect(await inTwo([0, 9])).toEqual(whole);
  });

  it.each(named)("of %s in %s leaves its inputs alone and shares no memory with them", (_, _dtype, c) => {
    const run = runOf(c);
    const inputs = inputsOf(c, 3);
    const before = Object.values(inputs).map(numbers);
    const results = [run(inputs, 3), run(inputs, 3), run(inputsOf(c, 0), 0)].flatMap(
      Object.values,
    ) as NdArray[];
    expect(Object.values(inputs).map(numbers)).toEqual(before);
    const full = [...Object.values(inputs), ...results].filter(({ data }) => data.length > 0);
    expect(new Set(full.map(({ data }) => data.buffer)).size).toBe(full.length);
  });

  it("gives the last of what is carried and a row a step of the rest", () => {
    // x <- 2 x + 1 from 1: 3, 7, 15, 31
    const { graph } = trace(
      ({ x, c }: { x: Tensor; c: Tensor }) => ({ next: add(mul(2, x), c), was: x, parts: { sum: sum(x) } }),
      { x: spec([1], "float64"), c: spec([], "float64") },
    );
    const executable = compileJavaScript(simplify(graph), { scan: { carry: { next: "x" } } });
    const results = executable.runSync({ x: float64([1]), c: array(1, "float64") }, { steps: 4 });
    expect(results.next).toEqual(float64([31]));
    expect(results.was).toEqual(float64([1, 3, 7, 15], [4, 1]));
    expect(results["parts.sum"]).toEqual(float64([1, 3, 7, 15]));
  });

  it("runs one step where no number of steps is given", () => {
    const { graph } = trace(({ x }: { x: Tensor }) => ({ next: mul(2, x) }), { x: spec([1], "float64") });
    const executable = compileJavaScript(graph, { scan: { carry: { next: "x" } } });
    expect(numbers(executable.runSync({ x: float64([3]) }).next)).toEqual([6]);
  });

  it.each([3, 30])("exchanges carries of %i elements that are inputs, views of them or computed", (n) => {
    const { graph } = trace(
      ({ a, b, c }: { a: Tensor; b: Tensor; c: Tensor }) => ({
        a: b,
        b: reshape(c, [n]),
        c: reshape(add(a, 1), [1, n]),
      }),
      { a: spec([n], "float64"), b: spec([n], "float64"), c: spec([1, n], "float64") },
    );
    const scan = { carry: { a: "a", b: "b", c: "c" } };
    const start = { a: uniform(1, [n]), b: uniform(2, [n]), c: uniform(3, [1, n]) };
    for (const form of [graph, simplify(graph)]) {
      const results = compileJavaScript(form, { scan }).runSync(start, { steps: 5 });
      // Three steps bring each value back, one larger; two more: a <- c, b <- a + 1, c <- b + 1.
      const larger = (x: NdArray, by: number) => numbers(x).map((v) => (by === 2 ? v + 1 + 1 : v + 1));
      expect(numbers(results.a)).toEqual(larger(start.c, 1));
      expect(numbers(results.b)).toEqual(larger(start.a, 2));
      expect(numbers(results.c)).toEqual(larger(start.b, 2));
    }
  });

  it("carries and stacks integers and bools", () => {
    const { graph } = trace(
      ({ n, flag, step }: { n: Tensor; flag: Tensor; step: Tensor }) => ({
        n: add(n, step),
        flag: logicalNot(flag),
        large: greater(n, 2 ** 40),
        twice: mul(n, cast(flag, "int64")),
      }),
      { n: spec([1], "int64"), flag: spec([], "bool"), step: spec([], "int64") },
    );
    const scan = { carry: { n: "n", flag: "flag" }, sequences: ["step"] };
    const results = compileJavaScript(simplify(graph), { scan }).runSync(
      { n: int64([2 ** 40]), flag: bool([1], []), step: int64([0, 5, -10]) },
      { steps: 3 },
    );
    expect(results.n).toEqual(int64([2 ** 40 - 5]));
    expect(results.flag).toEqual(bool([0], []));
    expect(results.large).toEqual(bool([0, 0, 1], [3, 1]));
    expect(results.twice).toEqual(int64([2 ** 40, 0, 2 ** 40 + 5], [3, 1]));
  });

  it("rounds what it carries in float32 at every step", () => {
    const { graph } = trace(({ x }: { x: Tensor }) => ({ x: mul(x, 1.1) }), { x: spec([]) });
    const executable = compileJavaScript(graph, { scan: { carry: { x: "x" } } });
    let expected = 1;
    for (let t = 0; t < 50; t++) expected = Math.fround(expected * 1.1);
    expect(executable.runSync({ x: array(1) }, { steps: 50 }).x.data[0]).toBe(expected);
  });

  it("of a program in several functions is a loop too", () => {
    const width = 12;
    const step = (h: Tensor, w: Tensor, x: Tensor) => {
      let y = add(h, x);
      const kept: Tensor[] = [];
      for (let k = 0; k < 90; k++) {
        y = tanh(add(matmul(y, w), sin(mul(y, k))));
        if (k % 45 === 0) kept.push(sum(y, { axes: 0 }));
      }
      return { h: y, x, kept };
    };
    const { graph } = trace(({ h, w, x }) => step(h, w, x), {
      h: spec([2, width], "float64"),
      w: spec([width, width], "float64"),
      x: spec([2, width], "float64"),
    });
    const scan = { carry: { h: "h" }, sequences: ["x"] };
    const inputs = {
      h: uniform(1, [2, width]),
      w: uniform(2, [width, width], -0.4, 0.4),
      x: uniform(3, [6, 2, width]),
    };
    const executable = compileJavaScript(graph, { scan });
    expect(executable.source.includes("function f1()")).toBe(true);
    expect(executable.runSync(inputs, { steps: 6 })).toEqual(stepByStep(graph, scan, inputs, 6));
    expect(executable.runSync(inputs, { steps: 6 })).toEqual(stepByStep(graph, scan, inputs, 6));
  });
});

describe("A scan that does not fit", () => {
  const { graph } = trace(
    ({ x, y, n }: { x: Tensor; y: Tensor; n: Tensor }) => ({ a: add(x, y), b: sub(x, y), total: sum(x), n }),
    { x: spec([2], "float64"), y: spec([2], "float64"), n: spec([], "int64") },
  );
  const compiled = (scan: Scan) => () => compileJavaScript(graph, { scan });

  it.each<[string, Scan, typeof IsolossError, RegExp]>([
    [
      "carries an output that is not there",
      { carry: { c: "x" } },
      IsolossError,
      /no output "c".*a, b, total, n/,
    ],
    ["feeds an input that is not there", { carry: { a: "z" } }, IsolossError, /no input "z".*x, y, n/],
    ["has a sequence that is not there", { carry: {}, sequences: ["z"] }, IsolossError, /no input "z"/],
    [
      "carries another shape",
      { carry: { total: "x" } },
      ShapeError,
      /"total" is float64\[\].*"x", float64\[2\]/,
    ],
    ["carries another dtype", { carry: { total: "n" } }, ShapeError, /float64\[\].*int64\[\]/],
    ["feeds one input twice", { carry: { a: "x", b: "x" } }, IsolossError, /two outputs.*"x"/],
    ["carries into a sequence", { carry: { a: "x" }, sequences: ["x"] }, IsolossError, /"x" is both/],
  ])("is refused where it %s", (_, scan, kind, message) => {
    expect(compiled(scan)).toThrow(kind);
    expect(compiled(scan)).toThrow(message);
  });

  it("is refused where a run gives other steps or a sequence of another length", () => {
    const executable = compiled({ carry: { a: "x" }, sequences: ["y"] })();
    const inputs = { x: float64([1, 2]), y: uniform(1, [3, 2]), n: array(0, "int64") };
    expect(executable.runSync(inputs, { steps: 3 }).b.shape).toEqual([3, 2]);
    expect(() => executable.runSync(inputs, { steps: 2 })).toThrow(/"y".*\[2, 2\].*\[3, 2\]/);
    expect(() => executable.runSync({ ...inputs, y: uniform(1, [2]) }, { steps: 1 })).toThrow(ShapeError);
    for (const steps of [-1, 1.5, Number.NaN]) {
      expect(() => executable.runSync(inputs, { steps })).toThrow(new RegExp(`steps.*got ${steps}`));
    }
  });
});
