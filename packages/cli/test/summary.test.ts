import { describe, expect, it } from "vitest";
import type { RunResult } from "../src/demo/experiment.js";
import { table, verdict } from "../src/demo/summary.js";

const report = {
  step: 10,
  search: "s",
  objectiveBefore: 2,
  objectiveAfter: 5,
  accepted: true,
  reason: "10 steps taken",
  lossBefore: 2,
  lossAfter: 2.000002,
  drift: 1e-6,
  gradNormSqBefore: 2,
  gradNormSqAfter: 5,
  steps: 10,
  halvings: 0,
  seconds: 0.002,
};

const run = (name: string, loss: readonly number[], reports: RunResult["reports"] = []): RunResult => ({
  name,
  loss,
  seconds: loss.map((_, t) => 0.01 * (t + 1)),
  teleports: reports.filter((r) => r.accepted).map((r) => r.step),
  trainLoss: 0.5,
  validation: { loss: 0.25, accuracy: 0.875 },
  wall: { training: 1.2, teleports: 0.034 },
  reports,
});

const plainText = { heading: (t: string) => t, warning: (t: string) => `! ${t}` };

describe("table", () => {
  it("has a line a run, aligned, with what was measured", () => {
    const refused = { ...report, step: 20, accepted: false, reason: "the objective does not grow", drift: 0 };
    const text = table([run("plain", [1]), run("moved", [1], [report, refused])], plainText).split("\n");
    expect(text).toHaveLength(4);
    expect(text[1]).toMatch(/^plain +0\.5000 +0\.2500 +87\.5 % +- +- +1200 ms +-$/);
    expect(text[2]).toMatch(/^moved +0\.5000 +0\.2500 +87\.5 % +1\.0e-6 +x2\.50 x2\.50 +1200 ms +34 ms$/);
    expect(text[3]).toBe("! moved, step 20: not moved, the objective does not grow");
    expect(new Set(text.slice(0, 3).map((line) => line.length)).size).toBe(1);
  });
});

describe("verdict", () => {
  const falling = (rate: number) => Array.from({ length: 100 }, (_, t) => rate ** t);

  it("says in which share of the plain run's steps and time its final loss is reached", () => {
    const text = verdict([run("plain", falling(0.98)), run("fast", falling(0.96))]);
    // Means of 20 steps: 0.98^80 (1 - 0.98^20) / 0.4 = 0.1651; the mean of 0.96^t is lower from the 56th step on.
    expect(text).toContain(
      "fast: the plain run's final loss (0.1651) in 0.56 of its steps and 0.56 of its time.\n",
    );
    expect(text).toContain("show how it works, not whether it pays");
  });

  it("says so when it is not reached", () => {
    const text = verdict([run("plain", falling(0.98)), run("slow", falling(0.99))]);
    expect(text).toMatch(/^slow: did not reach the plain run's final loss/m);
  });

  it("compares runs shorter than its window by their mean", () => {
    const text = verdict([run("plain", [3, 2, 1]), run("same", [3, 2, 1]), run("worse", [3, 2, 2])]);
    expect(text).toMatch(
      /^same: the plain run's final loss \(2\.0000\) in 1\.00 of its steps and 1\.00 of its time\.$/m,
    );
    expect(text).toMatch(/^worse: did not reach/m);
  });
});
