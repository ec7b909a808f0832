// Branches against a selection of both results, in values, first and second derivatives, and both runtimes.

import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { relativeError } from "isoloss-test-support/graph/ops/op-derivatives";
import { describe, expect, it } from "vitest";
import { array } from "../../../src/array.js";
import { backward, grad, jvp } from "../../../src/graph/autodiff.js";
import { cond } from "../../../src/graph/control/cond.js";
import { scan } from "../../../src/graph/control/scan.js";
import { add, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { greater, where } from "../../../src/graph/ops/compare.js";
import { exp, log, sin, square } from "../../../src/graph/ops/elementary.js";
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
  readonly a: Tensor;
  readonly b: Tensor;
  readonly w: Tensor;
  readonly limit: Tensor;
}

const valuesAt = (limit: number) => ({
  a: uniform(1, [3]),
  b: uniform(2, [3]),
  w: uniform(3, [3, 3]),
  limit: array(limit, "float64"),
});

const times = (x: Tensor, w: Tensor) => reshape(matmul(reshape(x, [1, 3]), w), [3]);

describe("cond", () => {
  it.each([-100, 100])("computes one of two branches: limit %d", async (limit) => {
    const branched = ({ a, b, w, limit: at }: Args) => {
      const [x, y] = cond(
        greater(sum(a), at),
        () => [times(a, w), sin(b)],
        () => [mul(a, b), a],
      );
      return { x, y };
    };
    const selected = ({ a, b, w, limit: at }: Args) => {
      const condition = greater(sum(a), at);
      return { x: where(condition, times(a, w), mul(a, b)), y: where(condition, sin(b), a) };
    };
    await expectSame(branched, selected, ({ x, y }) => add(sum(square(x)), sum(mul(x, y))), valuesAt(limit));
  });

  it("nests, in branches and in loops", async () => {
    const clipped = ({ a, b, w, limit }: Args) => ({
      last: scan(
        (c: Tensor, x: Tensor) => {
          const isLarge = greater(sum(square(c)), limit);
          const next = cond(
            isLarge,
            () => mul(0.5, c),
            () =>
              cond(
                greater(x, 0),
                () => add(c, times(c, w)),
                () => sub(c, mul(x, b)),
              ),
          );
          return [next, []];
        },
        a,
        b,
      )[0],
    });
    const both = ({ a, b, w, limit }: Args) => {
      let c = a;
      for (let t = 0; t < 3; t++) {
        const x = sum(
          mul(
            b,
            array(
              [0, 1, 2].map((k) => +(k === t)),
              "float64",
            ),
          ),
        );
        const small = where(greater(x, 0), add(c, times(c, w)), sub(c, mul(x, b)));
        c = where(greater(sum(square(c)), limit), mul(0.5, c), small);
      }
      return { last: c };
    };
    for (const limit of [0, 0.8, 5])
      await expectSame(clipped, both, ({ last }) => sum(sin(last)), valuesAt(limit));
  });

  it("takes no derivative of the other branch", () => {
    const loss = (x: Tensor) =>
      cond(
        greater(x, 0),
        () => log(x),
        () => exp(x),
      );
    const { graph } = trace((x) => ({ y: loss(x), g: grad(loss)(x) }), [array(0, "float64")]);
    const { y, g } = compileJavaScript(simplify(graph)).runSync({ 0: array(0, "float64") });
    expect([y.data[0], g.data[0]]).toEqual([1, 1]);
  });

  it("has Jacobian-vector products, and derivatives in a constant", () => {
    const loop = (x: Tensor, w: Tensor) => scan((c: Tensor) => [mul(c, w), []], x, [], { length: 2 })[0];
    const derivatives = (f: (x: Tensor, w: Tensor) => Tensor) => (x: Tensor) => {
      const w = constant(array([1, 2], "float64"));
      const tangents = jvp((v: Tensor) => f(v, w), x, w)[1];
      return { tangents, g: grad((v: Tensor) => sum(sin(f(x, v))))(w) };
    };
    const branched = (x: Tensor, w: Tensor) =>
      cond(
        greater(sum(x), 0),
        () => loop(x, w),
        () => w,
      );
    const x = array([0.3, 0.7], "float64");
    const { graph } = trace(
      (at) => ({
        actual: derivatives(branched)(at),
        expected: derivatives((v, w) => mul(mul(v, w), w))(at),
      }),
      [x],
    );
    for (const form of [graph, simplify(graph)]) {
      const results = compileJavaScript(form).runSync({ 0: x });
      for (const name of ["tangents", "g"])
        expect(relativeError(results[`actual.${name}`], results[`expected.${name}`])).toBeLessThan(1e-14);
    }
  });

  it("differentiates in a branch what a loop before it computed", async () => {
    const squared = (x: Tensor) => scan((h: Tensor) => [square(h), []], x, [], { length: 3 })[0];
    const slope = ({ x }: { readonly x: Tensor }) => {
      const value = squared(x);
      return cond(
        greater(value, 0),
        () => backward([value], [constant(1, "float64")], [x])[0],
        () => x,
      );
    };
    const executable = compileJavaScript(trace(slope, { x: array(1.5, "float64") }).graph);
    const [result] = Object.values(await executable.run({ x: array(1.5, "float64") }));
    expect(result.data[0]).toBeCloseTo(8 * 1.5 ** 7, 10);
  });

  it("matches the results of the branches by their names, whatever their order", async () => {
    const named = ({ a, b, limit: at }: Args) =>
      cond(
        greater(sum(a), at),
        () => ({ x: sin(a), y: b }),
        () => ({ y: sin(b), x: a }),
      );
    const selected = ({ a, b }: Args) => ({ x: a, y: sin(b) });
    await expectSame(named, selected, ({ x, y }) => sum(mul(square(x), y)), valuesAt(100));
  });

  it("says what is wrong", () => {
    const run = (f: (args: Args) => unknown) => () => trace(({ at }) => f(at), { at: valuesAt(0) });
    expect(
      run(({ a }) =>
        cond(
          greater(a, 0),
          () => a,
          () => a,
        ),
      ),
    ).toThrow("must be one bool; got bool[3]");
    expect(
      run(({ a, limit }) =>
        cond(
          limit,
          () => a,
          () => a,
        ),
      ),
    ).toThrow("must be one bool; got float64[]");
    expect(
      run(({ a, limit }) =>
        cond(
          greater(limit, 0),
          () => a,
          () => sum(a),
        ),
      ),
    ).toThrow("must return the same types; got float64[3] and float64[]");
    expect(
      run(({ a, limit }) =>
        cond<Record<string, Tensor>>(
          greater(limit, 0),
          () => ({ x: a }),
          () => ({ y: a }),
        ),
      ),
    ).toThrow("cond: the result of the second branch must have the entries x; got y.");
    expect(run(({ a, limit }) => cond(greater(limit, 0), () => a, a as never))).toThrow(
      "takes a condition and two functions",
    );
  });
});
