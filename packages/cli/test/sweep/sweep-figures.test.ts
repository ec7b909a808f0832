import { expect, it } from "vitest";
import type { StoredSweep } from "../../src/sweep/directory.js";
import type { SweepDocument } from "../../src/sweep/document.js";
import { sweepFigures } from "../../src/sweep/sweep-figures.js";
import { asha, sweepFile } from "./model.js";

it("figures are drawn of more verdicts than a function takes arguments", () => {
  const one = { rung: 4, step: 4, value: 0.5, verdict: "go", n: 1, rank: 1 };
  const verdicts = new Map(Array.from({ length: 200_000 }, (_, i) => [i, { ...one, value: 0.001 + i }]));
  const engine = { state: { trials: [], runs: new Map([["r-1", { verdicts }]]) } };
  const sweep = { loaded: { file: sweepFile({ prune: asha }) }, engine } as unknown as StoredSweep;
  const { rungs, course } = sweepFigures(sweep, { trials: [] } as unknown as SweepDocument);
  expect([rungs.length, course]).toEqual([1, []]);
});

it("losses are drawn of what is confirmed, else of the best trials", () => {
  const run = (losses: readonly (number | null)[]) => ({
    verdicts: new Map(),
    record: { curve: { first: 0, every: 10, losses } },
  });
  const trials = [{ runs: [run([3, 2, 1]), run([3, 1, null])] }, { runs: [{ verdicts: new Map() }] }];
  const valued = [0, 1].map((trial) => ({
    trial,
    status: "completed",
    value: trial,
    parameters: {},
    runs: [],
  }));
  const losses = (contenders?: object[]) => {
    const engine = { state: { trials, runs: new Map(), contenders } };
    const sweep = { loaded: { file: sweepFile() }, engine } as unknown as StoredSweep;
    return sweepFigures(sweep, { trials: valued } as unknown as SweepDocument).losses.join("");
  };
  const searched = losses();
  expect(searched).toContain("trial 0");
  expect(searched).not.toContain("trial 1");
  const confirmed = losses([
    { trial: "baseline", runs: [run([2, 1])] },
    { trial: 7, runs: [run([2, 0.5])] },
  ]);
  expect(confirmed).toContain("baseline");
  expect(confirmed).toContain("trial 7");
  // Sweeps from before records had losses.
  expect(losses([{ trial: "baseline", runs: [{ verdicts: new Map() }] }])).toBe("");
});
