import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { DataError } from "../../../src/errors.js";
import { dbMtl } from "../../../src/mtl/methods/db-mtl.js";
import { famo } from "../../../src/mtl/methods/famo.js";
import { linearScalarization } from "../../../src/mtl/methods/linear-scalarization.js";
import { emptyHistory, tasksUpTo } from "../../../src/mtl/train/history.js";
import { decodeMultiTaskCheckpoint, encodeMultiTaskCheckpoint } from "../../../src/mtl/train/train-state.js";
import { adam } from "../../../src/optim/adam.js";
import { sgd } from "../../../src/optim/sgd.js";
import { packData, resume, unpackData } from "../../../src/train/checkpoint.js";
import { flat, randomArray } from "../gradients/networks.js";
import { data, everyMethod, net, trainerFor } from "./training-support.js";

describe("a checkpoint of several tasks", () => {
  it.each(sampledRows(everyMethod).map((method) => [method.name, method] as const))(
    "lets a run with %s go on to the same numbers, bit for bit",
    async (_, method) => {
      const whole = await trainerFor(method);
      await whole.run({ steps: 11 });
      const first = await trainerFor(method);
      await first.run({ steps: 6 });
      const bytes = encodeMultiTaskCheckpoint(first);
      const second = await trainerFor(method);
      resume(second, decodeMultiTaskCheckpoint(bytes));
      expect(second.current).toEqual(first.current);
      expect(second.history).toEqual(first.history);
      await second.run({ steps: 5 });
      expect(flat(second.current.params)).toEqual(flat(whole.current.params));
      expect(second.current.method).toEqual(whole.current.method);
      expect({ ...second.history, seconds: [] }).toEqual({ ...whole.history, seconds: [] });
    },
  );

  it("goes on from a run whose gradients were not measured", async () => {
    const first = await trainerFor(linearScalarization());
    await first.run({ steps: 2 });
    const bytes = encodeMultiTaskCheckpoint(first);
    const second = await trainerFor(linearScalarization(), { recordGradients: true });
    resume(second, decodeMultiTaskCheckpoint(bytes));
    await second.run({ steps: 1 });
    expect(second.history.conflicts.weak).toEqual([Number.NaN, Number.NaN, expect.any(Number)]);
  });

  it.each([1, 2, 11])("has no cosines of pairs where a history of %d tasks has none", (count) => {
    const tasks = Array.from({ length: count }, (_, k) => `task${k}`);
    const empty = emptyHistory(tasks, false);
    const history = tasksUpTo(0, empty, { tasks, measures: true });
    expect(history.cosines).toEqual(count === 2 ? [[]] : []);
    const past = {
      ...empty,
      seconds: [1, 2],
      losses: tasks.map(() => [1, 2]),
      weights: tasks.map(() => [1, 1]),
    };
    const later = tasksUpTo(2, { ...past, directionNorms: [1, 1] }, { tasks, measures: true });
    expect(later.cosines).toEqual(count === 2 ? [[Number.NaN, Number.NaN]] : []);
    expect(later.norms).toHaveLength(count);
  });

  it("keeps what a hook remembers and reports", async () => {
    const options = {
      beforeStep: async ({ memory, step }: { memory: unknown; step: number }) => ({
        memory: {
          calls: ((memory as { calls: number } | undefined)?.calls ?? 0) + 1,
          at: Float64Array.of(step, -0),
        },
        ...(step === 3 ? { event: { kind: "kick", drift: Number.POSITIVE_INFINITY } } : {}),
      }),
    };
    const first = await trainerFor(famo(), options);
    await first.run({ steps: 5 });
    const second = await trainerFor(famo(), options);
    resume(second, decodeMultiTaskCheckpoint(encodeMultiTaskCheckpoint(first)));
    expect(second.current.memory).toEqual({ calls: 5, at: Float64Array.of(4, -0) });
    expect(second.history.events).toEqual(first.history.events);
    await second.run({ steps: 1 });
    expect(second.current.memory).toEqual({ calls: 6, at: Float64Array.of(5, -0) });
  });

  it("takes away what a trainer has had since", async () => {
    const options = { beforeStep: async ({ step }: { step: number }) => (step < 2 ? {} : { memory: step }) };
    const trainer = await trainerFor(famo(), options);
    await trainer.run({ steps: 1 });
    const { current } = trainer;
    const bytes = encodeMultiTaskCheckpoint(trainer);
    await trainer.run({ epochs: 2, validation: data, best: "keep" });
    expect(trainer.current).toMatchObject({ memory: 7, best: { epoch: 2 } });
    resume(trainer, decodeMultiTaskCheckpoint(bytes));
    expect(trainer.current).toEqual(current);
  });

  it("is refused when damaged, of another kind, or of another run", async () => {
    const trainer = await trainerFor(dbMtl());
    await trainer.run({ steps: 2 });
    const bytes = encodeMultiTaskCheckpoint(trainer);
    const damaged = bytes.slice();
    damaged[damaged.length - 3] ^= 1;
    expect(() => decodeMultiTaskCheckpoint(damaged)).toThrow("the file is damaged");
    const { encodeSafetensors } = await import("../../../src/data/safetensors.js");
    expect(() => decodeMultiTaskCheckpoint(encodeSafetensors({}, { format: "x" }))).toThrow('got "x"');
    const other = await trainerFor(dbMtl(), { optimizer: sgd() });
    expect(() => resume(other, decodeMultiTaskCheckpoint(bytes))).toThrow(
      'it has "optimizer.step", which this model and optimizer do not',
    );
    const renamed = await trainerFor(dbMtl(), { tasks: ["a", "b", "c"], taskOf: () => undefined });
    expect(() => resume(renamed, decodeMultiTaskCheckpoint(bytes))).toThrow(
      'tasks was ["task0","task1","task2"], here ["a","b","c"]',
    );
  });
});

