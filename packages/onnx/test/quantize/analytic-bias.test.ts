// Bias correction without data: clipped normal numbers against draws, layers by hand and against draws.

import { createRng } from "isoloss/data";
import { int } from "isoloss/internal";
import { quantizeModel } from "isoloss-onnx";
import { writtenQdq } from "isoloss-test-support/compress/quantize/support";
import { opened, smallNetwork } from "isoloss-test-support/model-file/builder";
import { type Arrays, fileOf, float32, node } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { fromOnnx } from "../../src/import/from-onnx.js";
import type { OnnxFile } from "../../src/model-file/edit/onnx-file.js";
import { withParams } from "../../src/model-file/edit/with-params.js";
import { foldBatchNorm } from "../../src/model-file/prepare/fold-batch-norm.js";
import { correctBiasAnalytically } from "../../src/quantize/analytic-bias.js";
import { calibrate } from "../../src/quantize/calibrate.js";
import { type RunSettings, visitValues } from "../../src/quantize/inner-values.js";
import {
  batchNormMoments,
  clippedNormal,
  type MomentsByValue,
  measuredMoments,
} from "../../src/quantize/value-moments.js";

const settings = { runtime: "auto" } as const;
const f64 = (...values: number[]) => Float64Array.from(values);

const draws = (shape: readonly number[], seed: number, mean = 0) => {
  const rng = createRng(seed);
  const data = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => mean + rng.normal());
  return float32(data, shape);
};

describe("a clipped normal number", () => {
  it("has the moments of ReLU of a standard normal one, by hand", () => {
    const { mean, variance } = clippedNormal({ mean: 0, variance: 1 }, 0);
    expect(mean).toBeCloseTo(1 / Math.sqrt(2 * Math.PI), 14);
    expect(variance).toBeCloseTo(1 / 2 - 1 / (2 * Math.PI), 14);
  });

  it("is a number where nothing varies, and the same without bounds", () => {
    expect(clippedNormal({ mean: 9, variance: 0 }, 0, 6)).toEqual({ mean: 6, variance: 0 });
    const { mean, variance } = clippedNormal({ mean: -2, variance: 3 });
    expect([mean, variance]).toEqual([-2, 3]);
  });

  it.each([
    [0.5, 2, 0, undefined],
    [1, 4, 0, 6],
    [7, 9, 0, 6],
    [-8, 1, 0, 6],
    [0, 1, undefined, 0.5],
    [3, 0.01, 0, 6],
  ])("has the moments of draws: mean %d, variance %d, bounds %s and %s", (mean, variance, low, high) => {
    const rng = createRng(7);
    const count = 100_000;
    let [first, second] = [0, 0];
    for (let i = 0; i < count; i++) {
      const z = mean + Math.sqrt(variance) * rng.normal();
      const x = Math.min(Math.max(z, low ?? -Infinity), high ?? Infinity);
      first += x / count;
      second += x ** 2 / count;
    }
    const got = clippedNormal({ mean, variance }, low, high);
    // Five standard errors of a mean, and about that for a variance.
    expect(Math.abs(got.mean - first)).toBeLessThan(5 * Math.sqrt(variance / count) + 1e-12);
    expect(Math.abs(got.variance - (second - first ** 2))).toBeLessThan(8 * (variance / Math.sqrt(count)));
  });
});

/** A file with other weights. */
const withWeights = (bytes: Uint8Array, weights: Readonly<Record<string, readonly number[]>>) => {
  const { params } = fromOnnx(bytes);
  const replaced = Object.fromEntries(
    Object.entries(weights).map(([name, values]) => [name, float32(values, params[name].shape)]),
  );
  return withParams(bytes, replaced);
};

/** Corrects a file in bytes by its quantization in bytes. */
const corrected = async (
  bytes: Uint8Array,
  quantize: (bytes: Uint8Array) => Uint8Array,
  moments: MomentsByValue,
  settings: RunSettings,
) => {
  const quantized = (file: OnnxFile) => opened(quantize(file.bytes));
  const { file, layers } = await correctBiasAnalytically(opened(bytes), quantized, moments, settings);
  return { bytes: file.bytes, layers };
};

