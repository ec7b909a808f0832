import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { float64 } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { array, full, type Shape } from "../../src/array.js";
import { grad } from "../../src/graph/autodiff.js";
import { costOf, type Graph, nodesOf, printGraph } from "../../src/graph/graph.js";
import { leakyRelu, relu } from "../../src/graph/ops/activation.js";
import { add, cast, div, mul, neg, pow, sub } from "../../src/graph/ops/arithmetic.js";
import { broadcastTo } from "../../src/graph/ops/broadcast.js";
import { greater, where } from "../../src/graph/ops/compare.js";
import { exp, sin, square, tanh } from "../../src/graph/ops/elementary.js";
import { identity } from "../../src/graph/ops/elimination.js";
import { constant, fill, input } from "../../src/graph/ops/leaf.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { maxPool2d } from "../../src/graph/ops/pool.js";
import { mean, sum } from "../../src/graph/ops/reduce.js";
import { reshape, transpose } from "../../src/graph/ops/reshape.js";
import { concat, pad, slice } from "../../src/graph/ops/slice.js";
import { alias, stopGradient } from "../../src/graph/ops/stop-gradient.js";
import { rewrite } from "../../src/graph/rewrite-rules.js";
import { simplify } from "../../src/graph/simplify.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, trace } from "../../src/graph/trace.js";
import { compileJavaScript } from "../../src/runtime/javascript/executable.js";

/** The simplified graph of a function of float64 tensors. */
function simplified(f: (...xs: Tensor[]) => Tensor | Tensor[], ...shapes: Shape[]): Graph {
  const types = shapes.map((s) => spec(s, "float64"));
  return simplify(trace(({ x: xs }: { x: Tensor[] }) => f(...xs), { x: types }).graph);
}

/** Names of the operations that are left, inputs and constants aside, in the order of computation. */
const operations = (graph: Graph): string[] =>
  nodesOf(graph)
    .filter(({ inputs }) => inputs.length > 0)
    .map(({ op }) => op.name);

const zeros = (...shape: number[]): Tensor => fill(shape, 0, "float64");

describe("Common sub-expressions", () => {
  it("are computed once", () => {
    const g = simplified((x, y) => [add(sin(x), y), mul(sin(x), y), sin(x)], [3], [3]);
    expect(operations(g).sort()).toEqual(["add", "mul", "sin"]);
  });

  it("are found through commuted sums and products, not through differences", () => {
    expect(operations(simplified((x, y) => sub(exp(add(x, y)), sin(add(y, x))), [], []))).toHaveLength(4);
    expect(operations(simplified((x, y) => [mul(x, y), mul(y, x)], [2], [2]))).toEqual(["mul"]);
    expect(operations(simplified((x, y) => [sub(x, y), sub(y, x)], [2], [2]))).toEqual(["sub", "sub"]);
    expect(operations(simplified((x, y) => [div(x, y), div(y, x)], [2], [2]))).toEqual(["div", "div"]);
  });

  it("differ where an attribute or a constant differs", () => {
    const g = simplified(
      (x) => [leakyRelu(x, 0.1), leakyRelu(x, 0.2), sum(x), sum(x, { keepDims: true })],
      [2],
    );
    expect(operations(g)).toEqual(["leakyRelu", "leakyRelu", "sum", "sum"]);
    const shared = array([1, 2], "float64");
    const arrays = simplified((x) => [mul(x, shared), mul(x, shared), mul(x, array([1, 3], "float64"))], [2]);
    expect(operations(arrays)).toEqual(["mul", "mul"]);
    // Too long to compare their numbers.
    const [long, other] = [1, 2].map((v) => full([1025], v, "float64"));
    const longArrays = simplified((x) => [long, long, other].map((a) => mul(x, constant(a))), [1025]);
    expect(operations(longArrays)).toEqual(["mul", "mul"]);
  });

  it("are found through two constants of the same numbers, signs of zeros included", () => {
    const productsWith = (...numbers: number[][]) =>
      operations(simplified((x) => numbers.map((n) => mul(x, array(n, "float64"))), [2]));
    expect(productsWith([1, Number.NaN], [1, Number.NaN])).toEqual(["mul"]);
    expect(productsWith([1, 0], [1, -0])).toEqual(["mul", "mul"]);
  });

  it("keep the numbers that a small array had when it became a constant", () => {
    const [a, b] = [array([1, 2], "float64"), array([1, 2], "float64")];
    const { graph } = trace(({ x }: { x: Tensor }) => mul(x, add(a, b)), { x: spec([2], "float64") });
    const simple = simplify(graph);
    b.data[0] = 100;
    for (const g of [graph, simple]) {
      const { result } = compileJavaScript(g).runSync({ x: array([1, 1], "float64") });
      expect([...result.data]).toEqual([2, 4]);
    }
  });

  it("are found in identity matrices of any size", () => {
    const [x, y] = [identity(1025, "float64"), identity(1025, "float64")];
    expect(operations(simplified(() => [exp(x), exp(y)]))).toHaveLength(2);
  });

  it("keep constants apart that JSON would write alike", () => {
    const values = [0, -0, Number.NaN, Infinity, -Infinity];
    const g = simplified(() => values.map((v) => constant(v, "float64")));
    expect(g.outputs.map(({ tensor }) => tensor.attrs.value)).toEqual(values);
  });

  it("never merge inputs of one type", () => {
    expect(operations(simplified((x, y) => sub(x, y), [2], [2]))).toEqual(["sub"]);
  });
});

