import { expectClose, type GoldenArray, numbers, readGolden } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../src/array.js";
import { ShapeError } from "../../src/errors.js";
import { type Mt19937, torchGenerator } from "../../src/math/mt19937.js";
import { initMultiHeadAttention } from "../../src/nn/attention.js";
import { initConv2d, initConvTranspose2d } from "../../src/nn/conv.js";
import { initEmbedding } from "../../src/nn/embedding.js";
import {
  fansOf,
  kaimingNormal,
  kaimingUniform,
  normal,
  uniform,
  xavierNormal,
  xavierUniform,
} from "../../src/nn/initializers.js";
import { initLinear } from "../../src/nn/linear.js";
import { initBatchNorm, initLayerNorm } from "../../src/nn/norm.js";
import { flatten } from "../../src/tree.js";

interface Summary {
  shape: number[];
  first: number[];
  sum: number;
}

/** Start values of PyTorch 2.6, written by bench/torch/golden_nn.py. */
const golden = readGolden<{
  init: { name: string; seed: number; params: Record<string, GoldenArray> }[];
  initSequences: {
    name: string;
    seed: number;
    modules: { module: string; params: Record<string, Summary> }[];
  }[];
  initializers: {
    name: string;
    options: { a?: number; b?: number; mean?: number; std?: number; mode?: string; gain?: number };
    dtype: "float32" | "float64";
    seed: number;
    value: GoldenArray;
  }[];
}>("nn.json");

type Init = (rng: Mt19937) => unknown;

const modules: Record<string, Init> = {
  linear: (rng) => initLinear(rng, 5, 3),
  "linear-without-bias": (rng) => initLinear(rng, 5, 3, { bias: false }),
  "linear-float64": (rng) => initLinear(rng, 5, 3, { dtype: "float64" }),
  conv2d: (rng) => initConv2d(rng, 2, 4, 3),
  "conv2d-groups": (rng) => initConv2d(rng, 4, 4, 3, { groups: 2 }),
  "conv-transpose2d": (rng) => initConvTranspose2d(rng, 2, 4, 3),
  embedding: (rng) => initEmbedding(rng, 7, 3),
  "embedding-below-16-values": (rng) => initEmbedding(rng, 4, 3),
  "multihead-attention": (rng) => initMultiHeadAttention(rng, 8),
  "multihead-attention-without-bias": (rng) => initMultiHeadAttention(rng, 8, { bias: false }),
  "batch-norm": () => initBatchNorm(4).params,
  "layer-norm": () => initLayerNorm(4),
};

/** PyTorch's vectorized logarithm and cosine differ in the last bits: its normal numbers are met to 1e-6. */
const isNormal = (name: string) => /embedding|normal/i.test(name);

describe("default initialization", () => {
  it.each(golden.init.map((row): [string, typeof row] => [row.name, row]))(
    "is PyTorch's bit for bit, under its names and in its order (normal numbers to 1e-6): %s",
    (name, { seed, params }) => {
      const { leaves, paths } = flatten<NdArray>(modules[name](torchGenerator(seed)), isNdArray);
      expect(paths).toEqual(Object.keys(params));
      leaves.forEach((leaf, k) => {
        if (isNormal(name)) expectClose(leaf, params[paths[k]], 1e-6);
        else expect([leaf.shape, numbers(leaf)]).toEqual([params[paths[k]].shape, params[paths[k]].data]);
      });
    },
  );

  const sequences: Record<string, Init[]> = {
    lenet: [
      (rng) => initConv2d(rng, 1, 6, 5),
      (rng) => initConv2d(rng, 6, 16, 5),
      (rng) => initLinear(rng, 256, 120),
      (rng) => initLinear(rng, 120, 10),
    ],
    mixed: [
      (rng) => initEmbedding(rng, 11, 8),
      (rng) => initMultiHeadAttention(rng, 8),
      () => initLayerNorm(8),
      (rng) => initEmbedding(rng, 2, 3),
      (rng) => initLinear(rng, 8, 5),
    ],
    "seed-above-32-bits": [(rng) => initConv2d(rng, 1, 6, 5)],
  };

  it.each(golden.initSequences.map((row): [string, typeof row] => [row.name, row]))(
    "goes on in the generator's stream from module to module as PyTorch does: %s",
    (name, { seed, modules: expected }) => {
      const rng = torchGenerator(seed);
      expected.forEach(({ module, params }, m) => {
        const { leaves, paths } = flatten<NdArray>(sequences[name][m](rng), isNdArray);
        expect(paths).toEqual(Object.keys(params));
        leaves.forEach((leaf, k) => {
          const values = numbers(leaf);
          const { shape, first, sum } = params[paths[k]];
          expect(leaf.shape).toEqual(shape);
          if (isNormal(module))
            expectClose(
              { shape: [first.length], data: leaf.data.slice(0, 4) },
              { shape: [first.length], data: first },
              1e-6,
            );
          else expect(values.slice(0, 4)).toEqual(first);
          expect(values.reduce((a, b) => a + b, 0)).toBeCloseTo(sum, isNormal(module) ? 4 : 9);
        });
      });
    },
  );
});

describe("initializers", () => {
  it.each(
    golden.initializers.map((row): [string, typeof row] => [
      `${row.name} ${JSON.stringify(row.options)} ${row.dtype} [${row.value.shape}]`,
      row,
    ]),
  )("equal torch.nn.init, uniform ones bit for bit, normal ones to 1e-6 (float32) or 1e-14: %s", (_, row) => {
    const { options, dtype, seed, value } = row;
    const { shape } = value;
    const rng = torchGenerator(seed);
    const mode = options.mode === "fan_out" ? "fanOut" : "fanIn";
    const { a: slope, gain } = options;
    const made: Record<string, () => NdArray> = {
      uniform: () => uniform(rng, shape, { from: options.a, to: options.b, dtype }),
      normal: () => normal(rng, shape, { mean: options.mean, deviation: options.std, dtype }),
      kaimingUniform: () => kaimingUniform(rng, shape, { slope, mode, dtype }),
      kaimingNormal: () => kaimingNormal(rng, shape, { slope, mode, dtype }),
      xavierUniform: () => xavierUniform(rng, shape, { gain, dtype }),
      xavierNormal: () => xavierNormal(rng, shape, { gain, dtype }),
    };
    const result = made[row.name]();
    if (isNormal(row.name)) expectClose(result, value, dtype === "float32" ? 1e-6 : 1e-14);
    else expect(numbers(result)).toEqual(value.data);
  });

  it("count a kernel's pixels among inputs and outputs", () => {
    expect(fansOf([4, 2, 3, 5])).toEqual({ fanIn: 30, fanOut: 60 });
    expect(() => fansOf([4])).toThrow(ShapeError);
  });
});