describe("analytic bias correction", () => {
  const quantizeWeights = async (bytes: Uint8Array, calibration: readonly Arrays[]) => {
    const ranges = await calibrate(bytes, calibration);
    const weights = { bits: 8, per: "channel" } as const;
    return (own: Uint8Array) =>
      writtenQdq(own, ranges, { activations: "uint8", weights, leave: new Set() }).bytes;
  };

  it("takes (W~ - W) E[relu(x)] from a bias, by hand", async () => {
    // Scales are 1: 0.4 becomes 0, 2.6 becomes 3. E[relu(z)] = 1 / sqrt(2 pi) for z ~ N(0, 1), and 3 for a constant 3.
    const [x, w, b] = [draws([8, 2], 1), float32([127, 0.4, 2.6, 127], [2, 2]), float32([10, 20])];
    const bytes = fileOf({
      inputs: { x },
      initializers: { w, b },
      nodes: [
        node("Relu", ["x"], {}, ["h"]),
        node("Gemm", ["h", "w", "b"], { transB: { kind: "int", value: 1 } }, ["y"]),
      ],
    });
    const moments = new Map([["x", { mean: f64(0, 3), variance: f64(1, 0) }]]);
    const quantize = await quantizeWeights(bytes, [{ x }]);
    const { bytes: after, layers } = await corrected(bytes, quantize, moments, settings);
    expect(layers).toEqual(["y"]);
    const { params } = fromOnnx(after);
    expect(params.w.data).toEqual(w.data);
    expect(Number(params.b.data[0])).toBeCloseTo(10 + 0.4 * 3, 4);
    expect(Number(params.b.data[1])).toBeCloseTo(20 - 0.4 / Math.sqrt(2 * Math.PI), 4);
  });

  it("sums over the windows of grouped convolutions", async () => {
    // Two groups of one channel each, windows of 1 x 2: E[x] = (1, 10).
    const [x, w, b] = [draws([4, 2, 3, 4], 2), float32([127, 0.4, 127, 2.7], [2, 1, 1, 2]), float32([0, 0])];
    const bytes = fileOf({
      inputs: { x },
      initializers: { w, b },
      nodes: [node("Conv", ["x", "w", "b"], { group: { kind: "int", value: 2 } }, ["y"])],
    });
    const moments = new Map([["x", { mean: f64(1, 10), variance: f64(1, 1) }]]);
    const quantize = await quantizeWeights(bytes, [{ x }]);
    const { bytes: after } = await corrected(bytes, quantize, moments, settings);
    const { params } = fromOnnx(after);
    expect(Number(params.b.data[0])).toBeCloseTo(0.4 * 1, 4);
    expect(Number(params.b.data[1])).toBeCloseTo(-0.3 * 10, 3);
  });

  it("keeps the means of normal inputs, from what batch norms store", async () => {
    const folded = foldBatchNorm(smallNetwork()).bytes;
    const moments = batchNormMoments(opened(smallNetwork()));
    expect(moments.size).toBe(2);
    const measured = await measuredMoments(
      opened(folded),
      new Map(),
      [{ x: draws([64, 3, 6, 6], 3) }],
      settings,
    );
    for (const name of moments.keys())
      expect(measured.get(name)?.mean.length).toBe(moments.get(name)?.mean.length);
    const known = await measuredMoments(opened(folded), moments, [{ x: draws([4, 3, 6, 6], 3) }], settings);
    for (const [name, own] of moments) expect(known.get(name)).toBe(own);
  });

  it("measures the last axis of what a product reads, and no integers", async () => {
    const tokens = { shape: [2, 3], data: BigInt64Array.from([0n, 1n, 2n, 2n, 1n, 0n]) };
    const x = float32([1, 2, 1, 4, 1, 6, 3, 2, 3, 4, 3, 6], [2, 3, 2]);
    const bytes = fileOf({
      inputs: { tokens, x },
      initializers: { table: draws([3, 2], 4), w: draws([2, 4], 5), v: draws([2, 4], 6) },
      nodes: [
        node("Gather", ["table", "tokens"], {}, ["rows"]),
        node("MatMul", ["x", "w"], {}, ["z"]),
        node("MatMul", ["rows", "v"], {}, ["y"]),
      ],
    });
    const measured = await measuredMoments(opened(bytes), new Map(), [{ tokens, x }], settings);
    expect([...measured.keys()].sort()).toEqual(["x", "y", "z"]);
    // Columns 1, 1, 1, 3, 3, 3 and 2, 4, 6, 2, 4, 6.
    expect(measured.get("x")?.mean).toEqual(f64(2, 4));
    expect(measured.get("x")?.variance[0]).toBeCloseTo(1, 12);
    expect(measured.get("x")?.variance[1]).toBeCloseTo(8 / 3, 12);
  });

  it("brings the mean of a layer behind normal numbers and a ReLU nearer to that in float", async () => {
    // A product of independent normal numbers is normal: what is measured of it decides the mean behind the ReLU.
    const [x, w1, w2] = [draws([2000, 4], 5, 0.5), draws([4, 6], 6), draws([6, 3], 7)];
    const bytes = fileOf({
      inputs: { x },
      initializers: { w1, w2, b: float32([0.1, 0.2, 0.3]) },
      nodes: [
        node("MatMul", ["x", "w1"], {}, ["z"]),
        node("Relu", ["z"], {}, ["h"]),
        node("Gemm", ["h", "w2", "b"], {}, ["y"]),
      ],
    });
    // Columns whose largest weight is 40 times the others': these have few of the 127 steps.
    const wide = withWeights(bytes, {
      w2: Array.from<number | bigint, number>(w2.data, (v, e) => (e < 3 ? 40 : Number(v))),
    });
    const batches = [{ x }];
    const quantize = await quantizeWeights(wide, batches);
    const meanOf = async (own: Uint8Array) => {
      const sums = [0, 0, 0];
      const visit = ({ y }: Arrays) => {
        y.data.forEach((v: number | bigint, e: number) => {
          sums[e % 3] += Number(v) / 2000;
        });
      };
      await visitValues(opened(own), ["y"], batches, visit, settings);
      return sums;
    };
    const moments = await measuredMoments(opened(wide), new Map(), batches, settings);
    const { bytes: own } = await corrected(wide, quantize, moments, settings);
    // The weights alone are rounded: their means are compared in float.
    const shift = fromOnnx(own).params.b.data;
    const scale = 40 / 127;
    const coarse = withWeights(wide, {
      w2: Array.from<number | bigint, number>(
        fromOnnx(wide).params.w2.data,
        (v) => Math.round(Number(v) / scale) * scale,
      ),
    });
    const [float, before, after] = [
      await meanOf(wide),
      await meanOf(coarse),
      await meanOf(withParams(coarse, { b: float32(Array.from<number | bigint, number>(shift, Number)) })),
    ];
    const far = (means: readonly number[]) => Math.max(...means.map((v, c) => Math.abs(v - float[c])));
    expect(far(before)).toBeGreaterThan(0.05);
    expect(far(after)).toBeLessThan(far(before) / 5);
  });
});