describe("Constants", () => {
  it("are folded through any chain of operations", () => {
    const g = simplified(() => {
      const two = fill([2, 3], 2, "float64");
      return sum(transpose(mul(exp(sub(two, 2)), add(two, relu(neg(two))))));
    });
    // 6 elements of e^0 (2 + 0)
    expect(printGraph(g)).toBe("%0 = constant(value: 12): float64[]\nreturn result = %0");
  });

  it.each<[string, (c: Tensor) => Tensor, number]>([
    ["a power", (c) => pow(c, 3), 27],
    ["a quotient", (c) => div(c, 2), 1.5],
    ["a comparison", (c) => cast(greater(c, 2), "float64"), 1],
    ["a selection", (c) => where(greater(c, 4), c, -1), -1],
    ["a leaky unit", (c) => leakyRelu(neg(c), 0.1), -0.3],
    ["a slice of padding", (c) => slice(pad(reshape(c, [1]), [[0, 2]], 3), { starts: [2] }), 3],
    ["a concatenation", (c) => concat([reshape(c, [1]), fill([4], 3, "float64")]), 3],
    ["a mean", (c) => mean(broadcastTo(c, [7])), 3],
    ["a cut integer quotient", (c) => cast(div(cast(c, "int64"), 2), "float64"), 1],
  ])("fold through %s", (_, f, value) => {
    const g = simplified(() => f(constant(3, "float64")));
    expect(operations(g).filter((name) => name !== "broadcast")).toEqual([]);
    const [result] = Object.values(compileJavaScript(g).runSync({}));
    for (const x of result.data) expect(Number(x)).toBeCloseTo(value, 15);
  });
});

