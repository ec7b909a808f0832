import { evaluate, expectClose, float64, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { array, type NdArray } from "../../src/array.js";
import { DTypeError, OptionError, ShapeError } from "../../src/errors.js";
import { grad } from "../../src/graph/autodiff.js";
import { mul } from "../../src/graph/ops/arithmetic.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { sum } from "../../src/graph/ops/reduce.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, trace } from "../../src/graph/trace.js";
import { torchGenerator, torchRandn } from "../../src/math/mt19937.js";
import { type FakeQuantizeOptions, fakeQuantize } from "../../src/nn/fake-quantize.js";

const shape = [4, 3, 5];
const x = torchRandn(torchGenerator(3), shape, { dtype: "float64" });
const slopes = torchRandn(torchGenerator(4), shape, { dtype: "float64" });

const values = (a: NdArray, options: FakeQuantizeOptions) =>
  evaluate((t: Tensor) => fakeQuantize(t, options), a);

/** Gradient of sum slopes * fakeQuantize(x). */
const gradient = (options: FakeQuantizeOptions) =>
  numbers(
    evaluate((t: Tensor) => grad((v: Tensor) => sum(mul(fakeQuantize(v, options), constant(slopes))))(t), x),
  );

/** Nearest integer, the even one of two. */
function nearest(v: number): number {
  const low = Math.floor(v);
  if (v - low === 0.5) return low % 2 === 0 ? low : low + 1;
  return Math.round(v);
}

const clamp = (v: number, low: number, high: number) => Math.min(Math.max(v, low), high);

/** Index of an element along an axis of `shape`. */
const indexAlong = (axis: number, at: number) => [Math.floor(at / 15), Math.floor(at / 5) % 3, at % 5][axis];

describe("fakeQuantize", () => {
  const cases = [2, 3, 4, 8].flatMap((bits) => [undefined, 0, 1, -1].map((axis) => ({ bits, axis })));

  it.each(cases)("rounds to symmetric integers over the largest magnitude: %o", ({ bits, axis }) => {
    const channel = (at: number) => (axis === undefined ? 0 : indexAlong(axis < 0 ? axis + 3 : axis, at));
    const high = 2 ** (bits - 1) - 1;
    const expected = numbers(x).map((v, at) => {
      const own = numbers(x).filter((_, other) => channel(other) === channel(at));
      const s = Math.max(...own.map(Math.abs)) / high;
      return clamp(nearest(v / s), -high, high) * s;
    });
    expectClose(values(x, { bits, axis }), float64(expected, shape), 1e-14);
    expect(gradient({ bits, axis })).toEqual(numbers(slopes));
  });

  it.each([
    { bits: 8, range: [-0.7, 1.1] },
    { bits: 4, range: [0, 1.5] },
    { bits: 2, range: [-1, 0.25] },
    { bits: 3, range: [0.4, 1] },
    { bits: 5, range: [-2, -0.3] },
  ] as const)("rounds to asymmetric integers over a range that includes 0: %o", ({ bits, range }) => {
    const [low, high] = [Math.min(range[0], 0), Math.max(range[1], 0)];
    const steps = 2 ** bits - 1;
    const s = (high - low) / steps;
    const z = nearest(-low / s);
    const q = numbers(x).map((v) => nearest(v / s) + z);
    const expected = q.map((v) => (clamp(v, 0, steps) - z) * s);
    expectClose(values(x, { bits, range }), float64(expected, shape), 1e-14);
    const inside = q.map((v) => v >= 0 && v <= steps);
    expect(new Set(inside).size).toBe(2);
    numbers(slopes).forEach((v, at) => {
      expect(gradient({ bits, range })[at]).toBeCloseTo(inside[at] ? v : 0, 14);
    });
    expect(new Set(numbers(values(x, { bits, range }))).size).toBeLessThanOrEqual(2 ** bits);
  });

  it("gives each channel the range that it is given, as tensors", () => {
    const [low, high] = [float64([-1, -0.5, 0]), float64([0.5, 1, 2])];
    const together = evaluate(
      (t: Tensor, a: Tensor, b: Tensor) => fakeQuantize(t, { bits: 4, axis: 1, range: [a, b] }),
      x,
      low,
      high,
    );
    const one = [0, 1, 2].map((c) =>
      numbers(values(x, { bits: 4, range: [numbers(low)[c], numbers(high)[c]] })),
    );
    expectClose(
      together,
      float64(
        numbers(x).map((_, at) => one[indexAlong(1, at)][at]),
        shape,
      ),
      1e-14,
    );
  });

  it("takes ends of another element type", () => {
    const at = (low: NdArray, high: NdArray) =>
      evaluate(
        (t: Tensor, a: Tensor, b: Tensor) => fakeQuantize(t, { bits: 4, range: [a, b] }),
        x,
        low,
        high,
      );
    const expected = values(x, { bits: 4, range: [-1, 2] });
    expect(at(array(-1, "float32"), array(2, "int64"))).toEqual(expected);
  });

  it("keeps 0 exact, and channels without a range 0", () => {
    const zeros = float64([0, 0, 0, 1, -2, 0], [2, 3]);
    expect(numbers(values(zeros, { bits: 2, axis: 0 }))).toEqual([0, 0, 0, 0, -2, 0]);
    expect(numbers(values(zeros, { bits: 3, range: [-0.3, 1] }))[0]).toBe(0);
    expectClose(values(zeros, { range: [0, 0] }), float64([0, 0, 0, 0, 0, 0], [2, 3]), 1e-34);
    expect(numbers(values(float64([3, -1]), { axis: 0 }))).toEqual([3, -1]);
  });

  it("says what bits, axes and ranges it takes", () => {
    const at = (options: unknown, dtype: "float32" | "int64" = "float32") =>
      trace((t) => fakeQuantize(t, options as FakeQuantizeOptions), [spec([2, 3], dtype)] as const);
    expect(() => at({ bits: 1 })).toThrow(/bits must be an integer in \[2, 8\]; got 1/);
    expect(() => at({ bits: 4.5 })).toThrow(OptionError);
    expect(() => at({ range: [1, 0] })).toThrow(/range must be \[min, max\]/);
    expect(() => at({ range: [0, Number.NaN] })).toThrow(OptionError);
    expect(() => at({ axis: 2 })).toThrow(ShapeError);
    expect(() => at({}, "int64")).toThrow(DTypeError);
    const vector = constant(float64([1, 2, 3]));
    expect(() => at({ range: [0, vector] })).toThrow(/one number; got \[3\].*Give `axis`/);
    expect(() => at({ range: [0, vector], axis: 0 })).toThrow(/one for each of the 2 indices of axis 0/);
  });
});
