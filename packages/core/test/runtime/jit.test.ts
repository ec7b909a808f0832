// A compiled function called as a loop calls it: again and again, with its own results.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { array, type NdArray, ndarray } from "../../src/array.js";
import { valueAndGrad } from "../../src/graph/autodiff.js";
import { add, mul, sub } from "../../src/graph/ops/arithmetic.js";
import { logicalNot, where } from "../../src/graph/ops/compare.js";
import { square } from "../../src/graph/ops/elementary.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { sum } from "../../src/graph/ops/reduce.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec } from "../../src/graph/trace.js";
import { jit } from "../../src/runtime/jit.js";
import { leavesIfLike } from "../../src/tree.js";

type Params = { w: NdArray; b: readonly [NdArray] };

const values = (x: NdArray | undefined): number[] => Array.from(x?.data ?? [], Number);

for (const runtime of ["javascript", "onnx"] as const) {
  describe(`a compiled step (${runtime})`, () => {
    // L = w1^2 + w2^2 + b^2, so that a step of rate 1/4 halves w and b; k counts, and is passed through in the same shape.
    const make = () =>
      jit(
        (p: { w: Tensor; b: readonly [Tensor] }, k: Tensor, rate: Tensor) => {
          const [loss, g] = valueAndGrad((q: typeof p) => add(sum(square(q.w)), square(q.b[0])))(p);
          const b: readonly [Tensor] = [sub(p.b[0], mul(rate, g.b[0]))];
          return { p: { w: sub(p.w, mul(rate, g.w)), b }, k, loss };
        },
        [{ w: spec([2]), b: [spec([])] as const }, spec([], "int64"), spec([])] as const,
        { runtime },
      );
    let step: Awaited<ReturnType<typeof make>>;
    beforeAll(async () => {
      step = await make();
    });
    afterAll(() => step.dispose());

    const start: Params = { w: array([8, 4]), b: [array(2)] };
    const counter = array(7, "int64");

    it("leaves the results of earlier calls and its arguments alone", async () => {
      const first = await step(start, counter, 0.25);
      const second = await step(first.p, first.k, 0.25);
      await step(second.p, second.k, 0.25);
      expect(values(start.w)).toEqual([8, 4]);
      expect(values(first.p.w)).toEqual([4, 2]);
      expect(values(first.loss)).toEqual([84]);
      expect(values(second.p.w)).toEqual([2, 1]);
      expect(values(second.p.b[0])).toEqual([0.5]);
      expect(values(second.loss)).toEqual([21]);
      expect(values(second.k)).toEqual([7]);
    });

    it("gives results that share no memory with its arguments or with each other", async () => {
      const { p, k, loss } = await step(start, counter, 0.25);
      const all = [start.w, start.b[0], counter, p.w, p.b[0], k, loss];
      expect(new Set(all.map(({ data }) => data.buffer)).size).toBe(all.length);
    });

    it("reads its arguments as they are at the call, also an array that was changed in place", async () => {
      const w = array([8, 4]);
      await step({ w, b: start.b }, counter, 0.25);
      w.data[0] = 16;
      expect(values((await step({ w, b: start.b }, counter, 0.25)).p.w)).toEqual([8, 2]);
    });

    it("runs calls that overlap", async () => {
      const calls = [1, 2, 3, 4].map((x) => step({ w: array([x, 0]), b: start.b }, counter, 0.25));
      expect((await Promise.all(calls)).map(({ p }) => values(p.w)[0])).toEqual([0.5, 1, 1.5, 2]);
    });
  });
}

it.each(["javascript", "onnx"] as const)("refuses bools other than 0 and 1 in %s", async (runtime) => {
  const f = await jit((x) => logicalNot(x), [spec([2], "bool")], { runtime });
  expect((await f(array([1, 0], "bool"))).data).toEqual(Uint8Array.of(0, 1));
  const bytes = ndarray(Uint8Array.of(255, 0), [2]);
  await expect(f(bytes)).rejects.toThrow('run: input "0" holds bools, bytes of 0 or 1; got 255.');
  await expect(jit((x) => where(constant(bytes), x, 0), [spec([2])], { runtime })).rejects.toThrow(
    "constant: the array holds bools, bytes of 0 or 1; got 255.",
  );
  const shifted = await jit((x) => add(constant(bytes, "float32"), x), [spec([2])], { runtime });
  expect((await shifted(array([1, 2]))).data).toEqual(Float32Array.of(256, 2));
  const added = await jit((k) => add(constant(array([2.7]), "int64"), k), [spec([1], "int64")], { runtime });
  expect((await added(array([1], "int64"))).data).toEqual(BigInt64Array.of(3n));
  for (const one of [f, shifted, added]) await one.dispose();
});

describe("the arguments of a compiled function", () => {
  const make = () =>
    jit(({ x, y }: { x: Tensor; y: readonly [Tensor, Tensor] }) => sub(x, mul(y[0], y[1])), {
      x: spec([]),
      y: [spec([]), spec([])] as const,
    });
  let f: Awaited<ReturnType<typeof make>>;
  beforeAll(async () => {
    f = await make();
  });
  afterAll(() => f.dispose());
  // biome-ignore lint/suspicious/noExplicitAny: arguments that types would refuse
  const call = (args: any) => f(args).then(({ data }) => data[0]);

  it("may have their keys in any order, and lists may be objects of their places", async () => {
    expect(await call({ x: 7, y: [2, 3] })).toBe(1);
    expect(await call({ y: [2, 3], x: 7 })).toBe(1);
    expect(await call({ x: 7, y: { 1: 3, 0: 2 } })).toBe(1);
    expect(await call({ x: array(7), y: [array(2), 3] })).toBe(1);
  });

  it("are refused where an entry is missing, too many or inherited", async () => {
    const inherited = Object.create({ x: 7, y: [2, 3] });
    for (const wrong of [{ x: 7 }, { x: 7, y: [2] }, { x: 7, y: [2, 3, 4] }, { x: 7, y: [2, 3], z: 1 }]) {
      await expect(call(wrong)).rejects.toThrow("inputs x, y.0, y.1; got x");
    }
    await expect(call({ x: 7, z: [2, 3] })).rejects.toThrow("inputs x, y.0, y.1; got x, z.0, z.1");
    await expect(call({ x: undefined, y: [2, 3] })).rejects.toThrow("missing");
    await expect(call(inherited)).rejects.toThrow();
  });
});

describe("leaves of a known structure", () => {
  const isNumber = (x: unknown): x is number => typeof x === "number";
  const leaf = { kind: "leaf" } as const;
  const def = {
    kind: "object",
    keys: ["a", "b"],
    items: [leaf, { kind: "array", items: [leaf, leaf] }],
  } as const;

  it("come in the structure's order", () => {
    expect(leavesIfLike(def, { b: [2, 3], a: 1 }, isNumber)).toEqual([1, 2, 3]);
  });

  it("are undefined for any other tree", () => {
    const others = [
      1,
      null,
      undefined,
      [],
      { a: 1 },
      { a: 1, b: 2 },
      { a: 1, b: [2] },
      { a: 1, b: [2, "3"] },
    ];
    for (const other of [...others, { a: 1, b: [2, 3], c: 4 }, { a: [1], b: [2, 3] }]) {
      expect(leavesIfLike(def, other, isNumber)).toBeUndefined();
    }
  });
});
