// What loops and branches are given twice, and numbers, are not computed with twice inside.

import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { expect, it } from "vitest";
import { array } from "../../../src/array.js";
import { cond } from "../../../src/graph/control/cond.js";
import { scan } from "../../../src/graph/control/scan.js";
import { whileLoop } from "../../../src/graph/control/while.js";
import { bodiesOf, type Graph, nodesOf } from "../../../src/graph/graph.js";
import { add, mul, neg, sub } from "../../../src/graph/ops/arithmetic.js";
import { greater, less } from "../../../src/graph/ops/compare.js";
import { sin, tanh } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { reshape } from "../../../src/graph/ops/reshape.js";
import { concat, slice } from "../../../src/graph/ops/slice.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { trace } from "../../../src/graph/trace.js";
import { compile } from "../../../src/runtime/compile.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { expectSame } from "./support.js";

interface Args {
  readonly h: Tensor;
  readonly w: Tensor;
  readonly xs: Tensor;
  readonly limit: Tensor;
}

const values = {
  h: uniform(1, [2, 3]),
  w: uniform(2, [3, 3], -0.8, 0.8),
  xs: uniform(3, [4, 2, 3]),
  limit: array(1, "float64"),
};

const at = (xs: Tensor, k: number) => reshape(slice(xs, { starts: [k], ends: [k + 1] }), [2, 3]);
const stacked = (list: readonly Tensor[]) => concat(list.map((x) => reshape(x, [1, 2, 3])));

/** The same product twice, of expressions that are found to be equal only outside. */
const twice = (c: Tensor, [a, b]: readonly Tensor[]) => tanh(add(matmul(c, a), mul(2, matmul(c, b))));

const rows = {
  scan: ({ h, w, xs }: Args) => {
    const both = [sin(w), sin(w)];
    const step = (c: Tensor, [x, y]: Tensor[]): [Tensor, Tensor[]] => [
      twice(add(c, x), both),
      [matmul(add(c, y), both[1])],
    ];
    const [last, [stack]] = scan(step, h, [sin(xs), sin(xs)]);
    return { last, stack };
  },
  whileLoop: ({ h, w, limit }: Args) => {
    const both = [sin(w), sin(w)];
    const init = { c: h, count: constant(0, "float64") };
    const step = ({ c, count }: typeof init) => ({ c: twice(c, both), count: add(count, limit) });
    return { last: whileLoop(({ count }: typeof init) => less(count, 3), step, init, { most: 5 }).c };
  },
  cond: ({ h, w, limit }: Args) => {
    const both = [sin(w), sin(w)];
    const branch = (c: Tensor) => () => twice(c, both);
    return { last: cond(greater(limit, 0), branch(h), branch(mul(2, h))) };
  },
};

const writtenOut = {
  scan: ({ h, w, xs }: Args) => {
    let last = h;
    const stack: Tensor[] = [];
    for (let k = 0; k < 4; k++) {
      const x = sin(at(xs, k));
      stack.push(matmul(add(last, x), sin(w)));
      last = tanh(mul(3, stack[k]));
    }
    return { last, stack: stacked(stack) };
  },
  whileLoop: ({ h, w }: Args) => {
    let last = h;
    for (let k = 0; k < 3; k++) last = tanh(mul(3, matmul(last, sin(w))));
    return { last };
  },
  cond: ({ h, w }: Args) => ({ last: tanh(mul(3, matmul(h, sin(w)))) }),
};

it.each(["scan", "whileLoop", "cond"] as const)(
  "%s computes once with what it is given twice",
  async (name) => {
    const { graph } = trace((args: Args) => rows[name](args) as Record<string, Tensor>, values);
    const [node] = nodesOf(simplify(graph)).filter(({ op }) => op.name === name);
    for (const body of bodiesOf(node)) {
      expect(nodesOf(body).filter(({ op }) => op.name === "matmul")).toHaveLength(1);
    }
    await expectSame(
      rows[name] as (args: Args) => { last: Tensor },
      writtenOut[name],
      ({ last }) => sum(sin(last)),
      values,
    );
  },
);

