import {
  bool,
  casesOf,
  checkCase,
  evaluate,
  expectClose,
  float64,
  numbers,
} from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { item } from "../../../src/array.js";
import { ShapeError } from "../../../src/errors.js";
import { grad } from "../../../src/graph/autodiff.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { cosineEmbeddingLoss, cosineSimilarity } from "../../../src/nn/losses/cosine.js";

describe("cosineSimilarity", () => {
  it.each(casesOf("cosineSimilarity"))(
    "equals PyTorch's F.cosine_similarity with its derivatives: %s",
    (_, golden) => {
      const { dim: axis, eps: epsilon } = golden.options;
      checkCase(golden, ({ x1, x2 }) => cosineSimilarity(x1, x2, { axis, epsilon }));
    },
  );

  it("is 0 with a finite gradient for a zero vector", () => {
    const result = evaluate(
      (a: Tensor, b: Tensor) => {
        const f = (x: Tensor) => sum(cosineSimilarity(x, b));
        return { cosine: f(a), gradient: grad(f)(a) };
      },
      float64([0, 0]),
      float64([3, 4]),
    );
    expect(item(result.cosine)).toBe(0);
    // b / (epsilon |b|): the clamped norm is a constant.
    expectClose(result.gradient, float64([0.6e8, 0.8e8]));
  });
});

describe("cosineEmbeddingLoss", () => {
  it.each(casesOf("cosineEmbeddingLoss"))("equals PyTorch's with its derivatives: %s", (_, golden) => {
    // PyTorch adds 1e-12 to the squared norms, which are 3 to 5 here, where cosineSimilarity clamps them.
    checkCase(
      golden,
      ({ input1, input2, target }) => cosineEmbeddingLoss(input1, input2, target, golden.options),
      3e-12,
    );
  });

  it("leaves missing targets out and is 0 when all are missing", () => {
    const run = (present: number[]) =>
      evaluate(
        (a: Tensor, b: Tensor, t: Tensor) => {
          const f = (x: Tensor) => cosineEmbeddingLoss(x, b, t, { mask: constant(bool(present)) });
          return { loss: f(a), gradient: grad(f)(a) };
        },
        float64([1, 0, 1, 0], [2, 2]),
        float64([1, 1, 0, 1], [2, 2]),
        float64([1, Number.NaN]),
      );
    expect(item(run([1, 0]).loss)).toBeCloseTo(1 - Math.SQRT1_2, 15);
    expect(
      numbers(run([1, 0]).gradient)
        .slice(2)
        .every((g) => g === 0),
    ).toBe(true);
    expect(item(run([0, 0]).loss)).toBe(0);
    expectClose(run([0, 0]).gradient, float64([0, 0, 0, 0], [2, 2]));
  });

  it("refuses targets that do not fit the vectors", () => {
    const args = [spec([4, 8]), spec([4, 8]), spec([8])] as const;
    expect(() => trace((a, b, t) => cosineEmbeddingLoss(a, b, t), args)).toThrow(ShapeError);
  });
});
