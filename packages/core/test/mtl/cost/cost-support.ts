import { expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../../src/array.js";
import { cost } from "../../../src/mtl/cost/cost.js";
import type { CostReport } from "../../../src/mtl/cost/report.js";
import type { CostOptions } from "../../../src/mtl/cost/settings.js";
import { partsOf } from "../../../src/mtl/cost/shared-losses.js";
import type { StepContext } from "../../../src/mtl/train/step-hook.js";
import type { TaskLosses } from "../../../src/mtl/train/task-losses.js";
import { adam } from "../../../src/optim/adam.js";
import { flatten } from "../../../src/tree.js";
import { contextFor, netData, netLosses, type SmallNet, smallNet, taskNames } from "./support.js";

export type Options = CostOptions<SmallNet["shared"]>;

/** What a hook makes of the small network: fresh examples of the same kind for every label. */
export async function attempt(
  options: Options,
  {
    tasks = 2,
    taskLosses = netLosses(tasks),
    dtype = "float64" as "float32" | "float64",
    netSeed = 0,
    ...place
  }: {
    tasks?: number;
    taskLosses?: TaskLosses<SmallNet>;
    dtype?: "float32" | "float64";
    netSeed?: number;
  } & Partial<StepContext<SmallNet>> = {},
) {
  const params = smallNet(tasks, dtype, netSeed);
  const labels = new Map<string | number, number>();
  const { context, meter } = await contextFor<SmallNet>({
    taskLosses,
    tasks: taskNames(tasks),
    params,
    batch: netData(16, tasks, dtype),
    optimizer: adam().init(params),
    sample: async (count, label = 0) => {
      if (!labels.has(label)) labels.set(label, labels.size + 1);
      return netData(count, tasks, dtype, 100 + (labels.get(label) ?? 0));
    },
    ...place,
  });
  const teleports = cost<SmallNet>({ schedule: {}, ...options });
  const before = JSON.stringify(numbersOf(params));
  const change = await teleports.beforeStep(context);
  expect(JSON.stringify(numbersOf(params)), "the given arrays stay as they are").toBe(before);
  await teleports.dispose();
  return { params, change, meter, context, report: change?.event as CostReport };
}

export const numbersOf = (tree: unknown): number[][] =>
  flatten<NdArray>(tree, isNdArray).leaves.map(({ data }) => Array.from(data, Number));

export const taskCounts = [2, 8];

export function expectNoConflicts(rows: typeof taskCounts, options: Options = {}): void {
  it.each(rows)("removes conflicts among %i tasks and reports what it did", async (tasks) => {
    const { report, change, params, meter, context } = await attempt(
      { guard: { drift: 0.2, samples: 64 }, inner: { learningRate: 0.01, steps: 20 }, ...options },
      { tasks },
    );
    expect(report.outcome).toBe("accepted");
    expect(report.move).toBe("adapter");
    expect(change?.params?.heads).toEqual(params.heads);
    const mean = (values: readonly number[] = []) => values.reduce((a, b) => a + b, 0) / values.length;
    expect(mean(report.after?.cosines)).toBeGreaterThan(mean(report.before?.cosines));
    expect(report.before?.cosines).toHaveLength((tasks * (tasks - 1)) / 2);
    // What it says of the new point is so.
    const there = await meter.at(partsOf(change?.params), context.batch);
    expect(report.after?.meanCosines).toEqual([...(there.conflict?.meanCosines ?? [])]);
    expect(report.stillDominated).toBe(there.conflict?.dominated);
    const guarded = await Promise.all(
      [0, 1, 2, 3].map(async (i) =>
        meter.at(partsOf(change?.params), await context.sample(16, `cost guard ${i}`)),
      ),
    );
    report.drift?.lossesAfter.forEach((loss, k) => {
      expect(loss).toBeCloseTo(mean(guarded.map(({ losses }) => losses[k])), 12);
    });
    const squares = (tree: unknown) => numbersOf(tree).flat();
    const [from, to] = [squares(params.shared), squares(change?.params?.shared)];
    const D = Math.hypot(...to.map((v, i) => v - from[i]));
    expect(report.displacement).toBeCloseTo(D / Math.hypot(...from), 12);
    expect(Object.keys(report.displacements)).toEqual(["conv.weight", "fc.weight"]);
    for (const ratio of Object.values(report.displacements)) expect(ratio).toBeLessThanOrEqual(0.1 + 1e-12);
    expect(report.drift?.worstRelative).toBeLessThanOrEqual(0.2);
    expect(report.drift?.relative).toHaveLength(tasks);
    expect(report.seconds).toBeGreaterThan(0);
  });
}
