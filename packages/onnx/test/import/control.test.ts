// Branches and loops of ONNX files, against ONNX Runtime; and those of graphs, written to a file and read back.

import { array, astype, compileJavaScript, grad, jit, simplify, type Tensor, toOnnx, trace } from "isoloss";
import { int, nodesOf, type OnnxGraph, type OnnxNode } from "isoloss/internal";
import {
  add,
  cond,
  expm,
  greater,
  less,
  matmul,
  mul,
  scan,
  sin,
  square,
  sum,
  tanh,
  whileLoop,
} from "isoloss/ops";
import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { relativeError } from "isoloss-test-support/graph/ops/op-derivatives";
import {
  type Arrays,
  fileOf,
  float32,
  int64,
  node,
  runImported,
  runOrt,
} from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { graph as graphOf, ints } from "../../../core/src/runtime/onnx/schema.js";
import { fromOnnx } from "../../src/import/from-onnx.js";

/** A graph inside a node. */
const inner = (
  inputs: OnnxGraph["inputs"],
  outputs: readonly string[],
  nodes: readonly OnnxNode[],
): OnnxNode["attributes"][string] =>
  graphOf({ name: "inner", inputs, outputs: outputs.map((name) => ({ name })), initializers: [], nodes });

const vector = { dtype: "float32", shape: [3] } as const;

const branches = node("If", ["c"], {
  then_branch: inner([], ["t"], [node("Mul", ["x", "w"], {}, ["t"])]),
  else_branch: inner([], ["e"], [node("Sin", ["x"], {}, ["e"])]),
});

/** Adds x to w until `limit` steps, and stacks the sums; stops when `again` of the step says so. */
const loop = (again: readonly OnnxNode[]) =>
  node(
    "Loop",
    ["count", "", "x"],
    {
      body: inner(
        [
          { name: "step", dtype: "int64", shape: [] },
          { name: "going", dtype: "bool", shape: [] },
          { name: "before", ...vector },
        ],
        ["again", "after", "element"],
        [
          ...again,
          node("Mul", ["before", "w"], {}, ["scaled"]),
          node("Add", ["scaled", "x"], {}, ["after"]),
          node("Cast", ["step"], { to: int(1) }, ["number"]),
          node("Add", ["after", "number"], {}, ["element"]),
        ],
      ),
    },
    ["y", "stacked"],
  );

/** Adds w to x while its sum is below a limit, and a start is given. */
const ending = node(
  "Loop",
  ["count", "start", "x"],
  {
    body: inner(
      [
        { name: "step", dtype: "int64", shape: [] },
        { name: "going", dtype: "bool", shape: [] },
        { name: "before", ...vector },
      ],
      ["again", "after"],
      [
        node("Cast", ["step"], { to: int(1) }, ["number"]),
        node("Add", ["before", "w"], {}, ["added"]),
        node("Add", ["added", "number"], {}, ["after"]),
        node("ReduceSum", ["after"], { keepdims: int(0) }, ["total"]),
        node("Less", ["total", "limit"], {}, ["again"]),
      ],
    ),
  },
  ["y"],
);

/** Adds x to w until `count` steps, which may be known at run time alone, or until the step says so. */
const counting = (again: readonly OnnxNode[]) =>
  node("Loop", ["count", "", "x"], {
    body: inner(
      [
        { name: "step", dtype: "int64", shape: [] },
        { name: "going", dtype: "bool", shape: [] },
        { name: "before", ...vector },
      ],
      ["again", "after"],
      [
        ...again,
        node("Mul", ["before", "w"], {}, ["scaled"]),
        node("Cast", ["step"], { to: int(1) }, ["number"]),
        node("Add", ["scaled", "number"], {}, ["after"]),
      ],
    ),
  });

const scanned = (directions: readonly number[], axis: number) =>
  node(
    "Scan",
    ["x", "table", "other"],
    {
      num_scan_inputs: int(2),
      scan_input_axes: ints([axis, 0]),
      scan_input_directions: ints(directions.slice(0, 2)),
      scan_output_directions: ints(directions.slice(2)),
      scan_output_axes: ints([1]),
      body: inner(
        [
          { name: "before", ...vector },
          { name: "row", ...vector },
          { name: "scale", dtype: "float32", shape: [] },
        ],
        ["after", "element"],
        [
          node("Mul", ["row", "scale"], {}, ["part"]),
          node("Add", ["before", "part"], {}, ["after"]),
          node("Mul", ["after", "w"], {}, ["element"]),
        ],
      ),
    },
    ["y", "stacked"],
  );

const x = float32([0.3, -0.7, 1.1]);
const w = float32([0.9, -0.4, 0.6]);
const table = astype(uniform(1, [4, 3]), "float32");
const turned = astype(uniform(1, [3, 4]), "float32");
const other = float32([1, -2, 0.5, 3]);
const always = [node("Identity", ["going"], {}, ["again"])];
const untilThird = [node("Less", ["step", "third"], {}, ["again"])];

