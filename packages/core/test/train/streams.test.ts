import { describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.js";
import type { DataStream } from "../../src/data/stream.js";
import { shuffled } from "../../src/data/streams/shuffled.js";
import { streamOf } from "../../src/data/streams/stream-of.js";
import { calibrationError, f1 } from "../../src/entries/metrics.js";
import { DataError } from "../../src/errors.js";
import { permutation } from "../../src/math/rng.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { adam } from "../../src/optim/adam.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import { every } from "../../src/teleport/when.js";
import { decodeCheckpoint, encodeCheckpoint, resume } from "../../src/train/checkpoint.js";
import { findLearningRate } from "../../src/train/find-learning-rate.js";
import { createTrainer } from "../../src/train/trainer.js";
import { batchNormNet, elements, someDigits } from "./support.js";

const arrays = someDigits(0, 75);
const validation = someDigits(100, 160);

/** The examples in the order in which a trainer takes those of arrays, in parts that fit no batch. */
const streamed = (data: Dataset = arrays, size = 7) =>
  shuffled(streamOf(data, { size }), { buffer: data.inputs.shape[0] });

const make = (data: Dataset | DataStream<Dataset>, options: object = {}) =>
  createTrainer({
    model: batchNormNet(),
    data,
    optimizer: adam(),
    learningRate: 0.02,
    batchSize: 20,
    runtime: "javascript" as const,
    ...options,
  });

/** A stream whose readings are counted. */
function counted(stream: DataStream<Dataset>) {
  const counts = { opened: 0, closed: 0 };
  return {
    counts,
    stream: {
      length: stream.length,
      async *batches(seed: number, epoch: number) {
        counts.opened += 1;
        try {
          yield* stream.batches(seed, epoch);
        } finally {
          counts.closed += 1;
        }
      },
    },
  };
}

/** A stream of given parts. */
const partsOf = (length: number | undefined, ...parts: unknown[]): DataStream<Dataset> => ({
  length,
  async *batches() {
    yield* parts as Dataset[];
  },
});

describe("a trainer on a stream", () => {
  it("has the same bits as on the arrays of which the stream is made, however it is cut", async () => {
    const whole = await make(arrays);
    const trainer = await make(streamed());
    expect(trainer.stepsPerEpoch).toBe(whole.stepsPerEpoch);
    await whole.run({ steps: 40 });
    for (const steps of [1, 4, 30, 5]) await trainer.run({ steps });
    expect(trainer.history.loss).toEqual(whole.history.loss);
    expect(elements(trainer.current)).toEqual(elements(whole.current));
    await Promise.all([whole.dispose(), trainer.dispose()]);
  });

  it("has the same validation, metrics and best epoch", async () => {
    const metrics = { f1: f1(), ece: calibrationError() };
    const options = { epochs: 4, metrics, best: "restore" as const, earlyStopping: { patience: 2 } };
    const evaluationBatchSize = 16;
    const whole = await make(arrays, { evaluationBatchSize });
    const trainer = await make(streamed(), { evaluationBatchSize });
    await whole.run({ ...options, validation });
    await trainer.run({ ...options, validation: streamOf(validation, { size: 9 }) });
    const bare = (rows: typeof whole.history.epochs) => rows.map((row) => ({ ...row, seconds: 0 }));
    expect(bare(trainer.history.epochs)).toEqual(bare(whole.history.epochs));
    expect(trainer.current.best).toEqual(whole.current.best);
    expect(await trainer.evaluate(streamOf(validation, { size: 60 }))).toEqual(
      await whole.evaluate(validation),
    );
    await Promise.all([whole.dispose(), trainer.dispose()]);
  });

  it("teleports as on arrays, across the ends of epochs, too", async () => {
    const options = {
      model: mlp({ sizes: [64, 8, 10] }),
      dtype: "float64",
      teleport: { when: every(2), symmetry: positiveScaling, batchSize: 30 },
    };
    const whole = await make(arrays, options);
    const trainer = await make(streamed(), options);
    for (const one of [whole, trainer]) await one.run({ steps: 9 });
    expect(whole.history.teleports.map(({ step }) => step)).toEqual([2, 4, 6, 8]);
    const bare = (t: typeof whole) => t.history.teleports.map((event) => ({ ...event, seconds: 0 }));
    expect(bare(trainer)).toEqual(bare(whole));
    expect(elements(trainer.current)).toEqual(elements(whole.current));
    await Promise.all([whole.dispose(), trainer.dispose()]);
  });

  it("counts the examples of a stream that does not tell them", async () => {
    const { length: _, ...stream } = streamed();
    const trainer = await make(stream);
    expect(trainer.stepsPerEpoch).toBe(3);
    await trainer.dispose();
  });

  it("finds the same learning rate", async () => {
    const options = { model: mlp({ sizes: [64, 8, 10] }), optimizer: adam(), batchSize: 20 };
    const search = { steps: 30 };
    const expected = await findLearningRate({ ...options, data: arrays }, search);
    expect(await findLearningRate({ ...options, data: streamed() }, search)).toEqual(expected);
  });

  it("closes what it reads, also when it cannot be made", async () => {
    const { stream, counts } = counted(streamed());
    const trainer = await make(stream);
    await trainer.run({ steps: 5 });
    await trainer.dispose();
    expect(counts.opened).toBeGreaterThan(0);
    expect(counts.closed).toBe(counts.opened);
    await expect(make(stream, { model: mlp({ sizes: [64, 3] }) })).rejects.toThrow("must be classes in 0..2");
    expect(counts.closed).toBe(counts.opened);
  });
});

describe("a run on a stream continues from a checkpoint", () => {
  it("at its batch, with the same bits", async () => {
    const whole = await make(streamed());
    await whole.run({ steps: 40 });
    // Within an epoch, at its end, and within a window that is read already.
    for (const at of [4, 6, 1, 35]) {
      const first = await make(streamed());
      await first.run({ steps: at });
      const second = await make(streamed());
      resume(second, decodeCheckpoint(encodeCheckpoint(first)));
      await second.run({ steps: 40 - at });
      expect(elements(second.current)).toEqual(elements(whole.current));
      expect(second.current.seen).toEqual(whole.current.seen);
      await Promise.all([first.dispose(), second.dispose()]);
    }
    await whole.dispose();
  });

  it("unless the stream gives other data than those seen", async () => {
    const first = await make(streamed());
    await first.run({ steps: 5 });
    const checkpoint = decodeCheckpoint(encodeCheckpoint(first));
    await first.dispose();
    // The first batch is the same, the second one is not.
    const { inputs, labels } = arrays;
    const other = { inputs: { ...inputs, data: inputs.data.slice() as Float32Array }, labels };
    other.inputs.data[64 * permutation(75, 0, 0)[25]] += 1;
    const second = await make(streamed(other));
    resume(second, checkpoint);
    const before = elements(second.current);
    await expect(second.run({ steps: 1 })).rejects.toThrow(DataError);
    await expect(second.run({ steps: 1 })).rejects.toThrow(
      "does not give the data that the run saw before step 5",
    );
    expect(elements(second.current)).toEqual(before);
    await second.dispose();
  });

  it("with other data that are allowed", async () => {
    const first = await make(streamed());
    await first.run({ steps: 5 });
    const checkpoint = decodeCheckpoint(encodeCheckpoint(first));
    const second = await make(streamed(someDigits(200, 275)));
    expect(() => resume(second, checkpoint)).toThrow("data was a stream of 75 examples");
    resume(second, checkpoint, { allowChanges: ["data"] });
    await second.run({ steps: 2 });
    expect(second.current.step).toBe(7);
    await Promise.all([first.dispose(), second.dispose()]);
  });
});

describe("a trainer refuses a stream", () => {
  const { inputs } = arrays;
  const [few, more] = [someDigits(0, 30), someDigits(30, 75)];
  const narrow = { shape: [30, 32], data: new Float32Array(960) };
  const broken = {
    ...few.inputs,
    data: Float32Array.from(few.inputs.data, Number).fill(Number.NaN, 64 * 25),
  };
  it.each<[string, DataStream<Dataset>, object, string]>([
    ["without a batch size", streamed(), { batchSize: undefined }, "batchSize must be an integer in 1..75"],
    ["that is too short for a batch", streamed(), { batchSize: 80 }, "batchSize must be an integer in 1..75"],
    ["of nothing", partsOf(undefined), {}, "in 1..0, the number of examples of the stream"],
    [
      "that ends early",
      partsOf(90, few, more),
      {},
      "equally many examples in every epoch: 90, as its length says; epoch 0 has 75",
    ],
    ["that is longer", partsOf(70, few, more), {}, "in every epoch: 70, as its length says; epoch 0 has 75"],
    ["of arrays", partsOf(75, inputs), {}, 'A part of a stream: "shape" must be an array'],
    ["of parts without labels", partsOf(75, { inputs }), {}, "labels is not one. Got inputs."],
    ["of uneven parts", partsOf(75, { inputs, labels: few.labels }), {}, '"inputs" has 75 and "labels" 30'],
    [
      "of parts of several types",
      partsOf(75, more, { inputs: narrow, labels: few.labels }),
      {},
      "got inputs float32[32]",
    ],
    [
      "of labels that are no classes",
      streamed(),
      { model: mlp({ sizes: [64, 4] }) },
      "must be classes in 0..3",
    ],
    [
      "with numbers that are not finite",
      partsOf(30, { inputs: broken, labels: few.labels }),
      { batchSize: 10 },
      "The inputs hold NaN, first in the batch of step 2",
    ],
  ])("%s", async (_, stream, options, message) => {
    const attempt = async () => {
      const trainer = await make(stream, options);
      await trainer.run({ steps: 8 });
    };
    await expect(attempt()).rejects.toThrow(message);
  });

  it("whose examples have no numbers", async () => {
    const trainer = await make(streamed());
    expect(() => trainer.batchOf(0)).toThrow("the examples of a stream have no numbers");
    await expect(trainer.evaluate(partsOf(undefined))).rejects.toThrow(
      "evaluate: the stream has no examples",
    );
    await trainer.dispose();
  });
});
