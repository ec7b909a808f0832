import { expect, it } from "vitest";
import type { JobResult } from "../../src/experiments/kind.js";
import { runCurve } from "../../src/sweep/run-curve.js";

/** A run of so many steps, which recorded these losses. */
const result = (history: readonly (number | null)[], steps: number, settings = {}): JobResult =>
  ({
    settings,
    document: { status: "completed", steps, metrics: {}, loss: { history, last: history.at(-1) } },
  }) as unknown as JobResult;

it("keeps the losses of a short run, to five digits", () => {
  const settings = {};
  expect(runCurve(result([2, 1 / 3, 0, null], 3), { settings })).toEqual({
    first: 0,
    every: 1,
    losses: [2, 0.33333, 0, null],
  });
});

it("thins the losses of a long run to 400 at most, the last one among them", () => {
  const history = Array.from({ length: 120_001 }, (_, step) => step);
  const { first, every, losses } = runCurve(result(history, 120_000), { settings: {} }) ?? {
    first: 0,
    every: 0,
    losses: [],
  };
  expect(losses.length).toBeLessThanOrEqual(400);
  expect(first + (losses.length - 1) * every).toBe(120_000);
  expect(losses).toEqual(losses.map((_, i) => Number((first + i * every).toPrecision(5))));
});

it("has means of mini-batches, from the first whole one on", () => {
  const settings = { batchSize: 8 };
  const history = Array.from({ length: 40 }, (_, step) => step);
  const curve = runCurve(result(history, 40, settings), { settings });
  // Over 2 steps.
  expect(curve).toMatchObject({ first: 1, every: 1 });
  expect(curve?.losses.slice(0, 3)).toEqual([0.5, 1.5, 2.5]);
});

it("knows the steps of runs that do not record each", () => {
  const settings = { recordEvery: 100 };
  expect(runCurve(result([3, 2, 1], 250, settings), { settings })).toEqual({
    first: 0,
    every: 100,
    losses: [3, 2, 1],
  });
});

it("is left out where the losses are of models, or there are none", () => {
  expect(runCurve(result([3, 2, 1], 600), { settings: {} })).toBeUndefined();
  expect(runCurve(result([], 0), { settings: {} })).toBeUndefined();
  expect(runCurve(result([null], 1), { settings: {} })).toBeUndefined();
});
