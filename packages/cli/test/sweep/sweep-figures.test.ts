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
