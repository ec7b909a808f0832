import { describe, expect, it } from "vitest";
import { NumericalError, OptionError, ShapeError } from "../../../src/errors.js";
import { blendMoment, trajectorySimilarity } from "../../../src/teleport/state/trajectory-reuse.js";
import { goldenLedger } from "../../mtl/methods/golden-ledger.js";
import { expectNumbers } from "../../mtl/methods/stateful-support.js";

const { golden, unread } = goldenLedger<{
  example: { g_prev: number[]; delta_theta: number[]; sigma: number };
}>("mtl-metrics.json", "costHtr");

describe("trajectory reuse", () => {
  it("measures sigma as the authors' program does", () => {
    const { g_prev: g, delta_theta: move, sigma } = golden.example;
    expect(trajectorySimilarity(move, g)).toBeCloseTo(sigma, 14);
    expect(trajectorySimilarity(move, g, { sign: "descent" })).toBeCloseTo(-sigma, 14);
    expect(unread()).toEqual([]);
  });

  it("gives sigma 0 without a move or a gradient, and the same at any size", () => {
    expect(trajectorySimilarity([0, 0], [1, 2])).toBe(0);
    expect(trajectorySimilarity([1, 2], [0, 0])).toBe(0);
    expect(trajectorySimilarity([1e-200, 2e-200], [1e200, 2e200])).toBeCloseTo(1, 15);
    expect(trajectorySimilarity([1, 1], [-3, -3])).toBeCloseTo(-1, 15);
  });

  // cost.md, section 7.
  it.each([
    [1, [0.12, -0.17], [0.01008, 0.03997]],
    [0.5, [0.21, -0.035], [0.05004, 0.024985]],
    [0, [0.3, 0.1], [0.09, 0.01]],
    [-0.7, [0.3, 0.1], [0.09, 0.01]],
  ])("blends Adam's moments with sigma %f", (sigma, m, v) => {
    const g = [0.3, 0.1];
    expectNumbers(blendMoment([0.1, -0.2], g, { beta: 0.9, sigma }), m, 1e-14);
    expectNumbers(blendMoment([0.01, 0.04], g, { beta: 0.999, sigma, power: 2 }), v, 1e-14);
  });

  it("leaves a total weight of 1 - sigma b^t", () => {
    // A gradient of 1 at every step: the moment is the total weight.
    const [b, sigma] = [0.9, 0.4];
    let v: Float64Array = new Float64Array(1);
    for (let t = 1; t <= 4; t++) v = blendMoment(v, [1], { beta: b, sigma: 1 });
    expectNumbers(blendMoment(v, [1], { beta: b, sigma }), [1 - sigma * b ** 5], 1e-15);
  });

  it("rejects what does not fit", () => {
    expect(() => trajectorySimilarity([1], [1, 2])).toThrow(ShapeError);
    expect(() => trajectorySimilarity([1, NaN], [1, 2])).toThrow(NumericalError);
    expect(() => trajectorySimilarity([1, NaN], [1, 2])).toThrow("the move is NaN in parameter 1");
    expect(() => trajectorySimilarity([1], [1], { sign: "up" as never })).toThrow(OptionError);
    expect(() => blendMoment([1], [1, 2], { beta: 0.9, sigma: 1 })).toThrow(ShapeError);
    expect(() => blendMoment([1], [1], { beta: 0.9, sigma: 2 })).toThrow("sigma must be a number in [-1, 1]");
    expect(() => blendMoment([1], [1], { beta: 0.9 } as never)).toThrow("sigma must be given");
  });
});
