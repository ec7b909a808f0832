import { describe, expect, it } from "vitest";
import { NumericalError, OptionError, ShapeError } from "../../../src/errors.js";
import { trajectorySimilarity } from "../../../src/teleport/state/transport.js";
import { goldenLedger } from "../../mtl/methods/golden-ledger.js";

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

  it("rejects what does not fit", () => {
    expect(() => trajectorySimilarity([1], [1, 2])).toThrow(ShapeError);
    expect(() => trajectorySimilarity([1, NaN], [1, 2])).toThrow(NumericalError);
    expect(() => trajectorySimilarity([1, NaN], [1, 2])).toThrow("the move is NaN in parameter 1");
    expect(() => trajectorySimilarity([1], [1], { sign: "up" as never })).toThrow(OptionError);
  });
});
