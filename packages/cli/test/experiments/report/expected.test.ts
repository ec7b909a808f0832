import { describe, expect, it } from "vitest";
import type { JobResult } from "../../../src/experiments/kind.js";
import { judge } from "../../../src/experiments/report/outcome.js";
import { runDocument } from "../../../src/formats/json.js";

const result = (variant: string, seed: number, loss: number[]): JobResult => ({
  experiment: "x",
  variant,
  seed,
  settings: {},
  document: runDocument({
    name: "x",
    seed,
    status: "completed",
    steps: loss.length,
    wallSeconds: 1,
    loss,
    metrics: { "validation.loss": loss[0] },
  }),
  seconds: loss.map((_, i) => i),
  jumps: [],
});

describe("judge", () => {
  const results = [result("a", 0, [4, 2]), result("a", 1, [6, 4]), result("b", 0, [1, Number.NaN])];
  const outcomeOf = (expected: object) => {
    const [verdict] = judge([{ path: "loss.history[0]", source: "hand", ...expected }], results, []);
    return [verdict.outcome, verdict.measured];
  };

  it("takes the mean over seeds of the first variant, or the run that is named", () => {
    expect(outcomeOf({ value: 5 })).toEqual(["pass", 5]);
    expect(outcomeOf({ value: 6, seed: 1 })).toEqual(["pass", 6]);
    expect(outcomeOf({ value: 1, variant: "b" })).toEqual(["pass", 1]);
  });

  it("allows the larger of a relative and an absolute tolerance", () => {
    expect(outcomeOf({ value: 5.01 })[0]).toBe("differs");
    expect(outcomeOf({ value: 5.01, tolerance: 2e-3 })[0]).toBe("pass");
    expect(outcomeOf({ value: 5.01, tolerance: 0, absolute: 0.011 })[0]).toBe("pass");
    expect(outcomeOf({ value: 5.01, tolerance: 0, absolute: 0.009 })[0]).toBe("differs");
  });

  it("names the tolerance by which it judged", () => {
    const expected = { path: "loss.history[0]", source: "hand", value: 5 };
    const textOf = (tolerances: object) => judge([{ ...expected, ...tolerances }], results, [])[0].text;
    expect(textOf({ absolute: 1e-9 })).toContain("5 within 5e-6 ");
    expect(textOf({ absolute: 1e-9, tolerance: 0 })).toContain("5 within 1e-9 ");
    expect(textOf({ tolerance: 0.1 })).toContain("5 within 0.1 of it ");
  });

  it("keeps to bounds, their ends included", () => {
    expect(outcomeOf({ atLeast: 5, atMost: 5 })[0]).toBe("pass");
    expect(outcomeOf({ atLeast: 5.1 })[0]).toBe("differs");
    expect(outcomeOf({ atMost: 4.9 })[0]).toBe("differs");
  });

  it("asks it of every run that has the number, and tells the one that does not meet it", () => {
    expect(outcomeOf({ variant: "*", atMost: 6 })).toEqual(["pass", 6]);
    expect(outcomeOf({ variant: "*", atMost: 5 })).toEqual(["differs", 6]);
    expect(outcomeOf({ variant: "*", atLeast: 4 })).toEqual(["differs", 1]);
    expect(outcomeOf({ variant: "*", path: "metrics.none", atMost: 1 })[0]).toBe("not reproducible");
  });

  it("calls not reproducible what has no number, or is known to have none", () => {
    expect(outcomeOf({ path: "loss.history[9]", value: 1 })).toEqual(["not reproducible", undefined]);
    expect(outcomeOf({ path: "loss.history[1]", value: 1, variant: "b" })[0]).toBe("not reproducible");
    expect(outcomeOf({ value: 5, notReproducible: "settings are missing" })[0]).toBe("not reproducible");
    expect(outcomeOf({ value: 5, variant: "c" })[0]).toBe("not reproducible");
  });
});
