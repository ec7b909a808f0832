import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../../src/array.js";
import { cost } from "../../../src/mtl/cost/cost.js";
import type { CostReport } from "../../../src/mtl/cost/report.js";
import type { CostOptions } from "../../../src/mtl/cost/settings.js";
import type { MultiTaskMethod } from "../../../src/mtl/method.js";
import { fairgrad } from "../../../src/mtl/methods/fairgrad.js";
import { gradDrop } from "../../../src/mtl/methods/graddrop.js";
import { linearScalarisation } from "../../../src/mtl/methods/linear-scalarisation.js";
import { pcgrad } from "../../../src/mtl/methods/pcgrad.js";
import { createMultiTaskTrainer } from "../../../src/mtl/trainer.js";
import { adam } from "../../../src/optim/adam.js";
import { flatten } from "../../../src/tree.js";
import { netData, netLosses, type SmallNet, smallNet } from "./support.js";

/** A run on 64 examples, 4 steps an epoch; with teleports if there are options. */
async function train(
  options: CostOptions<SmallNet["shared"]> | undefined,
  { steps = 12, method = linearScalarisation() as MultiTaskMethod<unknown>, tasks = 2 } = {},
) {
  const teleports = options && cost<SmallNet>(options);
  const trainer = await createMultiTaskTrainer<SmallNet>({
    losses: netLosses(tasks),
    params: smallNet(tasks),
    data: netData(64, tasks),
    batchSize: 16,
    method,
    optimizer: adam(),
    learningRate: 1e-3,
    ...(teleports ? { beforeStep: teleports.beforeStep } : {}),
  });
  await trainer.run({ steps });
  await trainer.dispose();
  await teleports?.dispose();
  const { params, optimizer } = trainer.current;
  const reports = trainer.history.events.map(({ event }) => event as CostReport);
  const numbers = flatten<NdArray>({ params, optimizer }, isNdArray).leaves.map(({ data }) => [...data]);
  return { reports, numbers, losses: trainer.history.losses };
}

const always = { trigger: "weak", schedule: {}, guard: { samples: 32 } } as const;

describe("COST in a training", () => {
  it("leaves parameters and optimiser bit-identical where every teleport is rejected", async () => {
    const plain = await train(undefined);
    const rejected = await train({ ...always, guard: { drift: 0, samples: 32 } });
    expect(rejected.reports.length).toBeGreaterThan(0);
    for (const { outcome } of rejected.reports) expect(outcome).toBe("rejected");
    expect(rejected.numbers).toEqual(plain.numbers);
    expect(rejected.losses).toEqual(plain.losses);
  });

  it("teleports within the guard's bound, at most once an epoch, from the start on", async () => {
    const { reports, numbers } = await train({
      ...always,
      schedule: { start: { epoch: 1 }, perEpoch: 1 },
      guard: { drift: 0.05, samples: 32 },
    });
    expect(reports.length).toBeGreaterThan(0);
    expect(new Set(reports.map(({ epoch }) => epoch)).size).toBe(reports.length);
    for (const { epoch, outcome, drift } of reports) {
      expect(epoch).toBeGreaterThanOrEqual(1);
      if (outcome === "accepted") expect(drift?.meanRelative).toBeLessThanOrEqual(0.05);
    }
    expect(reports.map(({ outcome }) => outcome)).toContain("accepted");
    expect(numbers).not.toEqual((await train(undefined)).numbers);
  });

  it("takes the step at the new point, on the same batch", async () => {
    const { reports, losses } = await train({ ...always, guard: { drift: 0.5, samples: 32 } });
    const moved = reports.filter(({ outcome }) => outcome === "accepted");
    expect(moved.length).toBeGreaterThan(0);
    for (const { step, after } of moved) {
      losses.forEach((list, k) => {
        expect(list[step]).toBeCloseTo(after?.losses[k] ?? Number.NaN, 12);
      });
    }
  });

  it.each<[string, MultiTaskMethod<unknown>, number]>([
    ["FairGrad", fairgrad() as MultiTaskMethod<unknown>, 2],
    ["PCGrad", pcgrad() as MultiTaskMethod<unknown>, 8],
    ["GradDrop", gradDrop() as MultiTaskMethod<unknown>, 2],
  ])("wraps any method: %s", async (_, method, tasks) => {
    const state = { policy: "reuse" } as const;
    const { reports, numbers } = await train(
      { ...always, guard: { drift: 0.2, samples: 32 }, state },
      { method, tasks },
    );
    const moved = reports.filter(({ outcome }) => outcome !== "rejected");
    expect(moved.length).toBeGreaterThan(0);
    for (const { sigma } of moved) expect(Math.abs(sigma ?? 2)).toBeLessThanOrEqual(1);
    expect(numbers.flat().every((v) => Number.isFinite(Number(v)))).toBe(true);
  });

  it("is without consequence for the moments when trajectory reuse is without effect", async () => {
    const keep = await train({ ...always, guard: { drift: 0.2, samples: 32 } });
    const state = { policy: "reuse", effective: false } as const;
    const ineffective = await train({ ...always, guard: { drift: 0.2, samples: 32 }, state });
    expect(ineffective.numbers).toEqual(keep.numbers);
    const reuse = await train({ ...always, guard: { drift: 0.2, samples: 32 }, state: { policy: "reuse" } });
    expect(reuse.numbers).not.toEqual(keep.numbers);
  });
});
