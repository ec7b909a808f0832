import { evaluate, expectClose, float64, numbers, readGolden } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../../src/errors.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import { torchGenerator, torchRandn } from "../../../src/math/mt19937.js";
import { resnet18 } from "../../../src/nn/models/resnet18.js";
import { leavesOf } from "./resnet18-support.js";

/** Start values of torchvision's order of drawing, written by bench/torch/golden_nn_models.py. */
const { resnet18Init } = readGolden<{
  resnet18Init: {
    seed: number;
    width: number;
    classes: number;
    params: Record<string, { shape: number[]; first: number[]; sum: number }>;
  };
}>("nn-models.json");

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

  it("keeps running statistics under torchvision's names", () => {
    const { paths } = leavesOf(resnet18({ width: 2 }).init(torchGenerator(0)).state);
    expect(paths).toHaveLength(40);
    expect(paths).toContain("bn1.running_mean");
    expect(paths).toContain("layer1.0.bn2.running_var");
    expect(paths).toContain("layer4.0.downsample.1.running_mean");
    expect(paths.some((path) => path.startsWith("layer1.0.downsample"))).toBe(false);
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
