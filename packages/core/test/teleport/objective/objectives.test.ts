import { float64 } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../../src/errors.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { gradNormSqOf } from "../../../src/teleport/objective/grad-norm-sq-of.js";
import { modelDecrease } from "../../../src/teleport/objective/model-decrease.js";
import { gradNormSq } from "../../../src/teleport/objective/objective.js";
import { bowl, expectGradient, measured, net, netBatch, netLoss } from "./support.js";

describe("gradNormSqOf", () => {
  const normOf = (paths: string[]) => measured(gradNormSqOf(paths), netLoss, net, { batch: netBatch }).value;

  it("splits the squared gradient norm into those of the layers", () => {
    const whole = measured(gradNormSq, netLoss, net, { batch: netBatch }).value;
    expect(normOf(["first"]) + normOf(["second"])).toBeCloseTo(whole, 10);
    expect(normOf(["first.weight"]) + normOf(["first.bias"])).toBeCloseTo(normOf(["first"]), 10);
    expect(normOf(["first", "second.weight"])).toBeCloseTo(whole, 10);
  });

  it("counts a parameter once when two paths choose it", () => {
    expect(normOf(["first", "first.bias"])).toBe(normOf(["first"]));
  });

  // g = (a x, a y) of each half: 4 x^2 of the first at x = 3.
  it("is that of a single tensor by hand", () => {
    const loss = ({ u, v }: { u: Tensor; v: Tensor }) => sum(mul(mul(u, u), mul(v, v)));
    const params = { u: float64([3]), v: float64([2]) };
    expect(measured(gradNormSqOf(["u"]), loss, params).value).toBe((2 * 3 * 4) ** 2);
    expect(measured(gradNormSqOf(["v"]), loss, params).value).toBe((2 * 9 * 2) ** 2);
  });

  it("has the gradient of difference quotients", () => {
    expectGradient(gradNormSqOf(["first.weight"]), netLoss, net, { batch: netBatch });
  });

  it("refuses paths below which there is nothing, naming those there are", () => {
    expect(() => normOf(["fir"])).toThrow(OptionError);
    expect(() => normOf(["fir"])).toThrow(
      /"fir"; the parameters are first.weight, first.bias, second.weight/,
    );
    expect(() => gradNormSqOf([])).toThrow(OptionError);
    expect(() => gradNormSqOf("first" as never)).toThrow(/got "first"/);
    expect(() => gradNormSqOf([1n] as never)).toThrow("got [1n]");
  });
});

describe("modelDecrease", () => {
  // diag(1, 10), w = (3, .5): g = (3, 5), ||g||^2 = 34, g'Hg = 9 + 250 = 259, J = 34^2 / 518.
  it("is ||g||^4 / (2 g'Hg) of a quadratic", () => {
    expect(measured(modelDecrease, bowl(1, 10), float64([3, 0.5])).value).toBeCloseTo(1156 / 518, 14);
  });

  // The loss itself, 1/2 a x^2, along an axis, on which one step of the right length ends in the minimum.
  it("is the whole loss along an eigenvector", () => {
    expect(measured(modelDecrease, bowl(4, 10), float64([3, 0])).value).toBeCloseTo(18, 13);
  });

  it("does not change when the loss's scale goes into the curvature: only ||g||^2 does", () => {
    const [one, hundred] = [float64([3, 0]), float64([0.3, 0])];
    expect(measured(gradNormSq, bowl(1, 1), one).value).toBe(9);
    expect(measured(gradNormSq, bowl(100, 1), hundred).value).toBeCloseTo(900, 10);
    expect(measured(modelDecrease, bowl(1, 1), one).value).toBeCloseTo(4.5, 14);
    expect(measured(modelDecrease, bowl(100, 1), hundred).value).toBeCloseTo(4.5, 12);
  });

  it("has the gradient of difference quotients", () => {
    expectGradient(modelDecrease, netLoss, net, { batch: netBatch });
    expectGradient(modelDecrease, bowl(1, 10), float64([3, 0.5]));
  });

  // diag(1, -10) at (1, 1): g'Hg = 1 - 1000 < 0, so J = 500 ||g||^3 / ||Hg||.
  it("stays finite, with its gradient, where the curvature along the gradient is not positive", () => {
    const { value } = measured(modelDecrease, bowl(1, -10), float64([1, 1]));
    expect(value).toBeCloseTo((500 * 101 ** 1.5) / Math.hypot(1, 100), 6);
    expectGradient(modelDecrease, bowl(1, -10), float64([1, 1]));
    const slope = (w: Tensor) => sum(mul(float64([3, 4]), w));
    const linear = measured(modelDecrease, slope, float64([1, 1]));
    expect(Number.isFinite(linear.value)).toBe(true);
    expect(linear.gradient).toEqual([0, 0]);
  });

  it("is continuous where the curvature along the gradient passes the bound", () => {
    // x = sqrt(1000 + e) y with diag(1, -10): g'Hg = x^2 - 1000 y^2 = e.
    const at = (e: number) => measured(modelDecrease, bowl(1, -10), float64([Math.sqrt(1000 + e), 1])).value;
    const longest = Math.hypot(Math.sqrt(1100), 0) * Math.hypot(Math.sqrt(1000), 100);
    const seam = 1e-3 * longest;
    const [below, above] = [at(seam * (1 - 1e-3)), at(seam * (1 + 1e-3))];
    expect(Math.abs(below / above - 1)).toBeLessThan(2e-3);
  });

  it("is 0, with gradient 0, at a minimum", () => {
    expect(measured(modelDecrease, bowl(1, 10), float64([0, 0]))).toEqual({ value: 0, gradient: [0, 0] });
  });
});
