import { checkDerivatives, int64 } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { constant } from "../../../src/graph/ops/leaf.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import { torchGenerator, torchRandn } from "../../../src/math/mt19937.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import { type Resnet18Params, resnet18 } from "../../../src/nn/models/resnet18.js";
import { unflatten } from "../../../src/tree.js";
import { leavesOf } from "./resnet18-support.js";

describe("resnet18", () => {
  it("has torchvision's 11689512 parameters and 9600 running statistics", () => {
    const { params, state } = resnet18({ stem: "imagenet", classes: 1000 }).init(torchGenerator(0));
    const count = (tree: unknown) => leavesOf(tree).leaves.reduce((n, { data }) => n + data.length, 0);
    expect(count(params)).toBe(11689512);
    // Two for each of 64 (1 + 4) + 128 (5) + 256 (5) + 512 (5) channels.
    expect(count(state)).toBe(9600);
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
});
