import { expect, it } from "vitest";
import type { StoredSweep } from "../../src/sweep/directory.js";
import { sweepFigures, type Valued } from "../../src/sweep/sweep-figures.js";
import { asha, sweepFile } from "./model.js";

it("figures are drawn of more verdicts than a function takes arguments", () => {
  const one = { rung: 4, step: 4, value: 0.5, verdict: "go", n: 1, rank: 1 };
  const verdicts = new Map(Array.from({ length: 200_000 }, (_, i) => [i, { ...one, value: 0.001 + i }]));
  const engine = { state: { trials: [], runs: new Map([["r-1", { verdicts }]]) } };
  const sweep = { loaded: { file: sweepFile({ prune: asha }) }, engine } as unknown as StoredSweep;
  const { rungs, course } = sweepFigures(sweep, []);
  expect([rungs.length, course]).toEqual([1, []]);
  expect(rungs[0]).toContain("Of 200000 that went on the first 400.");
});

it("losses are drawn of what is confirmed, else of the best trials", () => {
  const run = (losses: readonly (number | null)[]) => ({
    verdicts: new Map(),
    record: { curve: { first: 0, every: 10, losses } },
  });
  const trials = [{ runs: [run([3, 2, 1]), run([3, 1, null])] }, { runs: [{ verdicts: new Map() }] }];
  const valued = [0, 1].map((trial) => valuedTrial(trial));
  const losses = (contenders?: object[]) => {
    const engine = { state: { trials, runs: new Map(), contenders } };
    const sweep = { loaded: { file: sweepFile() }, engine } as unknown as StoredSweep;
    return sweepFigures(sweep, valued).losses.join("");
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
  // A loss that is not finite does not take the logarithmic axis from the others.
  const wide = losses([{ trial: "baseline", runs: [run([1000, 10, 0.1, null])] }]);
  expect(wide).toContain(">0.1<");
});

it("figures of the best trials say of how many they are", () => {
  const engine = { state: { trials: [], runs: new Map() } };
  const sweep = { loaded: { file: sweepFile() }, engine } as unknown as StoredSweep;
  const trials = (count: number) =>
    Array.from({ length: count }, (_, k) => valuedTrial(k, { learningRate: k }));
  const { parameters } = sweepFigures(sweep, trials(500));
  expect(parameters).toHaveLength(2);
  for (const figure of parameters) expect(figure).toContain("The best 400 of 500 completed trials.");
  expect(sweepFigures(sweep, trials(400)).parameters.join("")).not.toContain("The best 400");
});

const valuedTrial = (trial: number, parameters = {}) =>
  ({ trial, status: "completed", value: trial, parameters, runs: [] }) as unknown as Valued;
