import { afterAll, describe, expect, it } from "vitest";
import { cost } from "../../../src/mtl/cost/cost.js";
import type { CostReport } from "../../../src/mtl/cost/report.js";
import { linearScalarization } from "../../../src/mtl/methods/linear-scalarization.js";
import { createMultiTaskTrainer } from "../../../src/mtl/train/trainer.js";
import { adam } from "../../../src/optim/adam.js";
import { contextFor, type Plane, plane, pointOf, toyLosses, toyStarts } from "./support.js";

const at = (x1: number, x2: number, scale = 1) =>
  contextFor<Plane>({ taskLosses: toyLosses(scale), tasks: ["1", "2"], params: plane(x1, x2), batch: {} });

// A disc around the point, losses that may move by 2, at most every 1000 steps.
const teleports = cost<Plane>({
  schedule: { every: 1000 },
  adapter: { kind: "dense" },
  improve: { kind: "sharpness", weight: 0.1, samples: 5, radius: 0.01 },
  inner: { learningRate: 0.1, steps: 50 },
  trust: { kind: "absolute", value: 1 },
  guard: { kind: "absolute", drift: 2 },
});
afterAll(() => teleports.dispose());

/** Where LS with Adam gets in so many steps, and whether that is the front x2 = -8.3552, -7 <= x1 <= 7. */
async function run(start: readonly [number, number], scale: number, hook: boolean) {
  // Compiled graphs hold the losses, and with them the scale.
  await teleports.dispose();
  const trainer = await createMultiTaskTrainer<Plane>({
    losses: toyLosses(scale),
    params: plane(...start),
    method: linearScalarization(),
    optimizer: adam(),
    learningRate: 1e-3,
    ...(hook ? { beforeStep: teleports.beforeStep } : {}),
  });
  let isThere = false;
  while (trainer.current.step < 36_000 && !isThere) {
    await trainer.run({ steps: 1000 });
    const [x1, x2] = pointOf(trainer.current.params);
    isThere = Math.abs(x2 + 8.3552) < 0.15 && Math.abs(x1) <= 7;
  }
  await trainer.dispose();
  const reports = trainer.history.events.map(({ event }) => event as CostReport);
  return { isThere, reports, point: pointOf(trainer.current.params) };
}

describe("the toy problem", () => {
  // The formulas of Liu et al., NeurIPS 2021, appendix B, in plain Python.
  it.each([
    [-8.5, 7.5, 6.55236341, 7.90079814],
    [9, 9, 7.94394919, 6.69149537],
    [0, -8.3552, -15.09163845, -15.09163845],
  ])("has the known losses at (%f, %f)", async (x1, x2, first, second) => {
    const { context } = await at(x1, x2);
    const losses = await context.losses();
    expect(losses[0]).toBeCloseTo(first, 8);
    expect(losses[1]).toBeCloseTo(second, 8);
  });

  it("has a dominated conflict at (-7.5, -0.5)", async () => {
    const { context } = await at(-7.5, -0.5);
    const { cosines, meanCosines, dominated } = await context.conflict();
    expect(dominated).toBe(true);
    expect(cosines.data[1]).toBeCloseTo(-0.7048, 4);
    expect(meanCosines[0]).toBeCloseTo(-0.6427, 4);
  });

  it.each([1, 0.1])("lets LS reach the front from every start at scale %f", async (scale) => {
    for (const start of toyStarts) {
      const { isThere, reports, point } = await run(start, scale, true);
      expect(isThere, `from (${start}): at (${point}) after 36000 steps`).toBe(true);
      for (const { outcome, drift } of reports) {
        if (outcome !== "rejected") expect(drift?.worst).toBeLessThanOrEqual(2);
      }
    }
  });

  it.each([
    [[9, 9], 0.1],
    [[-8.5, 7.5], 1],
  ] as const)("is one that LS alone does not solve from (%s) at scale %f", async (start, scale) => {
    expect((await run(start, scale, false)).isThere).toBe(false);
  });
});