describe("quantizeModel", () => {
  it("corrects biases analytically, and tells where no high ones can be absorbed", async () => {
    const calibration = [{ x: draws([16, 3, 6, 6], 8, 0.3) }];
    const settings = { granularity: "channel", equalize: false, compensate: false } as const;
    const given = { calibration, ...settings, absorbBiases: true };
    const { table, skipped } = await quantizeModel(smallNetwork(), { ...given, biasCorrection: "analytic" });
    expect(table.map(({ isBiasCorrected }) => isBiasCorrected)).toEqual([true, false]);
    expect(table.every(({ sqnr }) => sqnr > 10)).toBe(true);
    // Its bounds stop shifts.
    expect(skipped).toEqual(["as it is, biases absorbed: no shift passes a ReLU with a bias to absorb"]);
    const both = await quantizeModel(smallNetwork(), {
      calibration,
      absorbBiases: true,
      biasCorrection: false,
      compensate: false,
    });
    expect(both.table.filter(({ candidate }) => candidate === "equal weight ranges")).toHaveLength(2);
    // Both granularities have the same file.
    expect(both.skipped.filter((text) => text.startsWith("equal weight ranges"))).toHaveLength(1);
  });

  it("has no row of corrected biases where no bias can be", async () => {
    const x = draws([16, 4], 2);
    const bytes = fileOf({
      inputs: { x },
      initializers: { w: draws([4, 3], 1) },
      nodes: [node("Sigmoid", ["x"], {}, ["s"]), node("MatMul", ["s", "w"], {}, ["y"])],
    });
    const { table, skipped } = await quantizeModel(bytes, {
      calibration: [{ x }],
      heldOut: [{ x: draws([16, 4], 3) }],
      granularity: "channel",
      activations: "uint8",
      equalize: false,
      compensate: false,
      biasCorrection: "analytic",
    });
    expect(table.map(({ isBiasCorrected }) => isBiasCorrected)).toEqual([false]);
    expect(skipped).toEqual(["as it is, per channel, biases corrected: no bias can be corrected"]);
  });

  it("tries the file with high biases absorbed, whose activations have smaller ranges", async () => {
    // h = relu(x W + 50) is near 50: without what is absorbed, 8 bits are steps of about 0.2 for a standard deviation of 2.
    const [x, w1, w2] = [draws([64, 4], 9), draws([4, 6], 10), draws([6, 3], 11)];
    const fileWith = (outputs: readonly string[]) =>
      fileOf({
        inputs: { x },
        initializers: { w1, w2, b1: float32(Array(6).fill(50)), b2: float32([1, 2, 3]) },
        nodes: [
          node("Gemm", ["x", "w1", "b1"], {}, ["z"]),
          node("Relu", ["z"], {}, ["h"]),
          node("Gemm", ["h", "w2", "b2"], {}, ["y"]),
          node("ArgMax", ["y"], { axis: int(1) }, ["place"]),
        ],
        outputs,
      });
    const settings = {
      granularity: "channel",
      activations: "uint8",
      equalize: false,
      compensate: false,
    } as const;
    const choices = (outputs: readonly string[]) =>
      quantizeModel(fileWith(outputs), {
        ...settings,
        biasCorrection: false,
        calibration: [{ x }],
        heldOut: [{ x }],
        absorbBiases: true,
      });
    const { table, skipped } = await choices(["y"]);
    expect(skipped).toEqual([]);
    expect((await choices(["y", "place"])).skipped).toEqual([]);
    const [asItIs, absorbed] = table;
    expect(table.map(({ candidate }) => candidate)).toEqual(["as it is", "as it is, biases absorbed"]);
    expect(absorbed.sqnr).toBeGreaterThan(asItIs.sqnr + 6);
  });
});
