import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../../src/array.js";
import { OptionError } from "../../../src/errors.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import { torchGenerator, torchRandn } from "../../../src/math/mt19937.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import { type Resnet18Params, resnet18 } from "../../../src/nn/models/resnet18.js";
import { flatten, unflatten } from "../../../src/tree.js";
import { checkDerivatives, evaluate, expectClose, float64, int64, numbers, readGolden } from "../support.js";

/** Start values of torchvision's order of drawing, written by bench/torch/golden_nn_models.py. */
const { resnet18Init } = readGolden<{
  resnet18Init: {
    seed: number;
    width: number;
    classes: number;
    params: Record<string, { shape: number[]; first: number[]; sum: number }>;
  };
}>("nn-models.json");

const leavesOf = (tree: unknown) => flatten<NdArray>(tree, isNdArray);

describe("resnet18", () => {
  it("starts with torchvision's values for a seed, under its names", () => {
    const { seed, width, classes, params: expected } = resnet18Init;
    const { params } = resnet18({ stem: "imagenet", width, classes }).init(torchGenerator(seed));
    const { leaves, paths } = leavesOf(params);
    const affine = paths.filter((path) => !/bn|downsample\.1/.test(path));
    expect(affine.sort()).toEqual(Object.keys(expected).sort());
    for (const path of affine) {
      const leaf = leaves[paths.indexOf(path)];
      const { shape, first, sum } = expected[path];
      expect(leaf.shape).toEqual(shape);
      expectClose(float64(numbers(leaf).slice(0, 4)), float64(first), path.startsWith("fc") ? 0 : 1e-6);
      expect(numbers(leaf).reduce((a, b) => a + b, 0)).toBeCloseTo(sum, 4);
    }
  });

  it("has torchvision's 11689512 parameters and 9600 running statistics", () => {
    const { params, state } = resnet18({ stem: "imagenet", classes: 1000 }).init(torchGenerator(0));
    const count = (tree: unknown) => leavesOf(tree).leaves.reduce((n, { data }) => n + data.length, 0);
    expect(count(params)).toBe(11689512);
    // Two for each of 64 (1 + 4) + 128 (5) + 256 (5) + 512 (5) channels.
    expect(count(state)).toBe(9600);
  });

  it("keeps running statistics under torchvision's names", () => {
    const { paths } = leavesOf(resnet18({ width: 2 }).init(torchGenerator(0)).state);
    expect(paths).toHaveLength(40);
    expect(paths).toContain("bn1.running_mean");
    expect(paths).toContain("layer1.0.bn2.running_var");
    expect(paths).toContain("layer4.0.downsample.1.running_mean");
    expect(paths.some((path) => path.startsWith("layer1.0.downsample"))).toBe(false);
  });

  it("has the gradient and curvature that differences have, through batch statistics", () => {
    const model = resnet18({ inputs: 2, width: 2, classes: 3 });
    const { params, state } = model.init(torchGenerator(2), { dtype: "float64" });
    const { leaves, def } = leavesOf(state);
    const fixed = unflatten(
      def,
      leaves.map((leaf) => constant(leaf)),
    ) as TensorsOf<typeof state>;
    const x = constant(torchRandn(torchGenerator(3), [4, 2, 9, 10], { dtype: "float64" }));
    const y = constant(int64([0, 2, 1, 1]));
    checkDerivatives(
      (p: TensorsOf<Resnet18Params>) =>
        crossEntropy(model.apply(p, x, { state: fixed, training: true }).output, y),
      params,
    );
  });

  it("leaves its state alone in evaluation and moves all of it in training", () => {
    const model = resnet18({ width: 2 });
    const { params, state } = model.init(torchGenerator(2), { dtype: "float64" });
    const x = torchRandn(torchGenerator(3), [3, 3, 8, 8], { dtype: "float64" });
    const next = (training: boolean) =>
      evaluate(
        (p: TensorsOf<typeof params>, s: TensorsOf<typeof state>, images: Tensor) =>
          model.apply(p, images, { state: s, training }).state,
        params,
        state,
        x,
      );
    expect(next(false)).toEqual(state);
    const [before, after] = [state, next(true)].map((s) => leavesOf(s));
    expect(after.paths).toEqual(before.paths);
    after.leaves.forEach((leaf, k) => {
      expect(numbers(leaf)).not.toEqual(numbers(before.leaves[k]));
    });
  });

  it("refuses an unknown stem", () => {
    expect(() => resnet18({ stem: "large" as "cifar" })).toThrow(OptionError);
  });
});
