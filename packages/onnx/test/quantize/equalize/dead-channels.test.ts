// Channels that are nearly dead on the calibration data: how far they are taken to reach, and what becomes of them.

import { type NdArray, ndarray, type Tensor } from "isoloss";
import { createRng } from "isoloss/data";
import { minimizeQuantizationNoise } from "isoloss/moves";
import { add, matmul, relu } from "isoloss/ops";
import { quantizeModel, withParams } from "isoloss-onnx";
import { Builder } from "isoloss-test-support/model-file/builder";
import type { Network } from "isoloss-test-support/moves/quantization-noise/networks";
import { prepared } from "isoloss-test-support/moves/quantization-noise/prepared";
import { describe, expect, it } from "vitest";
import { channelRanges } from "../../../../core/src/moves/quantization-noise/channel-ranges.js";
import type { RoundedTensor } from "../../../../core/src/moves/quantization-noise/quantized-graph.js";
import { ints } from "../../../../core/src/runtime/onnx/schema.js";
import { fromOnnx } from "../../../src/import/from-onnx.js";

describe("head room", () => {
  const statistics = (high: number, mean: number, active: number) => ({
    high: Float64Array.of(high),
    mean: Float64Array.of(mean),
    active: Float64Array.of(active),
    rows: 64,
    low: Float64Array.of(-1),
    moment: Float64Array.of(0.5),
  });
  const source = { isWhole: true, channels: Int32Array.of(0), clip: undefined } as never;
  const rangesOf = (own: ReturnType<typeof statistics>, isRectified: boolean) =>
    channelRanges(
      { source: isRectified ? source : undefined } as RoundedTensor,
      isRectified ? [statistics(0, 0, 0), own] : [own],
      1 / 8,
    );

  it("is a share of what is beyond the mean, more where a ReLU is active in few examples", () => {
    // By hand: 2 + (2 - 0.4) / 8 with all of 64 rows, 2 + (2 - 0.4) / 2 with 4 of them.
    expect(rangesOf(statistics(2, 0.4, 64), true).expected.highs[0]).toBeCloseTo(2.2, 12);
    expect(rangesOf(statistics(2, 0.4, 4), true).expected.highs[0]).toBeCloseTo(2.8, 12);
    expect(rangesOf(statistics(2, 0.4, 4), true).seen.highs[0]).toBe(2);
  });

  it("is what a channel that never is active varies by, and counts as one more example", () => {
    const { seen, expected, moments } = rangesOf(statistics(-0.3, -0.5, 0), true);
    expect(seen.highs[0]).toBe(0);
    expect(expected.highs[0]).toBeCloseTo(0.2, 12);
    expect(moments[0]).toBeCloseTo(0.5 + 0.2 ** 2 / 65, 12);
  });

  it("is on both sides of values without a ReLU, whose rows all count", () => {
    const { seen, expected } = rangesOf(statistics(2, 0.4, 4), false);
    expect([seen.highs[0], seen.lows[0]]).toEqual([2, 1]);
    expect(expected.highs[0]).toBeCloseTo(2.2, 12);
    expect(expected.lows[0]).toBeCloseTo(1 + 1.4 / 8, 12);
  });
});

/** Three units of a ReLU; the last one, x_2 - 2.2 of a normal x_2, is active in one or two of a hundred examples. */
function rarelyActive(): Network {
  const matrix = (rows: readonly (readonly number[])[]): NdArray =>
    ndarray(Float64Array.from(rows.flat()), [rows.length, (rows[0] as readonly number[]).length]);
  const params = {
    first: matrix([
      [1, 0.5, 0],
      [-0.7, 1, 0.2],
      [0, 0, 1],
    ]),
    bias: ndarray(Float64Array.of(0.1, 0.2, -2.2), [3]),
    last: matrix([
      [1, -0.6, 0.9],
      [0.5, 1, -1],
    ]),
  };
  const apply: Network["apply"] = (p, { x }) => {
    const z = add(matmul(x as Tensor, p.first as Tensor, { transposeB: true }), p.bias as Tensor);
    return matmul(relu(z), p.last as Tensor, { transposeB: true });
  };
  const batches: Network["batches"] = (count, seed = 1) => {
    const rng = createRng(seed);
    return Array.from({ length: count }, () => ({
      x: ndarray(
        Float64Array.from({ length: 96 }, () => rng.normal()),
        [32, 3],
      ),
    }));
  };
  return { params, apply, batches };
}

describe.each(["tensor", "channel"] as const)(
  "a unit that is rarely active, a step for each %s",
  (granularity) => {
    it.each([1, 2, 3])("is not scaled to fill the range, and lives on other data, seed %i", async (seed) => {
      const { apply, params, batches } = rarelyActive();
      const { candidates } = await minimizeQuantizationNoise(apply, params, batches(2, seed), {
        heldOut: batches(64, 100 + seed),
        weights: { bits: 8, granularity },
        runtime: "javascript",
      });
      const [still, ...moved] = candidates;
      for (const { params: own, measured } of moved) {
        const factor = (own.bias?.data[2] as number) / -2.2;
        expect(factor).toBeLessThan(4);
        expect(measured).toBeGreaterThan((still?.measured as number) - 3);
      }
    });
  },
);

it("what a dead unit has before its ReLU is part of the noise where it is rounded there", async () => {
  // A convolution, max-pooling and then a ReLU: integers hold the convolution's negative results, too.
  const b = new Builder({ seed: 3 });
  const convolved = b.conv("x", 2, 6, { size: 3, bias: true });
  const pooled = b.node("MaxPool", [convolved], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) });
  const second = b.node("Relu", [b.conv(b.node("Relu", [pooled]), 6, 8, { size: 3, bias: true })]);
  const bytes = b.bytes(
    ["batch", 2, 8, 8],
    b.linear(b.node("Flatten", [b.node("GlobalAveragePool", [second])]), 8, 5),
  );
  const { params } = fromOnnx(bytes);
  const [, bias, reader] = Object.keys(params) as [string, string, string];
  const changed = (name: string, change: (data: Float32Array) => void) => {
    const data = Float32Array.from(params[name]?.data as Float32Array);
    change(data);
    return { shape: params[name]?.shape as number[], data };
  };
  // Unit 2 is dead, and what reads it is large: nothing but the rounding of the convolution keeps its factor small.
  const dead = withParams(bytes, {
    [bias]: changed(bias, (data) => {
      data[2] = -8;
    }),
    [reader]: changed(reader, (data) => {
      for (let o = 0; o < 8; o++) for (let k = 0; k < 9; k++) (data[54 * o + 18 + k] as number) *= 30;
    }),
  });
  const images = (count: number, seed: number) => {
    const rng = createRng(seed);
    const data = Float32Array.from({ length: 128 * count }, () => rng.normal());
    return [{ x: { shape: [count, 2, 8, 8], data } }];
  };
  const { table } = await quantizeModel(dead, {
    calibration: images(32, 1),
    heldOut: images(64, 2),
    biasCorrection: false,
    granularity: "channel",
  });
  const of = (name: string) => table.find(({ candidate }) => candidate === name)?.sqnr as number;
  expect(of("least noise")).toBeGreaterThan(of("as it is") - 3);
});

it("values that integers hold behind a layer are those behind its bias and activation", async () => {
  const { quantized } = await prepared(rarelyActive());
  expect(quantized.rounded.map(({ tensor, isInput }) => [tensor.op.name, isInput])).toEqual([
    ["input", true],
    ["relu", true],
  ]);
});
