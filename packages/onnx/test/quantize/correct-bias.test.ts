import { createRng } from "isoloss/data";
import { decodeModel } from "isoloss/onnx";
import { writtenQdq } from "isoloss-test-support/compress/quantize/support";
import { Builder, opened, smallNetwork } from "isoloss-test-support/model-file/builder";
import { type Arrays, fileOf, float32, node } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { withParams } from "../../src/model-file/edit/with-params.js";
import { foldBatchNorm } from "../../src/model-file/prepare/fold-batch-norm.js";
import { calibrate } from "../../src/quantize/calibrate.js";
import { correctBias, floatMeans } from "../../src/quantize/correct-bias.js";
import { type RunSettings, visitValues } from "../../src/quantize/inner-values.js";
import { Pieces } from "../../src/quantize/piece.js";
import { mobileNetV2 } from "../model-file/mobilenet.js";

const settings = { runtime: "auto" } as const;

const correctedBy = async (
  quantize: (bytes: Uint8Array) => Uint8Array,
  bytes: Uint8Array,
  batches: readonly Arrays[],
  own: RunSettings = settings,
) => {
  const file = opened(bytes);
  const means = await floatMeans(file, batches, own);
  const corrected = await correctBias(file, (f) => opened(quantize(f.bytes)), means, batches, own);
  return { bytes: corrected.file.bytes, layers: corrected.layers };
};

const normals = (shape: readonly number[], seed = 0) => {
  const rng = createRng(seed);
  const count = shape.reduce((a, b) => a * b, 1);
  return float32(
    Array.from({ length: count }, () => rng.normal() + 0.3),
    shape,
  );
};

/** Weights of two or more axes rounded down to few bits, so that means shift. */
const coarse = (bytes: Uint8Array): Uint8Array => {
  const params = Object.entries(fromOnnx(bytes).params).filter(([, { shape }]) => shape.length > 1);
  const rounded = params.map(([name, { shape, data }]) => {
    const numbers = Float64Array.from<number | bigint>(data, Number);
    const scale = 4 / Math.max(...numbers.map(Math.abs));
    return [
      name,
      float32(
        [...numbers].map((x) => Math.floor(x * scale) / scale),
        shape,
      ),
    ] as const;
  });
  return withParams(bytes, Object.fromEntries(rounded));
};

/** Means of values by channel, by a plain loop. */
async function meansOf(bytes: Uint8Array, values: readonly string[], batches: readonly Arrays[]) {
  const sums = new Map<string, { sum: number; count: number }[]>();
  const visit = (results: Arrays) => {
    for (const name of values) {
      const { shape, data } = results[name];
      const own = sums.get(name) ?? Array.from({ length: shape[1] }, () => ({ sum: 0, count: 0 }));
      const inner = shape.slice(2).reduce((a, b) => a * b, 1);
      data.forEach((x: number | bigint, i: number) => {
        const channel = own[Math.floor(i / inner) % shape[1]];
        channel.sum += Number(x);
        channel.count++;
      });
      sums.set(name, own);
    }
  };
  await visitValues(opened(bytes), values, batches, visit, settings);
  return values.map((name) => (sums.get(name) ?? []).map(({ sum, count }) => sum / count));
}

const largest = (a: readonly number[][], b: readonly number[][]) =>
  Math.max(...a.flatMap((list, k) => list.map((x, c) => Math.abs(x - b[k][c]))));