describe("Identities", () => {
  const x23 = [2, 3];
  it.each<[string, (x: Tensor) => Tensor]>([
    ["x + 0", (x) => add(x, 0)],
    ["0 + x", (x) => add(0, x)],
    ["x - 0", (x) => sub(x, 0)],
    ["x * 1", (x) => mul(x, 1)],
    ["1 * x", (x) => mul(1, x)],
    ["x / 1", (x) => div(x, 1)],
    ["-(-x)", (x) => neg(neg(x))],
    ["-1 * (-x)", (x) => mul(-1, neg(x))],
    ["2 (x / 2) as products", (x) => mul(2, mul(0.5, x))],
    ["where(true, x, 0)", (x) => where(fill([], 1, "bool"), x, 0)],
    ["where(c, x, x)", (x) => where(greater(x, 0), x, x)],
    ["x + 0 of a matrix of zeros", (x) => add(x, zeros(2, 3))],
    ["transposes", (x) => transpose(transpose(x))],
    ["reshapes", (x) => reshape(reshape(x, [6]), [2, 3])],
    [
      "an axis of size one that moves and comes back",
      (x) => reshape(transpose(reshape(x, [2, 1, 3]), [1, 0, 2]), [2, 3]),
    ],
    ["a sum over an axis of size one", (x) => sum(reshape(x, [2, 1, 3]), { axes: 1 })],
    ["stopGradient", (x) => stopGradient(alias(x))],
  ])("%s is x", (_, f) => {
    const g = simplified(f, x23);
    expect(g.outputs[0].tensor).toBe(g.inputs[0].tensor);
  });

  it.each<[string, (x: Tensor, y: Tensor) => Tensor, string[]]>([
    ["x + x is one product", (x) => add(x, x), ["broadcast", "mul"]],
    ["x + (-y) is a difference", (x, y) => add(x, neg(y)), ["sub"]],
    ["(-x) + y is a difference", (x, y) => add(neg(x), y), ["sub"]],
    ["x - (-y) is a sum", (x, y) => sub(x, neg(y)), ["add"]],
    ["0 - x is -x", (x) => sub(0, x), ["neg"]],
    ["-(x - y) is y - x", (x, y) => neg(sub(x, y)), ["sub"]],
    ["(-x) (-y) is x y", (x, y) => mul(neg(x), neg(y)), ["mul"]],
    ["2 (3 x) is 6 x", (x) => mul(2, mul(3, x)), ["broadcast", "mul"]],
    [
      "a double transpose of three axes is one",
      (x) => transpose(transpose(reshape(x, [1, 2, 3, 1])), [1, 0, 2, 3]),
      ["reshape", "transpose"],
    ],
    [
      "a repetition of a repetition is one",
      (x) => broadcastTo(broadcastTo(x, [4, 2, 3]), [5, 4, 2, 3]),
      ["broadcast"],
    ],
    [
      "a sum of repetitions is a product",
      (x) => sum(broadcastTo(x, [4, 2, 3]), { axes: 0 }),
      ["broadcast", "mul"],
    ],
    [
      "a function is computed before repeating",
      (x) => tanh(broadcastTo(x, [4, 2, 3])),
      ["tanh", "broadcast"],
    ],
  ])("%s", (_, f, expected) => {
    const left = operations(simplified(f, x23, x23)).filter(
      (name) => name !== "reshape" || expected.includes(name),
    );
    expect(left.sort()).toEqual([...expected].sort());
  });

  it("join permutations of axes in their order", () => {
    // [2, 3, 4] turned to [4, 2, 3], and its first two axes exchanged.
    const f = (x: Tensor) => transpose(transpose(x, [2, 0, 1]), [1, 0, 2]);
    const g = simplified(f, [2, 3, 4]);
    expect(operations(g)).toEqual(["transpose"]);
    expect(g.outputs[0].tensor.attrs).toEqual({ axes: [0, 2, 1] });
    expect(g.outputs[0].tensor.shape).toEqual([2, 4, 3]);
  });

  it("turn transposed operands of a product into its flags", () => {
    const g = simplified((a, b) => matmul(transpose(a), transpose(b)), [3, 2], [4, 3]);
    expect(operations(g)).toEqual(["matmul"]);
    expect(g.outputs[0].tensor.attrs).toEqual({ transposeA: true, transposeB: true });
    const twice = simplified((a, b) => matmul(transpose(a), b, { transposeA: true }), [2, 3], [3, 4]);
    expect(twice.outputs[0].tensor.attrs).toEqual({ transposeA: false, transposeB: false });
  });

  it("add up pooled elements before they are put back to their places", () => {
    const bias = (x: Tensor, b: Tensor) =>
      grad((q: Tensor) =>
        sum(square(maxPool2d(add(x, reshape(q, [3, 1, 1])), { kernel: 3, stride: 2, padding: 1 }))),
      )(b);
    const shapes = [[2, 3, 5, 6], [3]];
    expect(operations(simplified(bias, ...shapes))).not.toContain("poolPut");
    const { graph } = trace(({ x, b }) => bias(x, b), {
      x: spec(shapes[0], "float64"),
      b: spec(shapes[1], "float64"),
    });
    const values = { x: uniform(1, shapes[0], -1, 1), b: uniform(2, shapes[1], -1, 1) };
    const [raw, short] = [graph, simplify(graph)].map(
      (g) => compileJavaScript(g).runSync(values).result.data,
    );
    raw.forEach((v, i) => {
      expect(short[i]).toBeCloseTo(Number(v), 12);
    });
  });

  it("take constant factors out of sums and products", () => {
    const g = simplified((x) => sum(mul(3, x)), [5]);
    expect(operations(g)).toEqual(["sum", "mul"]);
    expect(operations(simplified((a, b) => add(matmul(neg(a), neg(b)), 1), [2, 2], [2, 2]))).not.toContain(
      "neg",
    );
  });
});

