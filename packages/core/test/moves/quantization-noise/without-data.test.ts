// Weights alone without data, factors that are powers of 2, and noise weighed by a loss.

import { convolutional, dense, type Params } from "isoloss-test-support/moves/quantization-noise/networks";
import {
  bytesPerTensor,
  prepared,
  randomPoint,
} from "isoloss-test-support/moves/quantization-noise/prepared";
import { describe, expect, it } from "vitest";
import { astype, type NdArray } from "../../../src/array.js";
import { minimizeQuantizationNoise } from "../../../src/entries/moves.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec } from "../../../src/graph/trace.js";
import { createRng } from "../../../src/math/rng.js";
import { balancedScales } from "../../../src/moves/balance/scales.js";
import { doublesOf } from "../../../src/moves/balance/sweeps.js";
import { calibrationRequest, noiseModel } from "../../../src/moves/quantization-noise/noise-model-of.js";
import { descend } from "../../../src/moves/quantization-noise/proposals.js";
import { quantizedGraph } from "../../../src/moves/quantization-noise/quantized-graph.js";
import { compileCalibrator } from "../../../src/moves/quantization-noise/statistics.js";
import { logRanges, rangedWeights } from "../../../src/moves/quantization-noise/without-data.js";
import { compile } from "../../../src/runtime/compile.js";
import { namedGraph } from "../../../src/symmetry/symmetries-of.js";
import { namedArrays } from "../../../src/tree.js";

const dataFree = { activations: "none", runtime: "javascript" } as const;

describe("ranges of weights alone", () => {
  it.each([0, 1, 2])("are least where the closed form equalizes them, seed %i", async (seed) => {
    // One weight in and one out of each unit, whose products are all of about one size: each counts in both ranges.
    const rng = createRng(seed);
    const into = Array.from({ length: 6 }, () => Math.exp(rng.normal()));
    const out = into.map((v) => (1 + 0.05 * rng.normal()) / v);
    const diagonal = (values: readonly number[]): NdArray => ({
      shape: [6, 6],
      data: Float64Array.from({ length: 36 }, (_, k) => (k % 7 === 0 ? (values[k / 7] as number) : 0)),
    });
    const network = dense(0, { sizes: [6, 6, 6] });
    const params = { ...network.params, "0.weight": diagonal(into), "1.weight": diagonal(out) };
    const { quantized } = await prepared({ ...network, params });
    const weights = rangedWeights(quantized, params);
    const f = (T: Float64Array) => logRanges(weights, T);
    const { T } = descend(f, new Float64Array(6), { limit: 20, steps: 1000, tolerance: 1e-14 });
    const closed = balancedScales(doublesOf(params, quantized.generators), quantized.generators, "range", {
      tolerance: 1e-9,
      most: 100,
    });
    const expected = closed.T[0]?.data as Float64Array;
    // One factor of all units changes no weight's share of its range.
    const shift = T.reduce((a, t, i) => a + t - (expected[i] as number), 0) / 6;
    T.forEach((t, i) => {
      expect(t - shift).toBeCloseTo(expected[i] as number, 3);
      expect(expected[i]).toBeCloseTo(Math.log((out[i] as number) / (into[i] as number)) / 2, 9);
    });
  });

  it("have the gradient of their differences, and are convex", async () => {
    const network = convolutional(3);
    const { quantized } = await prepared(network);
    const weights = rangedWeights(quantized, network.params);
    const f = (T: Float64Array) => logRanges(weights, T);
    const T = randomPoint(quantized.size, 3, 0.3);
    const { gradient } = f(T);
    for (let i = 0; i < T.length; i++) {
      const at = (h: number) => f(T.map((t, k) => (k === i ? t + h : t))).value;
      expect(gradient[i]).toBeCloseTo((at(1e-5) - at(-1e-5)) / 2e-5, 6);
    }
    for (let seed = 0; seed < 20; seed++) {
      const [a, b] = [randomPoint(T.length, seed, 2), randomPoint(T.length, 100 + seed, 2)];
      const middle = a.map((v, i) => (v + (b[i] as number)) / 2);
      expect(f(middle).value).toBeLessThanOrEqual((f(a).value + f(b).value) / 2 + 1e-12);
    }
  });
});

