import { describe, expect, it } from "vitest";
import { array } from "../../../src/array.js";
import { takeRows } from "../../../src/data/batches.js";
import { mae, rmse } from "../../../src/entries/metrics.js";
import { OptionError } from "../../../src/errors.js";
import { relu } from "../../../src/graph/ops/activation.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { famo } from "../../../src/mtl/methods/famo.js";
import type { TaskOutputs } from "../../../src/mtl/train/evaluate.js";
import { decodeMultiTaskCheckpoint, encodeMultiTaskCheckpoint } from "../../../src/mtl/train/train-state.js";
import { linear } from "../../../src/nn/linear.js";
import { resume } from "../../../src/train/checkpoint.js";
import { scripted } from "../../train/support.js";
import { flat, type NetParams, randomArray, trunk } from "../gradients/networks.js";
import { data, net, trainerFor } from "./training-support.js";

/** As literal types, so that results are typed by task. */
const [first, second] = net.tasks as unknown as readonly ["one", "two"];

/** Outputs of two of the three tasks; the labels of the second are known for the first 12 examples. */
const outputs: TaskOutputs<NetParams> = ({ shared, heads }, batch) => {
  const z = relu(trunk(shared, batch.x));
  return {
    [first]: { output: linear(z, heads[first]), labels: batch[first] },
    [second]: { output: linear(z, heads[second]), labels: batch[second], mask: batch.known },
  };
};

const known = array(
  Array.from({ length: 20 }, (_, i) => (i < 12 ? 1 : 0)),
  "bool",
);
const all = { ...data, known };
const make = (options: object = {}) => trainerFor(famo(), { data: all, outputs, ...options });
const metrics = { [first]: { rmse: rmse() }, [second]: { mae: mae() } };
const validation = { ...all, x: randomArray([20, 3], 70) };
const withoutTime = (rows: readonly { seconds: number }[]) => rows.map(({ seconds: _, ...row }) => row);

describe("metrics of several tasks", () => {
  it("are by task, over the examples that have its labels", async () => {
    const trainer = await make();
    await trainer.run({ steps: 3 });
    const { tasks, losses } = await trainer.evaluate(validation, { metrics });
    // The loss of the task is its mean squared error.
    expect(tasks[first].rmse).toBeCloseTo(Math.sqrt(losses[0]), 6);
    const rows = Array.from({ length: 12 }, (_, i) => i);
    const someKnown = Object.fromEntries(Object.entries(validation).map(([k, a]) => [k, takeRows(a, rows)]));
    const masked = await trainer.evaluate(someKnown, { metrics: { [second]: metrics[second] } });
    expect(tasks[second].mae).toBeCloseTo(Number(masked.tasks[second].mae), 6);
    expect((await trainer.evaluate(validation)).tasks).toEqual({});
  });

  it("are recorded at the ends of epochs, under task and name", async () => {
    const trainer = await make();
    await trainer.run({ epochs: 2, validation, metrics });
    const { epochs, losses } = trainer.history;
    expect(epochs.map(({ epoch, step }) => [epoch, step])).toEqual([[1, 4], [2, 8]]); // biome-ignore format: a matrix
    const evaluated = await trainer.evaluate(validation, { metrics });
    const [a, b, c] = evaluated.losses;
    expect(epochs[1].validation).toEqual({
      loss: (a + b + c) / 3,
      ...Object.fromEntries(net.tasks.map((task, k) => [`${task}.loss`, evaluated.losses[k]])),
      [`${first}.rmse`]: evaluated.tasks[first].rmse,
      [`${second}.mae`]: evaluated.tasks[second].mae,
    });
    const trained = losses.flatMap((list) => list.slice(4));
    expect(epochs[1].loss).toBeCloseTo(trained.reduce((x, y) => x + y, 0) / 12, 12);
  });

  it("are refused where they do not fit", async () => {
    const trainer = await make();
    const run = (sets: object) => trainer.run({ epochs: 1, validation, metrics: sets } as never);
    await expect(run({ other: {} })).rejects.toThrow('run: metrics has no task "other"; the tasks are');
    await expect(run({ [first]: { mae } })).rejects.toThrow("Call it.");
    await expect(run([])).rejects.toThrow("metrics must be an object of metrics by task");
    await expect(run({ [net.tasks[2]]: { mae: mae() } })).rejects.toThrow("has metrics; the option outputs");
    const bare = await make({ outputs: undefined });
    await expect(bare.evaluate(validation, { metrics })).rejects.toThrow(OptionError);
    await expect(bare.evaluate(validation, { metrics })).rejects.toThrow("need the option outputs");
    await expect(make({ outputs: constant(array([1])) })).rejects.toThrow("outputs must be a function");
    for (const name of ["loss", `${first}.loss`]) {
      const own = await make({ metrics: () => ({ [name]: constant(array(1)) }) });
      await expect(own.run({ epochs: 1, validation })).rejects.toThrow(`run: "${name}" is measured anyway`);
    }
  });
});

describe("a run of several tasks in epochs", () => {
  it("keeps the best epoch, and continues with it where it is told to", async () => {
    for (const best of ["keep", "restore"] as const) {
      const trainer = await make();
      const seen: object[] = [];
      await trainer.run({
        epochs: 4,
        validation,
        best,
        metrics: { [first]: { score: scripted([1, 3, 2, 3]) } },
        earlyStopping: { metric: `${first}.score`, patience: Infinity },
        onEpoch: () => void seen.push(trainer.current.params),
      });
      const { best: kept, params } = trainer.current;
      expect([kept?.epoch, kept?.value]).toEqual([2, 3]);
      expect(kept?.params).toBe(seen[1]);
      expect(params).toBe(seen[best === "keep" ? 3 : 1]);
    }
  });

  it("ends early on a task's metric, and resumes to the same bits from every step", async () => {
    const settings = { learningRate: 0.3 };
    const options = {
      validation,
      metrics,
      best: "restore" as const,
      earlyStopping: { metric: `${second}.mae`, patience: 2, threshold: 0.1 },
    } as const;
    const whole = await make(settings);
    const checkpoints = [encodeMultiTaskCheckpoint(whole)];
    const onProgress = () => void checkpoints.push(encodeMultiTaskCheckpoint(whole));
    const result = await whole.run({ epochs: 12, reportEvery: 1, onProgress, ...options });
    expect(result).toEqual({ status: "stopped" });
    expect(whole.current.params).toBe(whole.current.best?.params);
    for (const bytes of checkpoints) {
      const trainer = await make(settings);
      resume(trainer, decodeMultiTaskCheckpoint(bytes));
      const left = 12 - Math.floor(trainer.current.step / trainer.stepsPerEpoch);
      expect(await trainer.run({ epochs: left, ...options })).toEqual(result);
      expect(withoutTime(trainer.history.epochs)).toEqual(withoutTime(whole.history.epochs));
      expect(flat(trainer.current.params)).toEqual(flat(whole.current.params));
      expect(trainer.current.best).toEqual(whole.current.best);
    }
  });
});
