import type { CostReport } from "isoloss/mtl";
import { describe, expect, it } from "vitest";
import {
  costMetrics,
  costRecord,
  teleportOf,
} from "../../../../src/experiments/kinds/multi-task/cost-record.js";

const tasks = ["large", "small"];
const drift = {
  lossesBefore: [9000, 0.002],
  lossesAfter: [9009, 0.00208],
  relative: [0.001, 0.04],
  mean: 4.50004,
  meanRelative: 0.001,
  worst: 9,
  worstRelative: 0.04,
};

const reportOf = (judge: "worst" | "mean", change: Partial<CostReport> = {}): CostReport => ({
  step: 4,
  epoch: 1,
  trigger: "dominated",
  move: "adapter",
  outcome: "accepted",
  reason: "the loss of task 1 moves most, by 0.0400 of its size, within 0.05",
  halvings: 0,
  fraction: 1,
  displacement: 0.1,
  displacements: {},
  seconds: 1,
  drift,
  judged: { judge, kind: "relative", moved: judge === "worst" ? 0.04 : 0.001, bound: 0.05, worstTask: 1 },
  ...change,
});

describe("the record of a COST teleport", () => {
  it("has the change of every task, and the one that the guard judged", () => {
    const worst = teleportOf(reportOf("worst"), tasks);
    expect(worst.drift).toBe(0.04);
    expect(worst.drifts).toEqual({ large: 0.001, small: 0.04 });
    expect(worst.reason).toContain("task 1 moves most");
    expect(teleportOf(reportOf("mean"), tasks).drift).toBe(0.001);
    expect(costRecord(reportOf("worst"), tasks)).toMatchObject({
      drift: 0.04,
      drifts: { large: 0.001, small: 0.04 },
      judged: { judge: "worst" },
    });
  });

  it("has none where nothing was measured", () => {
    const { drift: _, judged: __, ...bare } = reportOf("worst");
    const teleport = teleportOf({ ...bare, outcome: "rejected" }, tasks);
    expect(teleport.drift).toBeNaN();
    expect(teleport).not.toHaveProperty("drifts");
  });
});

describe("the metrics of a run with COST", () => {
  it("are of what the guard judged, and of each task", () => {
    const reports = [
      reportOf("worst"),
      reportOf("worst", { outcome: "rejected", drift: { ...drift, worst: 99 } }),
    ];
    const metrics = costMetrics(reports, { tasks, guarded: true });
    expect(metrics).toMatchObject({
      "cost.driftMax": 0.04,
      "cost.driftMax.large": 0.001,
      "cost.driftMax.small": 0.04,
      "cost.absoluteDriftMax": 9,
      "cost.driftOfGuard": 0.04 / 0.05,
    });
    expect(costMetrics([reportOf("mean")], { tasks, guarded: true })).toMatchObject({
      "cost.driftMax": 0.001,
      "cost.driftMax.small": 0.04,
      "cost.driftOfGuard": 0.001 / 0.05,
    });
  });

  it("compare with no bound where there is no guard", () => {
    const { judged: _, ...free } = reportOf("worst");
    const metrics = costMetrics([free], { tasks, guarded: false });
    expect(metrics["cost.driftMax"]).toBe(0.04);
    expect(metrics).not.toHaveProperty("cost.driftOfGuard");
  });
});
