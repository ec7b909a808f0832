// Arrays as operands: constants in a traced function, an error outside of one.
import { describe, expect, it } from "vitest";
import { array, item, type NdArray } from "../../src/array.js";
import { DTypeError } from "../../src/errors.js";
import { grad } from "../../src/graph/autodiff.js";
import { add, div, maximum, minimum, mul, pow, sub } from "../../src/graph/ops/arithmetic.js";
import {
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalOr,
  where,
} from "../../src/graph/ops/compare.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { sum } from "../../src/graph/ops/reduce.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, trace } from "../../src/graph/trace.js";
import { isTracing } from "../../src/graph/tracing.js";
import { jit } from "../../src/runtime/jit.js";

const [a, b] = [array([1, 2], "float64"), array([3, 4], "float64")];

const operations = {
  add,
  sub,
  mul,
  div,
  maximum,
  minimum,
  pow,
  greater,
  greaterEqual,
  less,
  lessEqual,
  equal,
};

describe("outside of a traced function", () => {
  it.each(Object.entries(operations))("%s of two arrays is an error that says what to do", (name, f) => {
    expect(() => f(a, b)).toThrow(DTypeError);
    expect(() => f(a, b)).toThrow(
      `${name}: both operands are arrays, and no function is being traced: there is nothing to compute yet. ` +
        `Trace a function and run it: const f = await jit((a, b) => ${name}(a, b), [a, b]); await f(a, b).`,
    );
    expect(() => f(a, 2)).toThrow(`${name}: both operands are an array and a number`);
    expect(() => f(1, 2)).toThrow(`${name}: both operands are numbers`);
  });

  it.each(Object.entries({ logicalAnd, logicalOr }))("so it is of masks: %s", (name, f) => {
    const mask = array([true, false], "bool") as never;
    expect(() => f(mask, mask)).toThrow(`${name}: both operands are arrays`);
  });

  it("a tensor goes with arrays and numbers, as a formula of it", () => {
    const x = constant(a);
    expect(add(x, b).shape).toEqual([2]);
    expect(where(greater(x, 1), 1, a).dtype).toBe("float64");
    expect(where(greater(x, 1), 1, 0).dtype).toBe("float32");
  });

  it("a function that failed while it was traced is not traced any more", () => {
    const failing = () => {
      throw new Error("own");
    };
    expect(() => trace(failing as never, [spec([2])])).toThrow("own");
    expect(isTracing()).toBe(false);
    expect(() => add(a, b)).toThrow("no function is being traced");
  });
});

describe("in a traced function", () => {
  const run = async (f: (x: Tensor) => Tensor): Promise<NdArray> => {
    const compiled = await jit(f, [spec([2], "float64")], { runtime: "javascript" });
    return compiled(a);
  };

  it("an array beside a tensor is a constant", async () => {
    expect([...(await run((x) => add(x, b))).data]).toEqual([4, 6]);
    expect([...(await run((x) => mul(b, x))).data]).toEqual([3, 8]);
  });

  it("arrays alone, and arrays with numbers, are constants", async () => {
    expect([...(await run((x) => add(x, mul(a, b)))).data]).toEqual([4, 10]);
    // The number takes the array's dtype, not float32.
    expect([...(await run((x) => sub(x, mul(0.1, b)))).data]).toEqual([1 - 0.1 * 3, 2 - 0.1 * 4]);
  });

  it("so they are where it is differentiated", async () => {
    expect([...(await run((x) => grad((w: Tensor) => sum(mul(w, mul(a, b))))(x))).data]).toEqual([3, 8]);
  });

  it("gives a scalar of constants alone", async () => {
    const f = await jit((x: Tensor) => ({ y: x, total: sum(add(a, b)) }), [spec([2], "float64")]);
    expect(item((await f(a)).total)).toBe(10);
    await f.dispose();
  });
});

it("gradients of arrays say that the function is to be traced", () => {
  const loss = (p: { w: Tensor }) => sum(p.w);
  expect(() => grad(loss)({ w: a } as never)).toThrow(
    'grad: takes traced tensors; "w" is an array of shape [2]. Trace it: const f = await jit((params) => grad(loss)(params), [params]); await f(params).',
  );
});
