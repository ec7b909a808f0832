import {
  checkDerivatives,
  expectClose,
  float64,
  int64,
  numbers,
  readGolden,
} from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../../src/array.js";
import { OptionError } from "../../../src/errors.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { spec, type TensorsOf, trace } from "../../../src/graph/trace.js";
import { torchGenerator, torchRandn } from "../../../src/math/mt19937.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import { type MobilenetOptions, type MobilenetParams, mobilenet } from "../../../src/nn/models/mobilenet.js";
import { flatten, unflatten } from "../../../src/tree.js";

/** Start values in PyTorch's order of drawing, written by bench/torch/golden_nn_models.py. */
const { mobilenetInit } = readGolden<{
  mobilenetInit: {
    seed: number;
    params: Record<string, { shape: number[]; first: number[]; sum: number }>;
  };
}>("nn-models.json");

const leavesOf = (tree: unknown) => flatten<NdArray>(tree, isNdArray);
const small = { stem: 4, stages: [[4], [6]], expansion: 3, head: 8 } as const;

describe("mobilenet", () => {
  it("starts with PyTorch's values for a seed, convolutions drawn anew by He's rule", () => {
    const { seed, params: expected } = mobilenetInit;
    const { leaves, paths } = leavesOf(mobilenet(small).init(torchGenerator(seed)).params);
    expect(paths).toEqual(Object.keys(expected));
    paths.forEach((path, k) => {
      const { shape, first, sum } = expected[path];
      expect(leaves[k].shape).toEqual(shape);
      expectClose(float64(numbers(leaves[k]).slice(0, 4)), float64(first), 1e-6);
      expect(numbers(leaves[k]).reduce((a, b) => a + b, 0)).toBeCloseTo(sum, 4);
    });
  });

  it("has biases in the place of norms without them, and no state", () => {
    const { params, state } = mobilenet({ ...small, norm: "none" }).init(torchGenerator(0));
    const { paths } = leavesOf(params);
    expect(paths.filter((path) => path.includes("norm"))).toEqual([]);
    expect(paths.slice(0, 8)).toEqual([
      "stem.conv.weight",
      "stem.conv.bias",
      "blocks.0.expand.conv.weight",
      "blocks.0.expand.conv.bias",
      "blocks.0.depthwise.conv.weight",
      "blocks.0.depthwise.conv.bias",
      "blocks.0.project.conv.weight",
      "blocks.0.project.conv.bias",
    ]);
    expect(leavesOf(state).leaves).toEqual([]);
  });

  it.each<[string, MobilenetOptions]>([
    ["relu6 and batch norm", small],
    ["relu and biases", { ...small, activation: "relu", norm: "none", stemStride: 2 }],
    ["blocks of two convolutions", { ...small, expansion: 1 }],
  ])("has the gradient and curvature that differences have, with %s", (_, options) => {
    const model = mobilenet({ ...options, inputs: 2, classes: 3 });
    const { params, state } = model.init(torchGenerator(1), { dtype: "float64" });
    const x = constant(torchRandn(torchGenerator(8), [3, 2, 6, 6], { dtype: "float64" }));
    const y = constant(int64([0, 2, 1]));
    const { leaves, def } = leavesOf(state);
    const s = unflatten(
      def,
      leaves.map((leaf) => constant(leaf)),
    ) as TensorsOf<typeof state>;
    checkDerivatives(
      (p: TensorsOf<MobilenetParams>) =>
        crossEntropy(model.apply(p, x, { state: s, training: true }).output, y),
      params,
      1e-5,
    );
  });

  it("takes images of any size", () => {
    const model = mobilenet(small);
    const { params, state } = model.init(torchGenerator(0));
    for (const side of [5, 8, 28]) {
      const { graph } = trace((p, s, x) => model.apply(p, x, { state: s }).output, [
        params,
        state,
        spec([2, 1, side, side]),
      ] as const);
      expect(graph.outputs[0].tensor.shape).toEqual([2, 10]);
    }
  });

  it("says what its options must be", () => {
    expect(() => mobilenet({ activation: "tanh" as never })).toThrow(/activation must be one of relu, relu6/);
    expect(() => mobilenet({ norm: "layer" as never })).toThrow(
      /norm must be one of batch, none; got "layer"/,
    );
    expect(() => mobilenet({ stages: [[]] })).toThrow(OptionError);
    expect(() => mobilenet({ expansion: 0 })).toThrow(OptionError);
  });
});
