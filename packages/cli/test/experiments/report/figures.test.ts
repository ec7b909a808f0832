import { describe, expect, it } from "vitest";
import { lossCurves } from "../../../src/experiments/report/figures.js";
import { runDocument } from "../../../src/formats/json.js";

const run = (loss: number[]) => ({
  experiment: "x",
  variant: "plain",
  seed: 0,
  settings: {},
  document: runDocument({ name: "x", seed: 0, status: "completed", steps: 2, wallSeconds: 1, loss }),
  seconds: [0, 1, 2],
  jumps: [],
});

describe("lossCurves", () => {
  it("are on a logarithmic axis unless a loss is negative", () => {
    expect(lossCurves([run([9, 1e-9, 1e-18])]).logY).toBe(true);
    expect(lossCurves([run([9, 1e-9, 0])]).logY).toBe(true);
    expect(lossCurves([run([9, 1, -1])]).logY).toBe(false);
  });
});
