import { describe, expect, it } from "vitest";
import { type RunMeasurements, runDocument, runsDocument } from "../../src/formats/json.js";

const teleport = {
  step: 1,
  lossBefore: 2,
  lossAfter: 2.000002,
  drift: 1e-6,
  gradNormSqBefore: 1,
  gradNormSqAfter: Number.POSITIVE_INFINITY,
  accepted: true,
  reason: "10 ascent steps taken",
  seconds: 0.01,
};

const run: RunMeasurements = {
  name: "toy",
  seed: 3,
  status: "completed",
  steps: 3,
  wallSeconds: 0.5,
  loss: [4, 2, 1],
  gradNormSq: [9, 4, 1],
  metrics: { accuracy: 0.75, ratio: Number.NaN },
  teleports: [{ ...teleport, halvings: 2 } as typeof teleport],
  directory: "/runs/toy-3-1",
};

describe("runDocument", () => {
  it("has the documented shape", () => {
    expect(JSON.parse(JSON.stringify(runDocument(run)))).toEqual({
      name: "toy",
      seed: 3,
      status: "completed",
      steps: 3,
      wallSeconds: 0.5,
      loss: { first: 4, last: 1, history: [4, 2, 1] },
      gradNormSq: { first: 9, last: 1, history: [9, 4, 1] },
      metrics: { accuracy: 0.75, ratio: null },
      teleports: [{ ...teleport, gradNormSqAfter: null }],
      directory: "/runs/toy-3-1",
    });
  });

  it("has every key, with null where nothing was measured", () => {
    const bare = { name: "toy", seed: 0, status: "failed", steps: 0, wallSeconds: 0, loss: [] } as const;
    expect(runDocument(bare)).toEqual({
      ...bare,
      loss: { first: null, last: null, history: [] },
      gradNormSq: { first: null, last: null, history: [] },
      metrics: {},
      teleports: [],
      directory: null,
    });
  });

  it("has null for a loss that is no number", () => {
    expect(runDocument({ ...run, loss: [1, Number.NaN] }).loss).toEqual({
      first: 1,
      last: null,
      history: [1, null],
    });
  });
});

describe("runsDocument", () => {
  it("summarizes what the runs ended with", () => {
    const last = [1, 2, 3];
    const runs = last.map((value, seed) =>
      runDocument({ ...run, seed, loss: [9, value], metrics: seed < 2 ? { accuracy: value / 4 } : {} }),
    );
    const diverged = runDocument({ ...run, seed: 9, status: "diverged", loss: [9, Number.NaN], metrics: {} });
    const { summary, runs: kept } = runsDocument([...runs, diverged]);
    expect(kept).toEqual([...runs, diverged]);
    expect(summary.seeds).toEqual([0, 1, 2, 9]);
    expect(summary.status).toEqual({ completed: 3, diverged: 1 });
    // t(0.975, 2) = 4.302653, standard deviation 1.
    const half = 4.302653 / Math.sqrt(3);
    expect(summary.loss).toEqual({
      n: 3,
      mean: 2,
      std: 1,
      min: 1,
      max: 3,
      interval: [expect.closeTo(2 - half, 5), expect.closeTo(2 + half, 5)],
    });
    expect(summary.metrics.accuracy).toMatchObject({ n: 2, mean: 0.375 });
    expect(Object.keys(summary.metrics)).toEqual(["accuracy"]);
  });

  it("has no summary of what no run measured", () => {
    const { summary } = runsDocument([runDocument({ ...run, gradNormSq: [], seed: 1 })]);
    expect(summary.gradNormSq).toBeNull();
    expect(summary.loss).toMatchObject({ n: 1, std: null, interval: null });
  });
});