it.each([4, 5])("without data, weights of network %i round better, and the function stays", async (seed) => {
  const network = convolutional(seed);
  const shapes = { x: spec([16, 2, 6, 6], "float64") };
  const { kept, why, candidates, headRoom } = await minimizeQuantizationNoise(
    network.apply,
    network.params,
    shapes,
    dataFree,
  );
  expect(candidates.map(({ name }) => name)).toEqual([
    "as it is",
    "equal weight ranges",
    "least weight noise",
  ]);
  const [still] = candidates;
  const best = candidates.find(({ name }) => name === kept);
  expect(best?.measured).toBeGreaterThan((still?.measured as number) + 3);
  expect(why).toContain("in its rounded weights");
  expect(headRoom).toBeUndefined();
  for (const { predicted, measured } of candidates) expect(Math.abs(predicted - measured)).toBeLessThan(1.5);
  const graph = namedGraph((p, b) => network.apply(p as never, b as never), network.params, shapes);
  const run = await compile(graph, { runtime: "javascript" });
  const batch = namedArrays({ batch: network.batches(1)[0] as { x: NdArray } });
  const [before, after] = await Promise.all([
    run.run({ ...network.params, ...batch }),
    run.run({ ...(best?.params as Params), ...batch }),
  ]);
  (before.result as NdArray<Float64Array>).data.forEach((v, i) => {
    expect(after.result?.data[i]).toBeCloseTo(v, 8);
  });
});

it("without data, what needs them is refused", async () => {
  const { apply, params } = dense(0);
  const call = (options: object) =>
    minimizeQuantizationNoise(apply, params, { x: spec([1, 5], "float64") }, options);
  await expect(call({})).rejects.toThrow(
    'rounded activations need calibration batches; write activations: "none"',
  );
  const weights = { bits: 8, granularity: "channel" };
  await expect(call({ ...dataFree, weights })).rejects.toThrow("a step for each channel need calibration");
  await expect(call({ ...dataFree, loss: () => undefined })).rejects.toThrow("loss and heldOut need");
});

it.each([0, 1])("with powers of 2, no bit of a float32 network's outputs changes, seed %i", async (seed) => {
  const network = convolutional(seed);
  const single = Object.fromEntries(
    Object.entries(network.params).map(([name, value]) => [name, astype(value, "float32")]),
  );
  const batches = network.batches(4).map(({ x }) => ({ x: astype(x, "float32") }));
  const options = { runtime: "javascript" } as const;
  const exact = await minimizeQuantizationNoise(network.apply, single, batches, {
    ...options,
    powersOfTwo: true,
  });
  const free = await minimizeQuantizationNoise(network.apply, single, batches, options);
  const measured = ({ candidates, kept }: typeof exact) =>
    candidates.find(({ name }) => name === kept)?.measured as number;
  for (const { drift } of exact.candidates) expect(drift).toBe(0);
  expect(exact.kept).not.toBe("as it is");
  expect(measured(exact)).toBeGreaterThan(measured(free) - 4);
  const bias = exact.params["first.bias"]?.data as Float32Array;
  for (const [i, v] of (single["first.bias"] as NdArray<Float32Array>).data.entries()) {
    expect(Number.isInteger(Math.log2((bias[i] as number) / v))).toBe(true);
  }
});

describe("a loss", () => {
  const network = dense(6);
  const loss = (y: Tensor) => sum(square(mul(y, 0.1)));

  it("weighs the noise of channels by its squared derivatives", async () => {
    const batches = network.batches(2);
    const graph = namedGraph(
      (p, b) => {
        const y = network.apply(p as never, b as never);
        return { y, loss: loss(y) };
      },
      network.params,
      batches[0] as { x: NdArray },
    );
    const quantized = quantizedGraph(graph, Object.keys(network.params), true);
    const tensor = graph.outputs.find(({ name }) => name === "loss")?.tensor as Tensor;
    const run = await compileCalibrator(
      quantized.graph,
      calibrationRequest(quantized),
      { runtime: "javascript" },
      tensor,
    );
    const named = batches.map((batch) => namedArrays({ batch }));
    const statistics = await run.measure(network.params, named);
    await run.dispose();
    const model = noiseModel(quantized, network.params, statistics, bytesPerTensor, 0, "loss");
    const outputs = await compile(graph, { runtime: "javascript" });
    // L = 0.01 sum y^2, so dL/dy = 0.02 y.
    const expected = new Float64Array(3);
    for (const batch of named) {
      const { y } = await outputs.run({ ...network.params, ...batch });
      (y as NdArray<Float64Array>).data.forEach((v, i) => {
        (expected[i % 3] as number) += 3 * (0.02 * v) ** 2;
      });
    }
    model.layers.at(-1)?.importance.forEach((v, i) => {
      expect(v).toBeCloseTo(expected[i] as number, 9);
    });
  });

  it("decides what is kept", async () => {
    const { candidates, kept, why } = await minimizeQuantizationNoise(
      network.apply,
      network.params,
      network.batches(4),
      { runtime: "javascript", loss },
    );
    const least = Math.min(...candidates.map((own) => own.loss as number));
    expect(candidates.find(({ name }) => name === kept)?.loss).toBe(least);
    expect(why).toContain("a loss of");
  });
});
