import { expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../../src/array.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import { cost } from "../../../src/mtl/cost/cost.js";
import type { CostReport } from "../../../src/mtl/cost/report.js";
import type { CostOptions } from "../../../src/mtl/cost/settings.js";
import type { MultiTaskMethod } from "../../../src/mtl/method.js";
import { fairGrad } from "../../../src/mtl/methods/fair-grad.js";
import { gradDrop } from "../../../src/mtl/methods/grad-drop.js";
import { linearScalarization } from "../../../src/mtl/methods/linear-scalarization.js";
import { pcGrad } from "../../../src/mtl/methods/pc-grad.js";
import type { TaskLosses } from "../../../src/mtl/train/task-losses.js";
import { createMultiTaskTrainer } from "../../../src/mtl/train/trainer.js";
import type { MultiTaskData } from "../../../src/mtl/train/trainer-options.js";
import { adam } from "../../../src/optim/adam.js";
import { flatten } from "../../../src/tree.js";
import { netData, netLosses, type SmallNet, smallNet } from "./support.js";

/** Losses near 3000 and near 0.001. */
export const farApart: TaskLosses<SmallNet> = (params, batch, context) => {
  const [large, small] = netLosses(2)(params, batch, context);
  return [mul(600, large), mul(1e-3, small)];
};

/** A run on 64 examples, 4 steps an epoch; with teleports if there are options. */
export async function train(
  options: CostOptions<SmallNet["shared"]> | undefined,
  {
    steps = 12,
    method = linearScalarization() as MultiTaskMethod<unknown>,
    tasks = 2,
    dtype = "float64" as "float32" | "float64",
    losses = netLosses(tasks),
    data = netData(64, tasks) as MultiTaskData,
    teleports = options && cost<SmallNet>(options),
    optimizer: rule = adam(),
  } = {},
) {
  const trainer = await createMultiTaskTrainer<SmallNet>({
    losses,
    params: smallNet(tasks, dtype),
    data,
    batchSize: 16,
    method,
    optimizer: rule,
    learningRate: 1e-3,
    ...(teleports ? { beforeStep: teleports.beforeStep } : {}),
  });
  await trainer.run({ steps });
  await trainer.dispose();
  await teleports?.dispose();
  const { params, optimizer } = trainer.current;
  const reports = trainer.history.events.map(({ event }) => event as CostReport);
  const numbers = flatten<NdArray>({ params, optimizer }, isNdArray).leaves.map(({ data }) => [...data]);
  return { params, reports, numbers, losses: trainer.history.losses, norms: trainer.history.norms };
}

export const always = { trigger: "weak", schedule: {}, guard: { samples: 32 } } as const;

export const methods: readonly [string, MultiTaskMethod<unknown>, number][] = [
  ["FairGrad", fairGrad() as MultiTaskMethod<unknown>, 2],
  ["PCGrad", pcGrad() as MultiTaskMethod<unknown>, 8],
  ["GradDrop", gradDrop() as MultiTaskMethod<unknown>, 2],
];

export function expectWrapped(rows: typeof methods): void {
  it.each<[string, MultiTaskMethod<unknown>, number]>(rows)(
    "wraps any method: %s",
    async (_, method, tasks) => {
      const state = { policy: "reuse" } as const;
      const { reports, numbers } = await train(
        { ...always, guard: { drift: 0.2, samples: 32 }, state },
        { method, tasks },
      );
      const moved = reports.filter(({ outcome }) => outcome !== "rejected");
      expect(moved.length).toBeGreaterThan(0);
      for (const { sigma } of moved) expect(Math.abs(sigma ?? 2)).toBeLessThanOrEqual(1);
      expect(numbers.flat().every((v) => Number.isFinite(Number(v)))).toBe(true);
    },
  );
}
