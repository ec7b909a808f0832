import { describe, expect, it } from "vitest";
import type { JobResult } from "../../../src/experiments/kind.js";
import { firstAtMost, lossCurve } from "../../../src/experiments/results/loss-curve.js";
import { runDocument } from "../../../src/formats/json.js";

const result = (loss: readonly number[], evaluations: JobResult["evaluations"] = []): JobResult => ({
  experiment: "x",
  variant: "a",
  seed: 0,
  settings: {},
  document: runDocument({
    name: "x",
    seed: 0,
    status: "completed",
    steps: loss.length,
    wallSeconds: 1,
    loss,
  }),
  seconds: [],
  jumps: [],
  evaluations,
});

describe("lossCurve", () => {
  it("is the loss itself for full batches", () => {
    expect(lossCurve(result([4, 2, 1]))).toEqual({ losses: [4, 2, 1], last: 1, window: 1 });
  });

  it("is a mean over a twentieth of the run for mini-batches, from the first whole window on", () => {
    const noisy = Array.from({ length: 40 }, (_, t) => (t % 2 === 0 ? 3 : 1));
    const curve = lossCurve(result(noisy, [{ step: 40, seconds: 1, "validation.loss": 2 }]));
    expect(curve.window).toBe(2);
    expect(curve.losses.slice(0, 4)).toEqual([null, 2, 2, 2]);
    expect(curve.last).toBe(2);
    // A single batch of 1 is no loss of 1.5.
    expect(firstAtMost(curve, 1.5)).toBeUndefined();
    expect(firstAtMost(curve, 2)).toBe(1);
  });

  it("does not count what is not finite", () => {
    const curve = lossCurve(result([4, Number.NaN, 1]));
    expect(firstAtMost(curve, 3)).toBe(2);
    expect(firstAtMost(curve, 0.5)).toBeUndefined();
  });
});
