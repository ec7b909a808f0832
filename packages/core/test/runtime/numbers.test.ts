// A plain number stands wherever a scalar does.
import { describe, expect, it } from "vitest";
import { array, item } from "../../src/array.js";
import { valueAndGrad } from "../../src/graph/autodiff.js";
import { mul } from "../../src/graph/ops/arithmetic.js";
import { square } from "../../src/graph/ops/elementary.js";
import { sum } from "../../src/graph/ops/reduce.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, trace } from "../../src/graph/trace.js";
import type { Optimizer } from "../../src/optim/optimizer.js";
import { optimizers } from "../../src/optim/registry.js";
import { compile } from "../../src/runtime/compile.js";
import { jit } from "../../src/runtime/jit.js";

const runtimes = ["javascript", "onnx"] as const;
const dtypes = ["float32", "float64", "int64"] as const;

describe.each(runtimes)("%s", (runtime) => {
  it.each(dtypes)("takes a number for a scalar input of %s", async (dtype) => {
    const scale = await jit((x, s) => mul(x, s), [spec([2], dtype), spec([], dtype)], { runtime });
    const x = array([1, 2], dtype);
    expect((await scale(x, 3)).data).toEqual((await scale(x, array(3, dtype))).data);
    await scale.dispose();
  });

  it("takes numbers in trees of arguments and in the inputs of a run", async () => {
    const f = (p: { w: Tensor; s: Tensor }) => mul(p.w, p.s);
    const compiled = await jit(f, [{ w: spec([2]), s: spec([]) }], { runtime });
    expect([...(await compiled({ w: array([1, 2]), s: 0.5 })).data]).toEqual([0.5, 1]);
    const given = { "0.w": array([1, 2]), "0.s": 0.5 };
    expect([...(await compiled.executable.run(given)).result.data]).toEqual([0.5, 1]);
    expect(given["0.s"]).toBe(0.5);
    await compiled.dispose();
  });

  it("refuses a number where there are axes, and a fraction for an int64", async () => {
    const f = await jit((x, k) => ({ x, k }), [spec([2]), spec([], "int64")], { runtime });
    await expect(f(1, 1)).rejects.toThrow('run: input "0" must have shape [2]; got [].');
    await expect(f(array([1, 2]), 0.5)).rejects.toThrow('run: input "1" must be int64, an integer; got 0.5.');
    await f.dispose();
  });

  it("carries a number through a scan", async () => {
    const { graph } = trace(({ x }) => ({ y: mul(2, x) }), { x: spec([]) });
    const loop = await compile(graph, { runtime, scan: { carry: { y: "x" } } });
    expect(item((await loop.run({ x: 1 }, { steps: 5 })).y)).toBe(32);
    await loop.dispose();
  });
});

describe.each(Object.entries(optimizers))("%s", (_name, { make }) => {
  it("takes a number as its learning rate in a traced step, as it takes a scalar", async () => {
    const optimizer: Optimizer = make();
    const params = { w: array([3, -4]), b: array([0.5], "float64") };
    const state = optimizer.init(params);
    const loss = (p: { w: Tensor; b: Tensor }) => sum(square(p.w));
    const args = [params, state] as const;
    const step = (rate: number | undefined) =>
      jit(
        ((p: { w: Tensor; b: Tensor }, s: never, r: Tensor) => {
          const gradientAt = (q: typeof p) => valueAndGrad(loss)(q)[1];
          return optimizer.update(gradientAt(p), s, p, rate ?? r, gradientAt as never);
        }) as never,
        [...args, spec([], "float64")],
      );
    const [fixed, given] = await Promise.all([step(0.1), step(undefined)]);
    const call = (f: unknown) =>
      (f as (...values: unknown[]) => Promise<{ params: typeof params }>)(params, state, 0.1);
    const [a, b] = [await call(fixed), await call(given)];
    expect(a.params.w.data).toEqual(b.params.w.data);
    expect([...a.params.w.data]).not.toEqual([3, -4]);
    await Promise.all([fixed.dispose(), given.dispose()]);
  });
});
