import { evaluate, float64 } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { item, type NdArray, ndarray } from "../../../src/array.js";
import { ShapeError } from "../../../src/errors.js";
import { grad } from "../../../src/graph/autodiff.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { normalLoss } from "../../../src/nn/losses/normals.js";

/** Vectors of pixels in a row as [1, 3, 1, pixels]. */
const map = (...vectors: readonly (readonly number[])[]): NdArray =>
  ndarray(Float64Array.from([0, 1, 2].flatMap((c) => vectors.map((vector) => vector[c]))), [
    1,
    3,
    1,
    vectors.length,
  ]);
const lossOf = (p: NdArray, t: NdArray) =>
  item(evaluate((a: Tensor, b: Tensor) => ({ loss: normalLoss(a, b) }), p, t).loss);

describe("normalLoss", () => {
  it("is 1 - the mean cosine of the pixels with a target", () => {
    // Cosines 1, 0, 4/5; the fourth pixel has no target.
    const predictions = map([0, 0, 5], [0, 2, 0], [3, 4, 0], [1, 1, 1]);
    const targets = map([0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 0]);
    expect(lossOf(predictions, targets)).toBeCloseTo(1 - (1 + 0 + 0.8) / 3, 14);
  });

  it("counts a component that cancels another one, and a target that is shorter as it is", () => {
    expect(lossOf(map([1, 0, 0]), map([0.6, -0.6, 0]))).toBeCloseTo(0.4, 14);
  });

  it("is 0 without targets, and has a finite gradient where the prediction is 0", () => {
    expect(lossOf(map([1, 2, 3]), map([0, 0, 0]))).toBe(0);
    const { gradient } = evaluate(
      (a: Tensor, b: Tensor) => ({ gradient: grad((x: Tensor) => normalLoss(x, b))(a) }),
      map([0, 0, 0]),
      map([0, 0, 1]),
    );
    expect(Array.from(gradient.data, Number).every(Number.isFinite)).toBe(true);
  });

  it("does not depend on the length of a prediction: the gradient is at right angles to it", () => {
    const p = map([0.3, -1.2, 0.7], [2, 1, -0.5]);
    const t = map([0, 0.6, 0.8], [1, 0, 0]);
    const { gradient } = evaluate(
      (a: Tensor, b: Tensor) => ({ gradient: grad((x: Tensor) => normalLoss(x, b))(a) }),
      p,
      t,
    );
    for (const pixel of [0, 1]) {
      const product = [0, 1, 2].reduce(
        (sum, c) => sum + Number(p.data[2 * c + pixel]) * Number(gradient.data[2 * c + pixel]),
        0,
      );
      expect(Math.abs(product)).toBeLessThan(1e-14);
    }
    expect(lossOf(map([0.6, -2.4, 1.4], [2, 1, -0.5]), t)).toBeCloseTo(lossOf(p, t), 14);
  });

  it("takes maps of vectors alone", () => {
    expect(() => lossOf(float64([1, 2]), float64([1, 2]))).toThrow(ShapeError);
  });
});
