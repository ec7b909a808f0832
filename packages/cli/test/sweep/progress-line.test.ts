import { createRng } from "isoloss/data";
import { describe, expect, it } from "vitest";
import type { StoredSweep } from "../../src/sweep/directory.js";
import { progressText, sweepReporter } from "../../src/sweep/progress-line.js";
import { asha, simulate, sweepFile } from "./model.js";

const source = createRng(4);
const file = sweepFile({ prune: asha, stopAfter: { failures: 100 } });
const { engine } = simulate(file, { next: () => source.next(), kills: 0, repeats: 0 }, { worst: 0.4 });
const sweep = { loaded: { file }, engine } as unknown as StoredSweep;

describe("the progress of a sweep", () => {
  it("counts the trials, and tells the best one and what is confirmed", () => {
    const { trials } = engine.state;
    const count = (status: string) => trials.filter((trial) => trial.status === status).length;
    const text = progressText(sweep);
    expect(text).toMatch(/^8\/8 trials, /);
    for (const status of ["pruned", "diverged", "failed"]) {
      expect(text.includes(`${count(status)} ${status}`)).toBe(count(status) > 0);
    }
    const best = trials
      .filter(({ status }) => status === "completed")
      .sort((a, b) => Number(a.value) - Number(b.value));
    expect(text).toContain(`(trial ${best[0]?.trial})`);
    const confirming = [...engine.state.runs.values()].filter(({ isConfirming }) => isConfirming).length;
    expect(text).toMatch(new RegExp(`confirmed by ${confirming} runs$`));
  });

  it("counts to the end of a grid that a budget does not reach", () => {
    const grid = sweepFile({
      method: "grid",
      confirm: false,
      budget: { trials: 100, hard: false },
      parameters: { size: { values: [1, 2, 3] } },
    });
    const { engine } = simulate(grid, { next: () => source.next(), kills: 0, repeats: 0 }, { worst: 0 });
    expect(progressText({ loaded: { file: grid }, engine } as unknown as StoredSweep)).toMatch(
      /^3\/3 trials, /,
    );
  });

  it("tells a failure as a line at once, also where there is no terminal", () => {
    const told: string[] = [];
    const stream = { write: (part: string) => told.push(part) };
    const reporter = sweepReporter(sweep, { words: () => "2 lanes", stream });
    const run = engine.state.trials[3]?.runs[1]?.id as string;
    const record = { run, values: {}, metrics: {}, steps: 0, seconds: 0, lane: "a", directory: null };
    reporter.update();
    reporter.onRecord({ ...record, status: "completed" });
    expect(told).toEqual([]);
    reporter.onRecord({ ...record, status: "failed", error: "no data" });
    expect(told).toEqual(["3-1 failed: no data\n"]);
  });
});
