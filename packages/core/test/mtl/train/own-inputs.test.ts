// Tasks with examples of their own, as Office-31's three: one batch of each task a step, sources of different length.

import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../../src/array.js";
import type { Batch } from "../../../src/batch.js";
import { cost } from "../../../src/mtl/cost/cost.js";
import type { CostReport } from "../../../src/mtl/cost/report.js";
import { taskGradients } from "../../../src/mtl/gradients/task-gradients.js";
import type { MultiTaskMethod } from "../../../src/mtl/method.js";
import { fairGrad } from "../../../src/mtl/methods/fair-grad.js";
import { gradDrop } from "../../../src/mtl/methods/grad-drop.js";
import { linearScalarization } from "../../../src/mtl/methods/linear-scalarization.js";
import { modo } from "../../../src/mtl/methods/modo.js";
import { accuracy } from "../../../src/mtl/train/evaluate.js";
import type { TaskLosses } from "../../../src/mtl/train/task-losses.js";
import { decodeMultiTaskCheckpoint, encodeMultiTaskCheckpoint } from "../../../src/mtl/train/train-state.js";
import { createMultiTaskTrainer, type MultiTaskTrainerOptions } from "../../../src/mtl/train/trainer.js";
import { linear } from "../../../src/nn/linear.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import { adam } from "../../../src/optim/adam.js";
import { resume } from "../../../src/train/checkpoint.js";
import { flat, type NetParams, randomArray, trunk } from "../gradients/networks.js";

const domains = ["amazon", "dslr", "webcam"];
const classes = 3;

const params: NetParams = {
  shared: [{ weight: randomArray([6, 4], 1), bias: randomArray([6], 2) }],
  heads: Object.fromEntries(
    domains.map((name, k) => [
      name,
      { weight: randomArray([classes, 6], 3 + k), bias: randomArray([classes], 9) },
    ]),
  ),
};

/** Examples of a domain, under names of its own. */
const examplesOf = (name: string, count: number, seed: number): Batch => ({
  [`${name} x`]: randomArray([count, 4], seed),
  [`${name} y`]: ndarray(
    BigInt64Array.from({ length: count }, (_, i) => BigInt((i * 7 + seed) % classes)),
    [count],
  ),
});

const lossesOf =
  (names: readonly string[]): TaskLosses<NetParams> =>
  ({ shared, heads }, batch) =>
    names.map((name) =>
      crossEntropy(linear(trunk(shared, batch[`${name} x`]), heads[name]), batch[`${name} y`]),
    );
const losses = lossesOf(domains);

const train = [examplesOf("amazon", 40, 20), examplesOf("dslr", 14, 21), examplesOf("webcam", 26, 22)];

const trainerFor = (options: Partial<MultiTaskTrainerOptions<NetParams>> = {}) =>
  createMultiTaskTrainer<NetParams>({
    losses,
    params,
    tasks: domains,
    data: train,
    method: fairGrad(),
    optimizer: adam(),
    learningRate: 0.02,
    batchSize: 6,
    ...options,
  });

/** Cross-entropy and accuracy of a domain, by a plain loop. */
function measured({ shared: [layer], heads }: NetParams, name: string, data: Batch) {
  const { data: x, shape } = data[`${name} x`];
  const [n, inputs] = shape;
  const affine = ({ weight, bias }: { weight: NdArray; bias?: NdArray }, h: readonly number[]) =>
    Array.from(bias?.data as Float64Array, (b, o) =>
      h.reduce((sum, v, i) => sum + v * Number(weight.data[o * h.length + i]), b),
    );
  let [loss, right] = [0, 0];
  for (let e = 0; e < n; e++) {
    const row = Array.from({ length: inputs }, (_, i) => Number(x[e * inputs + i]));
    const z = affine(heads[name], affine(layer, row).map(Math.tanh));
    const y = Number(data[`${name} y`].data[e]);
    loss += Math.log(z.reduce((sum, v) => sum + Math.exp(v), 0)) - z[y];
    right += z.indexOf(Math.max(...z)) === y ? 1 : 0;
  }
  return { loss: loss / n, accuracy: right / n };
}

