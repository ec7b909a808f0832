import { bool, casesOf, checkCase, evaluate, expectClose, float64 } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { item } from "../../../src/array.js";
import { ShapeError } from "../../../src/errors.js";
import { grad } from "../../../src/graph/autodiff.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { binaryCrossEntropyWithLogits } from "../../../src/nn/losses/binary-cross-entropy.js";

describe("binaryCrossEntropyWithLogits", () => {
  it.each(casesOf("binaryCrossEntropyWithLogits"))(
    "equals PyTorch's with its derivatives: %s",
    (_, golden) => {
      const posWeight = golden.options.pos_weight && float64(golden.options.pos_weight);
      checkCase(golden, ({ input, target }) => binaryCrossEntropyWithLogits(input, target, { posWeight }));
    },
  );

  it("neither overflows nor vanishes at large logits, with and without posWeight", () => {
    // softplus(1000) = 1000; the loss of a certain and right answer is 0, of a wrong one |x|, weighted for a positive.
    const x = float64([1000, 1000, -1000, -1000]);
    const t = float64([1, 0, 1, 0]);
    const run = (posWeight?: number) =>
      evaluate(
        (a: Tensor, b: Tensor) => binaryCrossEntropyWithLogits(a, b, { posWeight, reduction: "none" }),
        x,
        t,
      );
    expectClose(run(), float64([0, 1000, 1000, 0]));
    expectClose(run(3), float64([0, 1000, 3000, 0]));
  });

  it.each([undefined, 2])(
    "leaves missing targets out and is 0 when all are missing, posWeight %s",
    (posWeight) => {
      const run = (present: number[]) =>
        evaluate(
          (a: Tensor, b: Tensor) => {
            const f = (z: Tensor) =>
              binaryCrossEntropyWithLogits(z, b, { posWeight, mask: constant(bool(present)) });
            return { loss: f(a), gradient: grad(f)(a) };
          },
          float64([0, 2]),
          float64([1, Number.NaN]),
        );
      const weight = posWeight ?? 1;
      expect(item(run([1, 0]).loss)).toBeCloseTo(weight * Math.LN2, 15);
      expectClose(run([1, 0]).gradient, float64([-weight / 2, 0]));
      expect(item(run([0, 0]).loss)).toBe(0);
      expectClose(run([0, 0]).gradient, float64([0, 0]));
    },
  );

  it("refuses targets of another shape", () => {
    const at = () => trace((x, t) => binaryCrossEntropyWithLogits(x, t), [spec([4, 1]), spec([4])] as const);
    expect(at).toThrow(ShapeError);
  });
});