describe("bias correction", () => {
  it("subtracts (W~ - W) E[x] from the bias of a layer, by hand", async () => {
    // W = [[1, 2.6], [-1, .5]] rounds down to integers; E[x] = (2, 3).
    const [x, w, b] = [float32([1, 2, 3, 4], [2, 2]), float32([1, 2.6, -1, 0.5], [2, 2]), float32([10, 20])];
    const bytes = fileOf({
      inputs: { x },
      initializers: { w, b },
      nodes: [node("Gemm", ["x", "w", "b"], { transB: { kind: "int", value: 1 } })],
    });
    const round = (own: Uint8Array) => withParams(own, { w: float32([1, 2, -1, 0], [2, 2]) });
    const { bytes: corrected, layers } = await correctedBy(round, bytes, [{ x }]);
    expect(layers).toEqual(["y"]);
    const { params } = fromOnnx(corrected);
    expect([...params.w.data]).toEqual([...w.data]);
    expect(Number(params.b.data[0])).toBeCloseTo(10 + 0.6 * 3, 5);
    expect(Number(params.b.data[1])).toBeCloseTo(20 + 0.5 * 3, 5);
  });

  it("gives each layer its mean in float on the examples, after all layers before it", async () => {
    const bytes = foldBatchNorm(smallNetwork()).bytes;
    const batches = [1, 2].map((seed) => ({ x: normals([10, 3, 6, 6], seed) }));
    const { bytes: corrected, layers } = await correctedBy(coarse, bytes, batches);
    expect(layers).toHaveLength(3);
    const float = await meansOf(bytes, layers, batches);
    expect(largest(float, await meansOf(coarse(bytes), layers, batches))).toBeGreaterThan(0.05);
    expect(largest(float, await meansOf(coarse(corrected), layers, batches))).toBeLessThan(1e-4);
  });

  it("corrects layers without biases, products with sums, and residual blocks", async () => {
    const b = new Builder({ seed: 3 });
    const first = b.node("Relu", [b.conv("x", 3, 8, { size: 3 })]);
    const wide = b.node("Relu", [b.conv(first, 8, 8, { size: 3, group: 8 })]);
    const sum = b.node("Add", [first, b.conv(wide, 8, 8)]);
    const pooled = b.node("Flatten", [b.node("GlobalAveragePool", [sum])]);
    const bytes = b.bytes(
      ["batch", 3, 6, 6],
      b.product(b.node("Relu", [b.product(pooled, 8, 7)]), 7, 4, { bias: false }),
    );
    const batches = [{ x: normals([16, 3, 6, 6], 1) }];
    const { bytes: corrected, layers } = await correctedBy(coarse, bytes, batches);
    expect(layers).toHaveLength(5);
    const float = await meansOf(bytes, layers, batches);
    expect(largest(float, await meansOf(coarse(corrected), layers, batches))).toBeLessThan(1e-4);
  });

  it("keeps means where results are rounded and clipped at once, before that", async () => {
    // Convolutions without an activation between: their results are rounded directly, at ranges that clip.
    const b = new Builder({ seed: 2 });
    const bytes = b.bytes(
      ["batch", 3, 6, 6],
      b.conv(b.conv("x", 3, 8, { size: 3, bias: true }), 8, 4, { bias: true }),
    );
    const batches = [{ x: normals([12, 3, 6, 6], 1) }];
    const ranges = new Map(
      [...(await calibrate(bytes, batches))].map(([name, { min, max }]) => [
        name,
        { min: min / 3, max: max / 2 },
      ]),
    );
    const weights = { bits: 8, per: "tensor" } as const;
    const quantize = (own: Uint8Array) =>
      writtenQdq(own, ranges, { activations: "uint8", weights, leave: new Set() }).bytes;
    const { bytes: corrected, layers } = await correctedBy(quantize, bytes, batches);
    const float = await meansOf(bytes, layers, batches);
    const exact = (own: Uint8Array) => {
      const pieces = new Pieces(decodeModel(own));
      return layers.map((name) => pieces.beforeRounding(name));
    };
    const quantized = quantize(corrected);
    expect(exact(quantized)).not.toEqual(layers);
    const got = await meansOf(quantized, exact(quantized), batches);
    expect(largest(float, got)).toBeLessThan(1e-3);
    const before = quantize(bytes);
    expect(largest(float, await meansOf(before, exact(before), batches))).toBeGreaterThan(0.02);
  });

  it("finds the same in JavaScript", async () => {
    const bytes = foldBatchNorm(smallNetwork()).bytes;
    const batches = [{ x: normals([4, 3, 5, 5], 4) }];
    const [one, other] = await Promise.all(
      (["onnx", "javascript"] as const).map((runtime) => correctedBy(coarse, bytes, batches, { runtime })),
    );
    const [expected, got] = [one, other].map((own) => fromOnnx(own.bytes).params);
    for (const [name, { data }] of Object.entries(expected)) {
      for (const [i, x] of data.entries()) expect(Number(got[name].data[i])).toBeCloseTo(Number(x), 4);
    }
  });

  it("carries the values through a deep network in a few runs of it", async () => {
    const bytes = foldBatchNorm(mobileNetV2({ width: 0.25 })).bytes;
    const batches = [{ x: normals([4, 3, 32, 32], 2) }];
    const { bytes: corrected, layers } = await correctedBy(coarse, bytes, batches);
    expect(layers).toHaveLength(53);
    const float = await meansOf(bytes, layers.slice(-1), batches);
    expect(largest(float, await meansOf(coarse(corrected), layers.slice(-1), batches))).toBeLessThan(1e-3);
  });
});
