import { bool, casesOf, checkCase, evaluate, expectClose, float64 } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { ndarray } from "../../../src/array.js";
import { DTypeError, OptionError, ShapeError } from "../../../src/errors.js";
import { grad } from "../../../src/graph/autodiff.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { l1Loss } from "../../../src/nn/losses/l1.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import type { LossOptions, Reduction } from "../../../src/nn/losses/reduction.js";

const losses = { mseLoss, l1Loss };
const names = Object.keys(losses) as (keyof typeof losses)[];

const table = names.flatMap((op) => casesOf(op).map(([name, golden]) => [op, name, golden] as const));

describe.each(names)("%s", (op) => {
  const loss = losses[op];
  const prediction = float64([1, 2, 3, 4], [2, 2]);
  /** A missing label is usually a NaN. */
  const target = float64([0.5, Number.NaN, 5, Number.NaN], [2, 2]);
  const errors = op === "mseLoss" ? [0.25, 0, 4, 0] : [0.5, 0, 2, 0];
  const slopes = op === "mseLoss" ? [1, 0, -4, 0] : [1, 0, -1, 0];

  const run = (options: LossOptions) =>
    evaluate(
      (p: Tensor, t: Tensor) => {
        const f = (q: Tensor) => loss(q, t, options);
        return { loss: f(p), gradient: grad((q: Tensor) => sum(f(q)))(p) };
      },
      prediction,
      target,
    );

  it.each(["mean", "sum", "none"] as Reduction[])(
    "leaves missing labels out, whatever they are: %s",
    (reduction) => {
      const mask = constant(bool([1, 0, 1, 0], [2, 2]));
      const result = run({ reduction, mask });
      const total = errors[0] + errors[2];
      const expected = {
        mean: float64([total / 2], []),
        sum: float64([total], []),
        none: float64(errors, [2, 2]),
      };
      expectClose(result.loss, expected[reduction]);
      expectClose(
        result.gradient,
        float64(
          slopes.map((s) => (reduction === "mean" ? s / 2 : s)),
          [2, 2],
        ),
      );
    },
  );

  it("takes a mask that broadcasts, and counts the elements that it covers", () => {
    const { loss: value } = evaluate(
      (p: Tensor, t: Tensor) => ({ loss: loss(p, t, { mask: constant(bool([0, 1], [2, 1])) }) }),
      prediction,
      float64([Number.NaN, Number.NaN, 5, 4], [2, 2]),
    );
    expectClose(value, float64([errors[2] / 2], []));
  });

  it.each(["mean", "sum", "none"] as Reduction[])(
    "is 0 with gradient 0 when all labels are missing: %s",
    (reduction) => {
      const result = run({ reduction, mask: constant(bool([0, 0, 0, 0], [2, 2])) });
      expect(result.loss.data.every((v) => v === 0)).toBe(true);
      expectClose(result.gradient, float64([0, 0, 0, 0], [2, 2]));
    },
  );

  it("refuses shapes that differ, masks that are not bool or do not fit, and unknown reductions", () => {
    const at = (shape: number[], options: LossOptions) => () =>
      trace((p, t) => loss(p, t, options), [spec([4, 1]), spec(shape)] as const);
    expect(at([4], {})).toThrow(ShapeError);
    expect(at([4, 1], { mask: constant(1) })).toThrow(DTypeError);
    expect(at([4, 1], { mask: constant(ndarray(new Uint8Array(8), [4, 2])) })).toThrow(ShapeError);
    expect(at([4, 1], { reduction: "average" as Reduction })).toThrow(OptionError);
  });
});

describe("regression losses", () => {
  it.each(table)("%s equals PyTorch's with its derivatives: %s", (op, _, golden) => {
    checkCase(golden, ({ input, target }) => losses[op](input, target, golden.options));
  });
});