interface Case {
  readonly nodes: OnnxNode;
  /** Inputs at run time, and those that are arrays when the model is traced. */
  readonly inputs: Arrays;
  readonly known?: Arrays;
  readonly stored?: Arrays;
  readonly outputs?: readonly string[];
}

const bool = (value: number) => ({ shape: [], data: Uint8Array.of(value) });
const stackedToo = ["y", "stacked"];
const cases: Readonly<Record<string, Case>> = {
  "a branch that is chosen at run time": { nodes: branches, inputs: { c: bool(1), x } },
  "the other branch": { nodes: branches, inputs: { c: bool(0), x } },
  "a branch that is known": { nodes: branches, inputs: { x }, known: { c: bool(0) } },
  "a counted loop": {
    nodes: loop(always),
    inputs: { x },
    outputs: stackedToo,
    stored: { count: int64([5], []) },
  },
  "a loop that ends early": {
    nodes: loop(untilThird),
    inputs: { x },
    outputs: stackedToo,
    stored: { count: int64([5], []), third: int64([2], []) },
  },
  "a loop that ends at a value": {
    nodes: ending,
    inputs: { x, limit: float32([9], []), start: bool(1) },
    stored: { count: int64([50], []) },
  },
  "a loop that ends at a value, or after a count": {
    nodes: ending,
    inputs: { x, limit: float32([1e6], []), start: bool(1) },
    stored: { count: int64([5], []) },
  },
  "a loop that does not start": {
    nodes: ending,
    inputs: { x, limit: float32([9], []), start: bool(0) },
    stored: { count: int64([50], []) },
  },
  ...Object.fromEntries(
    [0, 1, 4].map((count): [string, Case] => [
      `a loop of a count of ${count}, known at run time`,
      { nodes: counting(always), inputs: { x, count: int64([count], []) } },
    ]),
  ),
  "a loop of a count known at run time, which has one axis, that ends early": {
    nodes: counting(untilThird),
    inputs: { x, count: int64([5]) },
    stored: { third: int64([2], []) },
  },
  "a loop of a count known at run time that ends at a value": {
    nodes: ending,
    inputs: { x, count: int64([50], []), limit: float32([9], []), start: bool(1) },
  },
  "a loop of a count known at run time that does not come to a value": {
    nodes: ending,
    inputs: { x, count: int64([3], []), limit: float32([1e6], []), start: bool(1) },
  },
  "a scan": { nodes: scanned([0, 0, 0], 0), inputs: { x, table, other }, outputs: stackedToo },
  "a scan from the end": { nodes: scanned([1, 1, 1], 0), inputs: { x, table, other }, outputs: stackedToo },
  "a scan of sequences in both directions, along the second axis": {
    nodes: scanned([1, 0, 1], -1),
    inputs: { x, table: turned, other },
    outputs: stackedToo,
  },
};

describe("what ONNX Runtime computes on the same bytes is computed by", () => {
  it.each(Object.entries(cases))(
    "%s",
    async (_, { nodes, inputs, known = {}, stored = {}, outputs = ["y"] }) => {
      const bytes = fileOf({
        inputs: { ...inputs, ...known },
        initializers: { w, ...stored },
        nodes: [nodes],
        outputs,
      });
      const expected = await runOrt(bytes, { ...inputs, ...known });
      const actual = runImported(bytes, inputs, {}, known);
      for (const name of outputs) {
        expect(actual[name].shape).toEqual(expected[name].shape);
        expect(relativeError(actual[name], expected[name])).toBeLessThan(1e-6);
      }
    },
  );
});

/** Passes a shape on beside x, which each step turns into its sine. */
const passing = (again: string, stack: readonly string[] = []) =>
  node(
    "Loop",
    ["count", "", "shape", "x"],
    {
      body: inner(
        [
          { name: "step", dtype: "int64", shape: [] },
          { name: "going", dtype: "bool", shape: [] },
          { name: "same", dtype: "int64", shape: [2] },
          { name: "before", ...vector },
        ],
        [again, "passed", "after", ...stack],
        [node("Identity", ["same"], {}, ["passed"]), node("Sin", ["before"], {}, ["after"])],
      ),
    },
    ["shape2", "x2", ...stack.map(() => "stacked")],
  );

it.each([
  ["a count", passing("going"), { count: int64([3], []) }, {}],
  ["a count that is known at run time alone", passing("going"), {}, { count: int64([2], []) }],
  ["what it stacks", passing("going", ["before"]), { count: int64([3], []) }, {}],
] as const)("a shape that a loop passes on is known: of a loop with %s", async (_, own, stored, inputs) => {
  const bytes = fileOf({
    inputs: { x, ...inputs },
    initializers: { w, shape: int64([3, 1]), ...stored },
    nodes: [own, node("Reshape", ["x2", "shape2"], {}, ["z"]), node("Mul", ["z", "w"])],
  });
  const expected = await runOrt(bytes, { x, ...inputs });
  const actual = runImported(bytes, { x, ...inputs });
  expect(actual.y.shape).toEqual([3, 3]);
  expect(relativeError(actual.y, expected.y)).toBeLessThan(1e-6);
});

