import fc from "fast-check";
import { evaluate, expectClose, float64, fromGolden, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { array, item, type NdArray } from "../../src/array.js";
import { OptionError, ShapeError } from "../../src/errors.js";
import { fill } from "../../src/graph/ops/leaf.js";
import { clipByGlobalNorm, clipByValue, globalNorm } from "../../src/optim/clip.js";
import { golden } from "./support.js";

type Tree = Record<string, NdArray>;
const orderOf = (type: number | "inf") => (type === "inf" ? Infinity : type);

describe("clipByGlobalNorm", () => {
  const cases = golden.clipping.filter((c) => c.clip === "norm");

  it.each(cases)(
    "equals PyTorch's clip_grad_norm_: $options",
    ({ options, gradients, clipped, totalNorm }) => {
      const order = orderOf(options.norm_type);
      const tree = Object.fromEntries(Object.entries(gradients).map(([name, g]) => [name, fromGolden(g)]));
      const result = evaluate(
        (g) => ({
          norm: globalNorm(g, { order }),
          clipped: clipByGlobalNorm(g, options.max_norm, { order }),
        }),
        tree,
      );
      expectClose(result.norm, float64([totalNorm as number], []));
      expect(Object.keys(result.clipped)).toEqual(Object.keys(clipped));
      for (const name of Object.keys(clipped)) expectClose((result.clipped as Tree)[name], clipped[name]);
    },
  );

  it("never lengthens a gradient, never turns it and never leaves it longer than the limit", () => {
    const elements = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), {
      minLength: 3,
      maxLength: 3,
    });
    fc.assert(
      fc.property(elements, fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (values, limit) => {
        const clipped = numbers(evaluate((g) => clipByGlobalNorm(g, limit), float64(values)));
        const [before, after] = [Math.hypot(...values), Math.hypot(...clipped)];
        const factor = Math.min(1, limit / (before + 1e-6));
        expect(after).toBeLessThanOrEqual(Math.min(before, limit));
        expectClose(float64(clipped), float64(values.map((x) => factor * x)), 1e-12);
      }),
      { numRuns: 30 },
    );
  });

  it("leaves a zero gradient zero", () => {
    expect(numbers(evaluate((g) => clipByGlobalNorm(g, 1), float64([0, 0])))).toEqual([0, 0]);
  });

  it("keeps each leaf's dtype in a tree of both, with a norm in float64", () => {
    const tree = { a: array([3], "float32"), b: array([4], "float64") };
    const result = evaluate((g) => ({ norm: globalNorm(g), clipped: clipByGlobalNorm(g, 10) }), tree);
    expect(result.norm.data).toEqual(Float64Array.of(5));
    expect(result.clipped).toEqual(tree);
  });

  it("refuses limits that are not positive, orders it does not have and trees without elements", () => {
    const g = { a: fill([2], 1) };
    expect(() => clipByGlobalNorm(g, 0)).toThrow(OptionError);
    expect(() => clipByGlobalNorm(g, Number.NaN)).toThrow(/clipNorm must be > 0; got NaN/);
    expect(() => clipByGlobalNorm(g, 1, { order: 3 })).toThrow(/order must be one of 1, 2, Infinity; got 3/);
    expect(() => globalNorm({})).toThrow(ShapeError);
    expect(() => globalNorm({ a: fill([0], 1) })).toThrow(ShapeError);
  });

  it("passes over leaves without elements", () => {
    const tree = { a: float64([], [0]), b: float64([-2]) };
    expect(item(evaluate((g) => globalNorm(g, { order: Infinity }), tree))).toBe(2);
  });
});

describe("clipByValue", () => {
  it.each(golden.clipping.filter((c) => c.clip === "value"))(
    "equals PyTorch's clip_grad_value_: $options",
    ({ options, gradients, clipped }) => {
      const tree = Object.fromEntries(Object.entries(gradients).map(([name, g]) => [name, fromGolden(g)]));
      const result: Tree = evaluate((g) => clipByValue(g, options.clip_value), tree);
      for (const name of Object.keys(clipped)) expect(numbers(result[name])).toEqual(clipped[name].data);
    },
  );

  it("refuses a limit that is not positive", () => {
    expect(() => clipByValue(fill([2], 1), 0)).toThrow(OptionError);
  });
});
