// Loops that end early against their steps written out, in values, first and second derivatives, and both runtimes.

import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { describe, expect, it } from "vitest";
import { array } from "../../../src/array.js";
import { cond } from "../../../src/graph/control/cond.js";
import { scan } from "../../../src/graph/control/scan.js";
import { whileLoop } from "../../../src/graph/control/while.js";
import { bodiesOf, nodesOf, printGraph } from "../../../src/graph/graph.js";
import { add, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { greater, less, where } from "../../../src/graph/ops/compare.js";
import { log, sin, sqrt, square, tanh } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { reshape } from "../../../src/graph/ops/reshape.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { trace } from "../../../src/graph/trace.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { expectSame } from "./support.js";

interface Args {
  readonly h: Tensor;
  readonly w: Tensor;
  readonly limit: Tensor;
}

const valuesAt = (limit: number) => ({
  h: uniform(1, [2, 3]),
  w: uniform(2, [3, 3], -0.8, 0.8),
  limit: array(limit, "float64"),
});

const sumOfSquares = Float64Array.from(valuesAt(0).h.data, Number).reduce((total, x) => total + x * x, 0);

const step = (h: Tensor, { w }: Args) => tanh(add(matmul(h, w), mul(0.3, sin(h))));

describe("whileLoop", () => {
  it.each([
    { taken: 0, limit: 0 },
    { taken: 2, limit: 2 },
    { taken: 5, limit: 100 },
  ])("takes $taken steps of at most 5", async ({ taken, limit }) => {
    const looped = (args: Args) => {
      const isNext = ({ count }: { h: Tensor; count: Tensor }) => less(count, args.limit);
      const next = ({ h, count }: { h: Tensor; count: Tensor }) => ({
        count: add(count, 1),
        h: step(h, args),
      });
      const init = { h: args.h, count: constant(0, "float64") };
      return whileLoop(isNext, next, init, { most: 5 });
    };
    const writtenOut = (args: Args) => {
      let { h } = args;
      for (let k = 0; k < taken; k++) h = step(h, args);
      return { h, count: constant(taken, "float64") };
    };
    const loss = ({ h, count }: { h: Tensor; count: Tensor }) => mul(add(count, 1), sum(sin(h)));
    await expectSame(looped, writtenOut, loss, valuesAt(limit));
  });

  it("does not compute the steps after the last one, nor their derivatives", async () => {
    // The logarithm of the next value would be NaN.
    const looped = ({ h, limit }: Args) => {
      const x = sum(square(h));
      return {
        x: whileLoop(
          (c) => greater(c, limit),
          (c) => log(c),
          x,
          { most: 50 },
        ),
      };
    };
    const once = ({ h }: Args) => ({ x: log(sum(square(h))) });
    await expectSame(looped, once, ({ x }) => square(x), valuesAt(sumOfSquares - 1e-3));
  });

  it("finds a root by bisection", () => {
    const { graph } = trace(
      ({ y }: { y: Tensor }) => {
        const [low] = whileLoop(
          ([a, b]: readonly Tensor[]) => greater(sub(b, a), 1e-12),
          ([a, b]) => {
            const middle = mul(0.5, add(a, b));
            const isBelow = less(square(middle), y);
            return [where(isBelow, middle, a), where(isBelow, b, middle)];
          },
          [constant(0, "float64"), add(1, y)],
          { most: 200 },
        );
        return { low, root: sqrt(y) };
      },
      { y: array(7, "float64") },
    );
    const { low, root } = compileJavaScript(simplify(graph)).runSync({ y: array(7, "float64") });
    expect(Math.abs(Number(low.data[0]) - Number(root.data[0]))).toBeLessThan(1e-12);
  });

  it("nests, in loops, branches and itself", async () => {
    const nested = (args: Args) => {
      const inner = (h: Tensor) =>
        whileLoop(
          (c) => greater(sum(square(c)), args.limit),
          (c) =>
            cond(
              greater(sum(c), 0),
              () => mul(0.5, c),
              () => step(c, args),
            ),
          h,
          { most: 2 },
        );
      const outer = (h: Tensor) =>
        whileLoop(
          (c) => less(sum(c), 1),
          (c) => add(inner(c), 0.2),
          h,
          { most: 3 },
        );
      const [h] = scan(
        (c: Tensor, x: Tensor) => [outer(mul(c, x)), []],
        args.h,
        constant(array([0.7, -0.9], "float64")),
      );
      return { h };
    };
    const writtenOut = (args: Args) => {
      const inner = (h: Tensor) => {
        let isOn: Tensor = constant(1, "bool");
        for (let k = 0; k < 2; k++) {
          isOn = where(isOn, greater(sum(square(h)), args.limit), isOn);
          h = where(isOn, where(greater(sum(h), 0), mul(0.5, h), step(h, args)), h);
        }
        return h;
      };
      let { h } = args;
      for (const x of [0.7, -0.9]) {
        h = mul(h, x);
        let isOn: Tensor = constant(1, "bool");
        for (let k = 0; k < 3; k++) {
          isOn = where(isOn, less(sum(h), 1), isOn);
          h = where(isOn, add(inner(h), 0.2), h);
        }
      }
      return { h };
    };
    await expectSame(nested, writtenOut, ({ h }) => sum(sin(h)), valuesAt(0.3));
  });

  it("computes once what does not change, and only what is used", () => {
    const { graph } = trace(
      (args: Args) =>
        whileLoop(
          ({ h }: Record<"h" | "unused", Tensor>) => greater(sum(h), args.limit),
          ({ h, unused }) => ({ h: add(h, sin(args.w)), unused: add(unused, h) }),
          { h: reshape(constant(array([1, 2, 3], "float64")), [3, 1]), unused: args.h },
          { most: 4 },
        ).h,
      { ...valuesAt(1), w: uniform(2, [3, 1]), h: uniform(1, [3, 1]) },
    );
    const [loop] = nodesOf(simplify(graph)).filter(({ op }) => op.name === "whileLoop");
    expect(loop.results).toHaveLength(2);
    const inside = bodiesOf(loop).flatMap(nodesOf);
    expect(new Set(inside.map(({ op }) => op.name))).toEqual(new Set(["input", "add", "sum", "greater"]));
    expect(printGraph(graph)).toContain("whileLoop(");
  });

  it("says what is wrong", () => {
    const run = (f: (args: Args) => unknown) => () => trace(({ at }) => f(at), { at: valuesAt(1) });
    const isLarge = (c: Tensor) => greater(sum(c), 1);
    const half = (c: Tensor) => mul(c, 0.5);
    expect(run(({ h }) => whileLoop(half, half, h, { most: 3 }))).toThrow(
      "whileLoop: the condition must be one bool; got float64[2, 3]",
    );
    expect(run(({ h }) => whileLoop(isLarge, (c) => sum(c), h, { most: 3 }))).toThrow(
      "whileLoop: the carried values must keep their types, float64[2, 3]; the step returned float64[]",
    );
    expect(run(({ h }) => whileLoop(isLarge, half, h, { most: 0 }))).toThrow(
      "whileLoop: most must be an integer >= 1; got 0",
    );
    expect(run(({ h }) => whileLoop(isLarge, half, h, {} as { most: number }))).toThrow(
      "most must be an integer",
    );
    expect(run(({ h }) => whileLoop(isLarge, h as never, h, { most: 3 }))).toThrow(
      "whileLoop takes a condition and a step",
    );
  });
});
