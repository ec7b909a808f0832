import { describe, expect, expectTypeOf, it } from "vitest";
import { array, type NdArray } from "../../src/array.js";
import { ShapeError } from "../../src/errors.js";
import { grad } from "../../src/graph/autodiff.js";
import { add, mul } from "../../src/graph/ops/arithmetic.js";
import { sum } from "../../src/graph/ops/reduce.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../src/graph/trace.js";
import { jit } from "../../src/runtime/jit.js";

const args = {
  params: { w: array([2, 3], "float64") },
  batch: { x: spec([2], "float64") },
  rates: [spec([])],
};

describe("arguments by name", () => {
  it("name the inputs by their paths, and have their types without an annotation", () => {
    const { graph } = trace(({ params, batch, rates }) => {
      expectTypeOf(params).toEqualTypeOf<{ w: Tensor }>();
      expectTypeOf(rates).toEqualTypeOf<Tensor[]>();
      return { y: mul(params.w, batch.x), rate: add(rates[0], 0) };
    }, args);
    expect(graph.inputs.map(({ name }) => name)).toEqual(["params.w", "batch.x", "rates.0"]);
    expect(graph.outputs.map(({ name }) => name)).toEqual(["y", "rate"]);
  });

  it("name the inputs by their places in a list", () => {
    const { graph } = trace((p, x) => mul(p.w, x), [args.params, args.batch.x]);
    expect(graph.inputs.map(({ name }) => name)).toEqual(["0.w", "1"]);
  });

  it("have no options beside them", () => {
    const withNames = trace as (...given: unknown[]) => unknown;
    const named = () => withNames((x: Tensor) => sum(x), [spec([2])], { names: ["x"] });
    expect(named).toThrow(
      /^trace takes a function and its arguments, and no options; got .* To name inputs, write/,
    );
  });

  it("that a function asks for and that are not given do not compile", () => {
    const loss = ({ params, data }: { params: { w: Tensor }; data: Tensor }) => sum(mul(params.w, data));
    // @ts-expect-error no data
    const refused = () => trace(loss, { params: args.params });
    expect(refused).toThrow(/data/);
  });

  it("go to a compiled function in any order of keys, and come back as a tree", async () => {
    const f = await jit(
      ({ params, batch }) => grad((p: typeof params) => sum(mul(p.w, batch.x)))(params),
      { params: args.params, batch: args.batch },
      { runtime: "javascript" },
    );
    expectTypeOf<Parameters<typeof f>>().toEqualTypeOf<
      [args: { params: { w: NdArray | number }; batch: { x: NdArray | number } }]
    >();
    const x = array([5, 7], "float64");
    expect(await f({ batch: { x }, params: args.params })).toEqual({ w: x });
    const missing = f({ params: args.params, batch: {} as { x: NdArray } });
    await expect(missing).rejects.toThrow(ShapeError);
    await expect(missing).rejects.toThrow(/inputs params\.w, batch\.x/);
    await f.dispose();
  });

  it("may be of a type that is not known yet, as in a function for any parameters", () => {
    const traced = <P>(params: P, f: (p: TensorsOf<P>) => Tensor) => trace(({ p }) => f(p), { p: params });
    expect(traced(args.params, ({ w }) => sum(w)).graph.inputs.map(({ name }) => name)).toEqual(["p.w"]);
  });
});
