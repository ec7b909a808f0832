import { evaluate, expectClose, float64, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.js";
import { torchGenerator, torchRandn } from "../../src/math/mt19937.js";
import { convNorm, initConvNorm } from "../../src/nn/conv-norm.js";
import {
  depthwiseSeparable,
  initDepthwiseSeparable,
  initInvertedResidual,
  invertedResidual,
} from "../../src/nn/depthwise.js";

// Values and gradients with batch norm are compared with PyTorch's in models/golden.test.ts.
const rng = () => torchGenerator(1);
const plain = { norm: "none", dtype: "float64" } as const;
const x = torchRandn(torchGenerator(2), [2, 3, 5, 4], { dtype: "float64" });

/** A convolution with a kernel for each channel (or of 1 x 1 over channels) and zeros around, in plain loops. */
function byLoops(
  image: number[][][],
  { weight, bias }: { weight: number[]; bias: number[] },
  { depthwise, stride = 1 }: { depthwise: boolean; stride?: number },
): number[][][] {
  const [height, width] = [image[0].length, image[0][0].length];
  const rows = Array.from({ length: Math.ceil(height / stride) }, (_, r) => r * stride);
  const columns = Array.from({ length: Math.ceil(width / stride) }, (_, c) => c * stride);
  return bias.map((b, o) =>
    rows.map((r) =>
      columns.map((c) => {
        if (!depthwise)
          return b + image.reduce((s, plane, i) => s + weight[o * image.length + i] * plane[r][c], 0);
        let total = b;
        for (let i = -1; i <= 1; i++) {
          for (let j = -1; j <= 1; j++) {
            total += weight[o * 9 + (i + 1) * 3 + j + 1] * (image[o][r + i]?.[c + j] ?? 0);
          }
        }
        return total;
      }),
    ),
  );
}

const each = (image: number[][][], f: (v: number) => number) => image.map((p) => p.map((r) => r.map(f)));
const images = [0, 1].map((n) =>
  [0, 1, 2].map((c) =>
    [0, 1, 2, 3, 4].map((r) => numbers(x).slice(n * 60 + c * 20 + r * 4, n * 60 + c * 20 + r * 4 + 4)),
  ),
);
const valuesOf = ({ conv }: { conv: { weight: never; bias?: never } }) => ({
  weight: numbers(conv.weight),
  bias: numbers(conv.bias as never),
});
const relu6 = (v: number) => Math.min(Math.max(v, 0), 6);

describe("depthwiseSeparable", () => {
  it.each([1, 2])("is a convolution of each channel, then one over channels, with stride %d", (stride) => {
    const { params, state } = initDepthwiseSeparable(rng(), 3, 4, plain);
    const options = { stride, activation: "relu6" } as const;
    const { output } = evaluate((v, p, s) => depthwiseSeparable(v, p, s, options), x, params, state);
    const expected = images.map((image) => {
      const inner = each(
        byLoops(image, valuesOf(params.depthwise as never), { depthwise: true, stride }),
        relu6,
      );
      return each(byLoops(inner, valuesOf(params.pointwise as never), { depthwise: false }), relu6);
    });
    const shape = [2, 4, Math.ceil(5 / stride), Math.ceil(4 / stride)];
    expectClose(output, float64(expected.flat(3), shape), 1e-13);
  });
});

describe("invertedResidual", () => {
  it.each([
    ["adds its input where the shape is the same", 3, 1, 2],
    ["adds nothing where there are other channels", 4, 1, 2],
    ["adds nothing with a stride", 3, 2, 2],
    ["has two convolutions without expansion", 3, 1, 1],
  ])("%s", (_, outputs, stride, expansion) => {
    const { params, state } = initInvertedResidual(rng(), 3, outputs, { ...plain, expansion });
    expect("expand" in params).toBe(expansion > 1);
    const { output } = evaluate((v, p, s) => invertedResidual(v, p, s, { stride }), x, params, state);
    const relu = (v: number) => Math.max(v, 0);
    const expected = images.map((image) => {
      const wide = params.expand
        ? each(byLoops(image, valuesOf(params.expand as never), { depthwise: false }), relu)
        : image;
      const inner = each(
        byLoops(wide, valuesOf(params.depthwise as never), { depthwise: true, stride }),
        relu,
      );
      const narrow = byLoops(inner, valuesOf(params.project as never), { depthwise: false });
      if (outputs !== 3 || stride !== 1) return narrow;
      return narrow.map((plane, c) => plane.map((row, r) => row.map((v, k) => v + image[c][r][k])));
    });
    const shape = [2, outputs, Math.ceil(5 / stride), Math.ceil(4 / stride)];
    expectClose(output, float64(expected.flat(3), shape), 1e-13);
  });

  it("refuses an expansion that is no integer above 0", () => {
    for (const expansion of [0, 1.5, -1]) {
      expect(() => initInvertedResidual(rng(), 3, 4, { expansion })).toThrow(OptionError);
    }
  });
});

describe("convNorm", () => {
  it("has a bias or a norm, and no state without a norm", () => {
    const normed = initConvNorm(rng(), 3, 4, 3);
    expect(Object.keys(normed.params)).toEqual(["conv", "norm"]);
    expect(Object.keys(normed.params.conv)).toEqual(["weight"]);
    const biased = initConvNorm(rng(), 3, 4, 3, { norm: "none" });
    expect(Object.keys(biased.params)).toEqual(["conv"]);
    expect(Object.keys(biased.params.conv)).toEqual(["weight", "bias"]);
    expect(biased.state).toEqual({});
  });

  it("names the norms that it knows", () => {
    expect(() => initConvNorm(rng(), 3, 4, 3, { norm: "layer" as never })).toThrow(
      /norm must be one of batch, none; got "layer"/,
    );
  });

  it("moves the running statistics in training alone", () => {
    const { params, state } = initConvNorm(rng(), 3, 4, 3, { dtype: "float64" });
    const next = (training: boolean) =>
      evaluate((v, p, s) => convNorm(v, p, s, { training }).state, x, params, state);
    expect(next(false)).toEqual(state);
    expect(next(true)).not.toEqual(state);
  });
});