describe("tasks with examples of their own", () => {
  it("have gradients of their own examples alone", async () => {
    const batch: Batch = Object.assign({}, ...train);
    const all = taskGradients({ losses, params, batch, tasks: domains, keep: true });
    const { jacobian, losses: values } = await all.measure(params, batch);
    const P = all.width;
    for (const [k, name] of domains.entries()) {
      const own = { shared: params.shared, heads: { [name]: params.heads[name] } };
      const one = taskGradients({ losses: lossesOf([name]), params: own, batch: train[k], keep: true });
      const found = await one.measure(own, train[k]);
      expect(values[k]).toBeCloseTo(found.losses[0], 14);
      const row = (jacobian as NdArray).data.slice(k * P, (k + 1) * P) as Float64Array;
      expect([...row]).toEqual(
        Array.from(found.jacobian?.data as Float64Array, (g) => expect.closeTo(g, 14)),
      );
    }
  });

  // Of losses, of the Gramian, of J with a direction, and of three batches a step.
  const methods: MultiTaskMethod[] = [linearScalarization(), fairGrad(), gradDrop(), modo()];

  it.each(methods.map((method) => [method.name, method] as const))(
    "train together with %s, an epoch being a pass over the longest source",
    async (_, method) => {
      const trainer = await trainerFor({ method });
      expect(trainer.stepsPerEpoch).toBe(6);
      const before = await trainer.evaluate(train);
      await trainer.run({ steps: 60 });
      const after = await trainer.evaluate(train);
      const mean = (l: Float64Array) => l.reduce((a, b) => a + b) / 3;
      expect(mean(after.losses)).toBeLessThan(mean(before.losses));
      await trainer.dispose();
    },
  );

  it("are evaluated each on all of its own examples, however their numbers differ", async () => {
    const trainer = await trainerFor({
      metrics: ({ shared, heads }, batch) =>
        Object.fromEntries(
          domains.map((name) => [
            name,
            accuracy(linear(trunk(shared, batch[`${name} x`]), heads[name]), batch[`${name} y`]),
          ]),
        ),
    });
    const sizes = [
      [40, 14, 26],
      [1203, 700, 3],
      [5, 999, 1],
    ];
    for (const counts of sizes) {
      const test = domains.map((name, k) => examplesOf(name, counts[k], 30 + k));
      const found = await trainer.evaluate(test);
      for (const [k, name] of domains.entries()) {
        const want = measured(params, name, test[k]);
        expect(found.losses[k]).toBeCloseTo(want.loss, 12);
        expect(found.metrics[name]).toBeCloseTo(want.accuracy, 12);
      }
    }
    await trainer.dispose();
  });

  it("go on from a checkpoint to the same numbers, bit for bit", async () => {
    const [whole, first, second] = [await trainerFor(), await trainerFor(), await trainerFor()];
    await whole.run({ steps: 17 });
    await first.run({ steps: 10 });
    resume(second, decodeMultiTaskCheckpoint(encodeMultiTaskCheckpoint(first)));
    await second.run({ steps: 7 });
    expect(flat(second.current.params)).toEqual(flat(whole.current.params));
  });

  it.each([
    ["four batches", { batches: 4 }],
    ["a whole epoch", { batches: "loader" }],
  ] as const)("are teleported by COST with losses frozen on %s", async (_, preserve) => {
    const teleports = cost<NetParams>({
      trigger: "weak",
      schedule: {},
      preserve,
      guard: { samples: 32, drift: 0.2 },
      inner: { learningRate: 0.01, steps: { passes: 2 } },
    });
    const trainer = await trainerFor({ beforeStep: teleports.beforeStep });
    await trainer.run({ steps: 12 });
    const reports = trainer.history.events.map(({ event }) => event as CostReport);
    expect(reports.map(({ outcome }) => outcome)).toContain("accepted");
    for (const { outcome, drift } of reports) {
      if (outcome === "accepted") expect(drift?.worstRelative).toBeLessThanOrEqual(0.2);
    }
    await trainer.dispose();
    await teleports.dispose();
  });
});