describe("Products of products", () => {
  const flags = [false, true].flatMap((a) => [false, true].map((b) => ({ transposeA: a, transposeB: b })));
  const shaped = (m: number, n: number, isTurned: boolean) => (isTurned ? [n, m] : [m, n]);

  it.each(flags.flatMap((own) => flags.map((outer) => [own, outer] as const)))(
    "take the order that multiplies less, in float32: %j in %j",
    (own, outer) => {
      for (const first of [true, false]) {
        const shapes = [
          shaped(8, 2, own.transposeA),
          shaped(2, 8, own.transposeB),
          first ? shaped(8, 2, outer.transposeB) : shaped(2, 8, outer.transposeA),
        ];
        const f = ([a, b, c]: readonly Tensor[]) => {
          const inner = matmul(a, b, own);
          return first ? matmul(inner, c, outer) : matmul(c, inner, outer);
        };
        const graphs = (["float32", "float64"] as const).map((dtype) => {
          const x = shapes.map((shape) => spec(shape, dtype));
          return trace(({ x: xs }: { x: Tensor[] }) => f(xs), { x }).graph;
        });
        const [fewer, same] = graphs.map((graph) => costOf(simplify(graph)).flops);
        expect(fewer).toBe(2 * (2 * 8 * 2 + 8 * 2 * 2));
        expect(same).toBe(costOf(graphs[1]).flops);
        const values = Object.fromEntries(shapes.map((shape, k) => [`x.${k}`, uniform(k, shape, -1, 1)]));
        const [short, raw] = graphs.map((graph) => compileJavaScript(simplify(graph)).runSync(values).result);
        raw.data.forEach((v, i) => {
          expect(short.data[i]).toBeCloseTo(Number(v), 5);
        });
      }
    },
  );

  it("stay where the other order multiplies more unless the inner product is needed nowhere else", () => {
    const x = [
      [6, 4],
      [4, 6],
      [6, 5],
    ].map((shape) => spec(shape));
    const { graph } = trace(({ x: [a, b, c] }: { x: Tensor[] }) => matmul(matmul(a, b), c), { x });
    expect(costOf(simplify(graph)).flops).toBe(costOf(graph).flops);
  });
});

describe("Sums of W * (A B) along an axis", () => {
  const [m, k, n] = [5, 2, 4];
  const flags = [false, true];
  const cases = flags.flatMap((transposeA) =>
    flags.flatMap((transposeB) => [0, 1].map((axis) => ({ transposeA, transposeB, axis }))),
  );
  const shapes = ({ transposeA, transposeB }: (typeof cases)[number]): Shape[] => [
    [m, n],
    transposeA ? [k, m] : [m, k],
    transposeB ? [n, k] : [k, n],
  ];
  /** A product of W with what a sum along the axis leaves of the others. */
  const productOf = (
    w: Tensor,
    a: Tensor,
    b: Tensor,
    { transposeA, transposeB, axis }: (typeof cases)[number],
  ) =>
    axis === 1
      ? matmul(transposeB ? transpose(b) : b, w, { transposeB: true })
      : matmul(w, a, { transposeA: true, transposeB: transposeA });
  const total = (w: Tensor, c: Tensor, axis: number) => sum(mul(w, c), { axes: axis });
  const products = (graph: Graph) => operations(graph).filter((name) => name === "matmul").length;

  const expectSame = (f: (...xs: Tensor[]) => Tensor[], operands: Shape[]) => {
    const types = operands.map((s) => spec(s, "float64"));
    const { graph } = trace(({ x: xs }: { x: Tensor[] }) => f(...xs), { x: types });
    const values = Object.fromEntries(operands.map((s, i) => [`x.${i}`, uniform(i + 1, s, -1, 1)]));
    const [raw, short] = [graph, simplify(graph)].map((g) => compileJavaScript(g).runSync(values));
    for (const [name, { data }] of Object.entries(raw)) {
      data.forEach((v, i) => {
        expect(short[name].data[i], name).toBeCloseTo(Number(v), 12);
      });
    }
  };

  it.each(cases)("use a product of W that is there: %o", (c) => {
    const { axis, ...transposes } = c;
    const before = (w: Tensor, a: Tensor, b: Tensor) => [
      productOf(w, a, b, c),
      total(w, matmul(a, b, transposes), axis),
    ];
    const behind = (...xs: Tensor[]) => before(...(xs as [Tensor, Tensor, Tensor])).reverse();
    for (const f of [before, behind] as ((...xs: Tensor[]) => Tensor[])[]) {
      expect(products(simplified(f, ...shapes(c)))).toBe(1);
      expectSame(f, shapes(c));
    }
  });

  it("do so in each term of a sum", () => {
    const f = (w: Tensor, a: Tensor, b: Tensor, d: Tensor) => [
      matmul(b, w, { transposeB: true }),
      matmul(d, w, { transposeB: true }),
      total(w, add(matmul(a, b), mul(3, matmul(a, d))), 1),
      total(w, sub(matmul(a, d), matmul(a, b)), 1),
    ];
    const operands = [
      [m, n],
      [m, k],
      [k, n],
      [k, n],
    ];
    expect(products(simplified(f, ...operands))).toBe(2);
    expectSame(f, operands);
  });

  it("stay where there is no such product, and where it has more elements", () => {
    const alone = (w: Tensor, a: Tensor, b: Tensor) => total(w, matmul(a, b), 1);
    expect(operations(simplified(alone, [m, n], [m, k], [k, n]))).toEqual(["matmul", "mul", "sum"]);
    const wide = (w: Tensor, a: Tensor, b: Tensor) => [matmul(b, w, { transposeB: true }), alone(w, a, b)];
    expect(products(simplified(wide, [m, n], [m, 2 * n], [2 * n, n]))).toBe(2);
  });
});