describe("a trainer of several tasks refuses a checkpoint of a run", () => {
  const bytesOf = async () => {
    const trainer = await trainerFor(famo());
    await trainer.run({ steps: 2 });
    return encodeMultiTaskCheckpoint(trainer);
  };

  it.each<[string, Parameters<typeof trainerFor>[1], string]>([
    ["with another rate", { learningRate: 0.02 }, "learningRate was 0.01, here 0.02"],
    ["with another batch size", { batchSize: 4 }, "batchSize was 5, here 4"],
    ["with another seed", { seed: 4 }, "seed was 3, here 4"],
    ["with other data", { data: { ...data, x: randomArray([20, 3], 99) } }, "data was "],
    ["with other options of the optimizer", { optimizer: adam({ betas: [0.5, 0.9] }) }, "the computation"],
    ["with other losses", { losses: net.losses }, "the computation"],
    ["without a hook", { beforeStep: async () => undefined }, "beforeStep was false, here true"],
    [
      "with other gradients of the heads",
      { headGradient: "weighted" },
      "headGradient was null, here weighted",
    ],
  ])("%s", async (_, options, message) => {
    const checkpoint = decodeMultiTaskCheckpoint(await bytesOf());
    const trainer = await trainerFor(famo(), options);
    const before = trainer.current;
    expect(() => resume(trainer, checkpoint)).toThrow(DataError);
    expect(() => resume(trainer, checkpoint)).toThrow(message);
    expect(trainer.current).toBe(before);
  });

  it("by another method, which begins with its own state, but for what may change", async () => {
    const checkpoint = decodeMultiTaskCheckpoint(await bytesOf());
    const other = await trainerFor(dbMtl());
    expect(() => resume(other, checkpoint)).toThrow("method was famo, here db-mtl");
    const slower = await trainerFor(famo(), { learningRate: 0.001 });
    resume(slower, checkpoint, { allowChanges: ["learningRate"] });
    await slower.run({ steps: 1 });
    expect(slower.current.step).toBe(3);
    resume(other, checkpoint, { allowChanges: ["method"] });
    await other.run({ steps: 1 });
    expect(other.current).toMatchObject({ step: 3, method: { step: 1 } });
  });
});

describe("packed plain data", () => {
  it("comes back bit for bit", () => {
    const values = {
      numbers: [1, -0, 0.1, Number.NaN, Infinity, -Infinity, 5e-324],
      nothing: [null, undefined, true, ""],
      arrays: {
        a: Float64Array.of(Number.NaN, -0),
        b: BigInt64Array.of(3n),
        c: { shape: [1], data: Float32Array.of(2) },
      },
    };
    const packed = packData(values, "p");
    expect(Object.keys(packed.arrays)).toEqual(["p.0", "p.1", "p.2"]);
    expect(unpackData(packed)).toEqual(values);
  });

  it("are no functions and no objects with a class", () => {
    expect(() => packData({ f: () => 1 }, "p")).toThrow("found function");
    expect(() => packData([new Map()], "p")).toThrow("found Map");
  });
});
