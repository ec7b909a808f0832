// High biases absorbed behind ReLUs: by hand on one unit, and against plain loops on random layers.
import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../../src/array.js";
import type { BatchLoss } from "../../../src/batch.js";
import { absorbedBiases } from "../../../src/entries/moves.js";
import { relu } from "../../../src/graph/ops/activation.js";
import { add, mul } from "../../../src/graph/ops/arithmetic.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { createRng } from "../../../src/math/rng.js";
import { linear } from "../../../src/nn/linear.js";
import { jit } from "../../../src/runtime/jit.js";

type Values = Readonly<Record<string, NdArray>>;
type Tensors = Readonly<Record<string, Tensor>>;

const f64 = (shape: readonly number[], values: readonly number[]): NdArray =>
  ndarray(Float64Array.from(values), shape);

const layer = (p: Tensors, h: Tensor, k: number): Tensor =>
  linear(h, { weight: p[`w${k}`], bias: p[`b${k}`] });

const mlp: BatchLoss<Values, Values> = (p, { x }) => layer(p, relu(layer(p, x, 0)), 1);

const valuesOf = async (f: BatchLoss<Values, Values>, p: Values, b: Values) => {
  const run = await jit(f as (p: Tensors, b: Tensors) => Tensor, [p, b], { runtime: "javascript" });
  return Array.from((await run(p, b)).data as Float64Array);
};

describe("absorbedBiases", () => {
  // z = 2 x + [5, 0]: on x in {-1, 1, 2} the first unit is 3 at least, the second negative once.
  const params = {
    w0: f64([2, 1], [2, 2]),
    b0: f64([2], [5, 0]),
    w1: f64([1, 2], [10, 1]),
    b1: f64([1], [0.5]),
  };
  const calibration = [{ x: f64([3, 1], [-1, 1, 2]) }];

  it("takes the smallest value before a ReLU from its bias, and gives it to the next one", async () => {
    const heldOut = [{ x: f64([3, 1], [-1, 0, 3]) }];
    const { params: to, ...rest } = await absorbedBiases(mlp, params, calibration, { heldOut });
    expect(Array.from(to.b0.data, Number)).toEqual([2, 0]);
    expect(Array.from(to.b1.data, Number)).toEqual([0.5 + 10 * 3]);
    expect([to.w0, to.w1]).toEqual([params.w0, params.w1]);
    expect(rest).toEqual({ isKept: true, absorbed: 1, units: 2, clipped: 0, drift: 0 });
  });

  it("tells of values that it clips, and stays where they change the results too much", async () => {
    // z_1 = 1 at x = -2: below 3, by 2, times 10; the results are 0.5 + 10 z_1 + relu(2 x) = 10.5 and 61.5.
    const heldOut = [{ x: f64([3, 1], [-2, 0.5, 0.5]) }];
    const clipped = await absorbedBiases(mlp, params, calibration, { heldOut });
    expect(clipped.params).toBe(params);
    expect([clipped.isKept, clipped.clipped]).toEqual([false, 1 / 3]);
    expect(clipped.drift).toBeCloseTo(20 / 61.5, 12);
    const { isKept } = await absorbedBiases(mlp, params, calibration, { heldOut, limit: 0.5 });
    expect(isKept).toBe(true);
  });

  it("takes the mean less some standard deviations, as the paper does", async () => {
    const { params: to } = await absorbedBiases(mlp, params, calibration, {
      heldOut: calibration,
      deviations: 1,
      limit: 1,
    });
    // z_1 = 3, 7, 9: mean 19 / 3, variance 56 / 9.
    const c = 19 / 3 - Math.sqrt(56 / 9);
    expect(Number(to.b0.data[0])).toBeCloseTo(5 - c, 12);
    // z_2 = -2, 2, 4: mean 4 / 3, the same variance: below 0.
    expect(Number(to.b0.data[1])).toBe(0);
  });

  it("passes every ReLU that a unit goes through, and stops where weights have mixed units", async () => {
    const rng = createRng(3);
    const draw = (...shape: number[]) =>
      f64(
        shape,
        Array.from({ length: shape.reduce((a, n) => a * n, 1) }, () => rng.normal()),
      );
    // relu(z) and relu(z + 1) - what is added is positive - meet in one layer; w2 has no bias before its ReLU.
    const f: BatchLoss<Values, Values> = (p, { x }) => {
      const z = layer(p, x, 0);
      const both = add(relu(z), mul(2, relu(add(z, 1))));
      return layer(p, relu(linear(relu(layer(p, both, 1)), { weight: p.w2 })), 3);
    };
    const own = {
      w0: draw(4, 3),
      b0: f64([4], [9, 9, 9, 0]),
      w1: draw(4, 4),
      b1: f64([4], [60, 60, 60, 60]),
      w2: draw(3, 4),
      w3: draw(2, 3),
      b3: draw(2),
    };
    const batches = Array.from({ length: 4 }, () => ({ x: draw(20, 3) }));
    const { params: to, absorbed, units, drift } = await absorbedBiases(f, own, batches, { limit: 0.05 });
    expect([units, absorbed]).toEqual([4, 3]);
    expect(to.b3).toEqual(own.b3);
    expect(drift).toBeLessThan(0.05);
    const [before, after] = [await valuesOf(f, own, batches[0]), await valuesOf(f, to, batches[0])];
    for (const [k, v] of before.entries()) expect(after[k]).toBeCloseTo(v, 9);
    // The smallest value of each unit on three of the batches is 0 before the ReLU now.
    const z: BatchLoss<Values, Values> = (p, { x }) => layer(p, x, 0);
    const all = (await Promise.all(batches.slice(0, 3).map((b) => valuesOf(z, to, b)))).flat();
    for (let i = 0; i < 3; i++) expect(Math.min(...all.filter((_, k) => k % 4 === i))).toBeCloseTo(0, 10);
  });

  it("needs batches, and others to measure on", async () => {
    await expect(absorbedBiases(mlp, params, [])).rejects.toThrow("at least two batches");
    await expect(absorbedBiases(mlp, params, calibration)).rejects.toThrow("at least two batches");
    await expect(absorbedBiases(mlp, params, calibration, { deviations: -1 })).rejects.toThrow("deviations");
  });
});