describe("Zeros", () => {
  const identity = constant(
    array(
      [
        [1, 0],
        [0, 1],
      ],
      "float64",
    ),
  );

  it("fold away in a group element I + T at T = 0", () => {
    const g = simplified((h) => add(h, matmul(zeros(2, 2), h)), [2, 5]);
    expect(g.outputs[0].tensor).toBe(g.inputs[0].tensor);
    // With a matrix I the product with it is left, and nothing of T.
    const withIdentity = simplified((h) => matmul(add(identity, zeros(2, 2)), h), [2, 5]);
    expect(operations(withIdentity)).toEqual(["matmul"]);
  });

  it("leave of a derivative in T at T = 0 what the definition gives", () => {
    // L(T) = sum sin((I + T) h): dL/dT = cos(h) h'
    const loss = (T: Tensor, h: Tensor) => sum(sin(add(h, matmul(T, h))));
    const g = simplified((h) => grad(loss)(zeros(2, 2), h), [2, 5]);
    expect(operations(g)).toEqual(["cos", "matmul"]);
  });

  it("absorb products, quotients and everything linear", () => {
    const g = simplified(
      (x, w) => [
        mul(x, 0),
        div(zeros(3, 3), add(1, square(x))),
        matmul(x, zeros(3, 2)),
        matmul(mul(w, 0), x),
        transpose(sub(mul(0, x), zeros(3, 3))),
      ],
      [3, 3],
      [3, 3],
    );
    expect(operations(g).every((name) => name === "broadcast")).toBe(true);
    const results = compileJavaScript(g).runSync({ "x.0": uniform(1, [3, 3]), "x.1": uniform(2, [3, 3]) });
    for (const { data } of Object.values(results)) expect([...data].every((v) => v === 0)).toBe(true);
  });
});

describe("What no output needs", () => {
  it("is not computed, and the inputs stay the graph's inputs", () => {
    const g = simplified(
      (x, y) => {
        exp(matmul(x, y));
        return neg(y);
      },
      [2, 2],
      [2, 2],
    );
    expect(operations(g)).toEqual(["neg"]);
    expect(g.inputs.map(({ name }) => name)).toEqual(["x.0", "x.1"]);
  });
});

it("A graph that was simplified before is not simplified again", () => {
  const { graph } = trace(({ x }) => ({ y: mul(2, exp(mul(1, x))) }), { x: spec([3]) });
  const form = simplify(graph);
  expect(simplify(graph)).toBe(form);
  expect(simplify(form)).toBe(form);
});

it("a number that is divided out twice keeps its value", () => {
  const g = simplified((x) => div(mul(3, x), mul(3, add(x, 1))), [2]);
  const { result } = compileJavaScript(g).runSync({ "x.0": float64([1, 3]) });
  expect([...result.data]).toEqual([0.5, 0.75]);
});

describe("Sums of tensors in zeros, as the gradients of a tensor's parts", () => {
  const padded = (rows: readonly Tensor[]): Tensor[] =>
    rows.map((x, k) =>
      pad(x, [
        [k, rows.length - 1 - k],
        [0, 0],
      ]),
    );

  it("are joined where these lie side by side, in any order, and not where they overlap", () => {
    const sumOf = (...order: number[]) => {
      const f = (...rows: Tensor[]) => order.map((k) => padded(rows)[k]).reduce(add);
      return operations(simplified(f, [1, 3], [1, 3], [1, 3]));
    };
    expect(sumOf(2, 0, 1)).toEqual(["concat"]);
    expect(sumOf(0, 1, 0)).not.toContain("concat");
  });

  it("are not looked through again with each term", () => {
    const count = 100;
    const parts = padded(Array.from({ length: count }, () => input([1, 3], "float64")));
    const [first] = parts;
    const { op } = first;
    let looks = 0;
    const get = () => {
      looks++;
      return op;
    };
    Object.defineProperty(first, "op", { get });
    const joined = parts.reduce((sum, part) => {
      const next = add(sum, part);
      return rewrite(next, () => false) ?? next;
    });
    expect(joined.op.name).toBe("concat");
    expect(looks).toBeLessThan(count / 2);
  });
});
