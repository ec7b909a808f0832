import { segnet } from "isoloss-benchmarks";
import { evaluate } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { dot, valueAndGrad } from "../../../src/graph/autodiff.js";
import { add } from "../../../src/graph/ops/arithmetic.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import { l1Loss } from "../../../src/nn/losses/l1.js";
import {
  classifiers,
  expectSecondOrder,
  expectStatistics,
  normalized,
  off,
  ofSequences,
} from "./golden-support.js";
import { filledModel, goldenModel, labels, signed, unit } from "./support.js";

describe("models with PyTorch's parameters and data", () => {
  expectSecondOrder([...classifiers.slice(0, 3), ...ofSequences.slice(0, 3)]);

  expectStatistics(normalized.slice(2));

  it("have its sum of two tasks' losses and the squared gradient norm: segnet", () => {
    const golden = goldenModel("segnet");
    const [count, , height, width] = golden.input;
    const model = segnet();
    const { params } = filledModel(model);
    type Params = TensorsOf<typeof params>;
    const result = evaluate(
      (p: Params, x: Tensor, y: Tensor, distance: Tensor) => {
        const [loss, g] = valueAndGrad((q: Params) => {
          const { classes, depth } = model.apply(q, x).output;
          return add(crossEntropy(classes, y, { axis: 1 }), l1Loss(depth, distance));
        })(p);
        return { loss, normSq: dot(g, g) };
      },
      params,
      signed(golden.input, 1000),
      labels([count, height, width], 1001, 7),
      unit([count, 1, height, width], 1002),
    );
    expect(off(result.loss, golden.loss)).toBeLessThan(1e-12);
    expect(off(result.normSq, golden.gradNormSq)).toBeLessThan(1e-11);
  });
});