it("a loop that passes everything on is no operation", () => {
  const idle = node("Loop", ["count", "", "x"], {
    body: inner(
      [
        { name: "step", dtype: "int64", shape: [] },
        { name: "going", dtype: "bool", shape: [] },
        { name: "before", ...vector },
      ],
      ["going", "before"],
      [],
    ),
  });
  const bytes = fileOf({ inputs: { x, count: int64([2], []) }, nodes: [idle] });
  const model = fromOnnx(bytes);
  const { graph } = trace((input, count) => model.apply({}, { x: input, count }), [x, int64([2], [])]);
  expect(nodesOf(graph).map(({ op }) => op.name)).toEqual(["input"]);
});

it("a counted loop is one operation; weights used inside are parameters", () => {
  const initializers = { w, count: int64([5], []) };
  const bytes = fileOf({ inputs: { x }, initializers, nodes: [loop(always)], outputs: stackedToo });
  const model = fromOnnx(bytes);
  expect(Object.keys(model.params)).toEqual(["w"]);
  const { graph } = trace((p, input) => model.apply(p, { x: input }), [model.params, x]);
  expect(nodesOf(graph).filter(({ op }) => op.name === "scan")).toHaveLength(1);
});

describe("refusals", () => {
  const file = (nodes: OnnxNode, inputs: Arrays, initializers: Arrays = {}) =>
    fileOf({ inputs, initializers: { w, ...initializers }, nodes: [nodes], outputs: ["y"] });

  it("name what must be known", () => {
    const inputs = { x, count: int64([5], []) };
    expect(() => runImported(file(loop(always), inputs), inputs)).toThrow("give those inputs as arrays");
    const endless = [node("Less", ["limit", "step"], {}, ["again"])];
    const unknown = { x, limit: int64([5], []) };
    const count = { count: int64([5], []) };
    expect(() => runImported(file(loop(endless), unknown, count), unknown)).toThrow(
      "when it ends depends on inputs or parameters",
    );
    const long = file(loop(untilThird), { x }, { third: int64([1e6], []), count: int64([1e6], []) });
    expect(() => runImported(long, { x })).toThrow("does not end within 1000 steps");
  });

  it("name branches of different types", () => {
    const uneven = node("If", ["c"], {
      then_branch: inner([], ["t"], [node("Mul", ["x", "w"], {}, ["t"])]),
      else_branch: inner([], ["e"], [node("ReduceSum", ["x"], {}, ["e"])]),
    });
    const inputs = { x, c: bool(1) };
    expect(() => runImported(file(uneven, inputs), inputs)).toThrow(
      "return different types, float32[3] and float32[1]",
    );
  });
});

it("loops and branches of a graph, with their derivatives, are written to a file and read back", async () => {
  const values = {
    h: uniform(1, [2, 3]),
    m: uniform(2, [3, 3]),
    xs: uniform(3, [4, 2, 3]),
    limit: array(0.2, "float64"),
  };
  type Args = Readonly<Record<keyof typeof values, Tensor>>;
  const loss = ({ h, m, xs, limit }: Args) => {
    const [last, ys] = scan(
      (c: Tensor, row: Tensor) => {
        const next = cond(
          greater(sum(row), limit),
          () => tanh(add(matmul(c, m), row)),
          () => sin(c),
        );
        return [next, mul(next, row)];
      },
      h,
      xs,
    );
    const end = whileLoop(
      (c) => less(sum(square(c)), mul(20, limit)),
      (c) => mul(1.5, add(c, matmul(c, m))),
      last,
      { most: 6 },
    );
    return add(sum(square(end)), sum(ys));
  };
  const { graph } = trace((at: Args) => ({ loss: loss(at), g: grad(loss)(at) }), values);
  const bytes = toOnnx(graph);
  const expected = compileJavaScript(simplify(graph)).runSync(values);
  expect(Object.keys(expected)).toEqual(["loss", "g.h", "g.m", "g.xs", "g.limit"]);
  for (const results of [await runOrt(bytes, values), runImported(bytes, values, { dtype: "float64" })]) {
    for (const [name, y] of Object.entries(expected))
      expect(relativeError(results[name], y), name).toBeLessThan(1e-12);
  }
});

it("expm is written to a file and read back, with its derivative", async () => {
  const x = uniform(3, [2, 3, 3], -4, 4);
  const { graph } = trace(({ a }) => ({ y: expm(a) }), { a: x });
  const model = fromOnnx(toOnnx(graph), { dtype: "float64" });
  const read = (a: Tensor) => model.apply({}, { a }).y;
  const withSlope = (f: (a: Tensor) => Tensor) => (a: Tensor) => ({
    y: f(a),
    slope: grad((u: Tensor) => sum(sin(f(u))))(a),
  });
  const own = await jit(withSlope(expm), [x]);
  const expected = await own(x);
  for (const runtime of ["javascript", "onnx"] as const) {
    const imported = await jit(withSlope(read), [x], { runtime });
    const actual = await imported(x);
    expect(relativeError(actual.y, expected.y)).toBeLessThan(1e-12);
    expect(relativeError(actual.slope, expected.slope)).toBeLessThan(1e-10);
    await imported.dispose();
  }
  await own.dispose();
});
