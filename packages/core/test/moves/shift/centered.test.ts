import { describe, expect, it } from "vitest";
import { astype, type NdArray, ndarray } from "../../../src/array.js";
import type { BatchLoss } from "../../../src/batch.js";
import { centered } from "../../../src/entries/moves.js";
import { relu } from "../../../src/graph/ops/activation.js";
import { add, sub } from "../../../src/graph/ops/arithmetic.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { createRng } from "../../../src/math/rng.js";
import { linear } from "../../../src/nn/linear.js";
import { layerNorm } from "../../../src/nn/norm.js";
import { jit } from "../../../src/runtime/jit.js";
import { expectSameFunctions, networkKinds } from "./centered-support.js";

const rng = createRng(6);

const draw = (...shape: number[]) =>
  ndarray(
    Float64Array.from({ length: shape.reduce((a, n) => a * n, 1) }, () => rng.normal() + 0.5),
    shape,
  );

type Values = Readonly<Record<string, NdArray>>;

type Tensors = Readonly<Record<string, Tensor>>;

type Part = (p: Tensors, b: Tensors) => Tensor;

const valuesOf = async (f: Part, p: Values, b: Values): Promise<Float64Array> => {
  const run = await jit(f, [p, b], { runtime: "javascript" });
  return (await run(p, b)).data as Float64Array;
};

/** Largest |max + min| / 2 of n units along the last axis, over all batches. */
async function offCenter(f: Part, n: number, params: Values, batches: readonly Values[]): Promise<number> {
  const all: number[] = [];
  for (const batch of batches) all.push(...(await valuesOf(f, params, batch)));
  const middles = Array.from({ length: n }, (_, i) => {
    const unit = all.filter((__, k) => k % n === i);
    return Math.abs(Math.max(...unit) + Math.min(...unit)) / 2;
  });
  return Math.max(...middles);
}

const layer = (p: Tensors, h: Tensor, k: number): Tensor =>
  linear(h, { weight: p[`w${k}`], bias: p[`b${k}`] });

const lossOf =
  (f: Part): BatchLoss<Values, Values> =>
  (p, b) =>
    sum(square(sub(f(p, b), 0.3)));

/** Expects that hidden values get centered, and that the results stay. */
async function expectCentered(
  hidden: readonly Part[],
  n: number,
  whole: Part,
  params: Values,
): Promise<void> {
  const batches = [{ x: draw(5, 3) }, { x: draw(5, 3) }];
  const to = await centered(lossOf(whole), params, batches);
  for (const part of hidden) {
    expect(await offCenter(part, n, params, batches)).toBeGreaterThan(0.1);
    expect(await offCenter(part, n, to, batches)).toBeLessThan(1e-12);
  }
  const [before, after] = [await valuesOf(whole, params, batches[1]), await valuesOf(whole, to, batches[1])];
  for (const [k, v] of before.entries()) expect(after[k]).toBeCloseTo(v, 10);
}

describe("centered", () => {
  it("makes the ranges between two linear layers symmetric, over all batches", async () => {
    const hidden: Part = (p, { x }) => layer(p, x, 0);
    const params = { w0: draw(4, 3), b0: draw(4), w1: draw(2, 4), b1: draw(2) };
    await expectCentered([hidden], 4, (p, b) => relu(layer(p, hidden(p, b), 1)), params);
  });

  it("makes those of a stream and of what is added to it symmetric", async () => {
    const first: Part = (p, { x }) => layer(p, x, 0);
    const branch: Part = (p, b) => layer(p, relu(layer(p, first(p, b), 1)), 2);
    const params = {
      w0: draw(4, 3),
      b0: draw(4),
      w1: draw(6, 4),
      b1: draw(6),
      w2: draw(4, 6),
      b2: draw(4),
      w3: draw(2, 4),
      b3: draw(2),
    };
    await expectCentered(
      [first, branch],
      4,
      (p, b) => relu(layer(p, add(first(p, b), branch(p, b)), 3)),
      params,
    );
  });

  it("makes those behind a normalization symmetric", async () => {
    const hidden: Part = (p, { x }) => layerNorm(x, { weight: p.gamma, bias: p.beta });
    const params = { gamma: draw(3), beta: draw(3), w1: draw(2, 3), b1: draw(2) };
    await expectCentered([hidden], 3, (p, b) => relu(layer(p, hidden(p, b), 1)), params);
  });

  expectSameFunctions(networkKinds.slice(0, 1));

  it("keeps float32, and parameters where nothing can be shifted", async () => {
    const params = { w0: draw(4, 3), b0: draw(4), w1: draw(2, 4), b1: draw(2) };
    const single = Object.fromEntries(
      Object.entries(params).map(([name, a]) => [name, astype(a, "float32")]),
    );
    const batch = { x: astype(draw(5, 3), "float32") };
    const whole = lossOf((p, { x }) => relu(layer(p, layer(p, x, 0), 1)));
    const to = await centered(whole, single, [batch]);
    expect(to.b0.data).toBeInstanceOf(Float32Array);
    expect(to.b0.data).not.toEqual(single.b0.data);
    const rigid = lossOf((p, { x }) => layer(p, relu(layer(p, x, 0)), 1));
    expect(await centered(rigid, single, [batch])).toBe(single);
    await expect(centered(whole, single, [])).rejects.toThrow("a list of at least one batch");
  });
});