it("changes signs inside of a branch, not before it", () => {
  const f = ({ h, limit }: Args) => {
    const negated = neg(sin(h));
    return cond(
      greater(limit, 0),
      () => sub(limit, negated),
      () => mul(2, negated),
    );
  };
  const graph = simplify(trace(f, values).graph);
  const namesIn = (body: Graph) => nodesOf(body).map(({ op }) => op.name);
  expect(namesIn(graph)).not.toContain("neg");
  const [whenTrue] = bodiesOf(nodesOf(graph).filter(({ op }) => op.name === "cond")[0]);
  expect(namesIn(whenTrue)).toContain("add");
  expect(namesIn(whenTrue)).not.toContain("neg");
});

it("computes before a loop what follows from unchanging values once its products are in another order", async () => {
  const args = { c: uniform(1, [8, 2]), w: uniform(2, [2, 8]), v: uniform(3, [8, 2]) };
  const given = Object.fromEntries(
    Object.entries(args).map(([name, { shape, data }]) => [
      name,
      { shape, data: Float32Array.from(data as Float64Array) },
    ]),
  );
  const { graph } = trace(({ c, w, v }: Record<string, Tensor>) => {
    const init = { c, count: constant(0, "float32") };
    const step = (at: typeof init) => ({ c: tanh(matmul(matmul(at.c, w), v)), count: add(at.count, 1) });
    return { last: whileLoop(({ count }: typeof init) => less(count, 3), step, init, { most: 5 }).c };
  }, given);
  const simple = simplify(graph);
  const productsIn = (body: Graph) => nodesOf(body).filter(({ op }) => op.name === "matmul").length;
  expect(productsIn(simple)).toBe(1);
  expect(nodesOf(simple).flatMap(bodiesOf).map(productsIn)).toEqual([1]);
  const [plain, moved] = await Promise.all([graph, simple].map((g) => compile(g, { runtime: "javascript" })));
  const [{ last }, { last: expected }] = [await moved.run(given), await plain.run(given)];
  expect(last).toEqual(expected);
});

it.each(["taken together", "taken apart"])("carries products that the step before computed: %s", (form) => {
  const isTogether = form === "taken together";
  const args = {
    x: uniform(1, [6, 40]),
    a: uniform(2, [40, 6]),
    b: uniform(3, [40, 6]),
    limit: array(0.3, "float64"),
  };
  const { graph } = trace(({ x, a: a0, b: b0, limit }: Record<string, Tensor>) => {
    const init = { a: a0, b: b0, total: constant(0, "float64"), count: constant(0, "float64") };
    const step = ({ a, b, total, count }: typeof init) => {
      // Both as they are and moved, two of three of which are taken, as a search does.
      const productOf = (p: Tensor, q: Tensor) => tanh(matmul(x, add(sin(p), q)));
      const change = matmul(x, productOf(a, b), { transposeA: true });
      const [movedA, movedB] = [sub(a, mul(0.01, change)), sub(b, mul(0.02, change))];
      const change2 = sum(productOf(movedA, movedB));
      const isTaken = greater(sin(mul(2, count)), neg(limit));
      const isOtherTaken = greater(sin(mul(3, count)), neg(limit));
      const kept = cond(
        isTaken,
        () => [movedA, movedB],
        () => [a, b],
      );
      const other = isTogether
        ? kept[1]
        : cond(
            isOtherTaken,
            () => movedB,
            () => b,
          );
      return { a: kept[0], b: other, total: add(total, change2), count: add(count, 1) };
    };
    return whileLoop(({ count }: typeof init) => less(count, 7), step, init, { most: 9 });
  }, args);
  const simple = simplify(graph);
  const productsIn = (body: Graph) => nodesOf(body).filter(({ op }) => op.name === "matmul").length;
  const [loop] = nodesOf(simple).filter(({ op }) => op.name === "whileLoop");
  expect(bodiesOf(loop).map(productsIn)).toEqual([isTogether ? 2 : 3]);
  const [plain, carried] = [graph, simple].map((g) => compileJavaScript(g).runSync(args));
  expect(carried).toEqual(plain);
});
