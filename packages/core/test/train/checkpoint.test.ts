import { readFileSync } from "node:fs";
import fc from "fast-check";
import { randomCases } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { array } from "../../src/array.js";
import { decodeSafetensors, encodeSafetensors } from "../../src/data/safetensors.js";
import { DataError } from "../../src/errors.js";
import { decodeMultiTaskCheckpoint } from "../../src/mtl/train/train-state.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { adam } from "../../src/optim/adam.js";
import type { Optimizer } from "../../src/optim/optimizer.js";
import { sgd } from "../../src/optim/sgd.js";
import { decodeCheckpoint, encodeCheckpoint, resume } from "../../src/train/checkpoint.js";
import { createTrainer } from "../../src/train/trainer.js";
import { batchNormNet, elements, someDigits } from "./support.js";

const data = someDigits(0, 60);

function trainerFor(
  runtime: "javascript" | "onnx" = "javascript",
  { optimizer = adam({ amsgrad: true }), width = 8, dtype = "float32" as "float32" | "float64" } = {},
) {
  const learningRate = (step: number) => 0.02 / (1 + step);
  return createTrainer({
    model: batchNormNet(width),
    data,
    optimizer: optimizer as Optimizer,
    learningRate,
    batchSize: 16,
    runtime,
    dtype,
  });
}

describe("a checkpoint", () => {
  it.each([
    { runtime: "javascript", dtype: "float32" },
    { runtime: "javascript", dtype: "float64" },
    { runtime: "onnx", dtype: "float32" },
    { runtime: "onnx", dtype: "float64" },
  ] as const)("lets a new trainer go on, bit for bit, on $runtime in $dtype", async ({ runtime, dtype }) => {
    const whole = await trainerFor(runtime, { dtype });
    await whole.run({ steps: 11 });

    const first = await trainerFor(runtime, { dtype });
    await first.run({ steps: 5 });
    const bytes = encodeCheckpoint(first);
    const second = await trainerFor(runtime, { dtype });
    resume(second, decodeCheckpoint(bytes));
    expect(elements(second.current)).toEqual(elements(first.current));
    expect(second.history).toEqual(first.history);
    await second.run({ steps: 6 });
    expect(second.current.step).toBe(11);
    expect(second.history.loss).toEqual(whole.history.loss);
    expect(elements(second.current)).toEqual(elements(whole.current));
    await Promise.all([whole, first, second].map((t) => t.dispose()));
  });

  it("is a safetensors file with parameters, state and optimizer under their paths", async () => {
    const trainer = await trainerFor("javascript", { optimizer: sgd({ momentum: 0.9 }) });
    await trainer.run({ steps: 2 });
    const { tensors, metadata } = decodeSafetensors(encodeCheckpoint(trainer));
    expect(metadata.step).toBe("2");
    expect(Object.keys(tensors)).toEqual([
      "params.first.weight",
      "params.first.bias",
      "params.norm.weight",
      "params.norm.bias",
      "params.last.weight",
      "params.last.bias",
      "state.running_mean",
      "state.running_var",
      "optimizer.velocity.first.weight",
      "optimizer.velocity.first.bias",
      "optimizer.velocity.norm.weight",
      "optimizer.velocity.norm.bias",
      "optimizer.velocity.last.weight",
      "optimizer.velocity.last.bias",
      "history.loss",
      "history.seconds",
    ]);
    expect(tensors["params.last.weight"]).toEqual(trainer.current.params.last.weight);
  });

  // Written by version 0.1.0 before the layouts of one task and of several became one; the command line's tests resume them.
  const earlier = (name: string) => readFileSync(new URL(`earlier/${name}.safetensors`, import.meta.url));

  it("is read from a file of one task in an earlier layout", () => {
    const { tensors } = decodeSafetensors(earlier("checkpoint-3"));
    const checkpoint = decodeCheckpoint(earlier("checkpoint-3"));
    expect(checkpoint.rest).toMatchObject({ step: 60, schedule: expect.anything() });
    expect(checkpoint.tensors["params.layers.0.weight"]).toEqual(tensors["params.layers.0.weight"]);
    const { loss, seconds, gradNormSq, teleports, epochs } = checkpoint.history;
    expect(loss).toEqual(Array.from(tensors["history.loss"].data, Number));
    expect([seconds.length, gradNormSq.length, teleports[0].step, epochs.length]).toEqual([60, 60, 5, 0]);
    expect(checkpoint.settings).toMatchObject({ optimizer: "sgd", batchSize: 64 });
    expect(() => decodeMultiTaskCheckpoint(earlier("checkpoint-3"))).toThrow(
      "Expected a checkpoint of several tasks; got one of one task.",
    );
  });

  it("is read from a file of several tasks in an earlier layout", () => {
    const { tensors } = decodeSafetensors(earlier("multi-task-2"));
    const { rest, history, settings } = decodeMultiTaskCheckpoint(earlier("multi-task-2"));
    expect(rest).toMatchObject({ step: 60, memory: expect.anything() });
    expect(history.losses.map((list) => list.length)).toEqual([60, 60]);
    expect(history.losses[1]).toEqual(Array.from(tensors["history.losses.1"].data, Number));
    expect(history.conflicts.weak).toEqual(Array.from(tensors["history.weak"].data, Number));
    expect(history).toMatchObject({ tasks: settings.tasks, epochs: [] });
    expect(() => decodeCheckpoint(earlier("multi-task-2"))).toThrow(
      "Expected a checkpoint of one task; got one of several tasks.",
    );
  });

  it("is the same after decoding and encoding again", async () => {
    const trainer = await trainerFor();
    await trainer.run({ steps: 3 });
    const bytes = encodeCheckpoint(trainer);
    const other = await trainerFor();
    resume(other, decodeCheckpoint(bytes));
    expect(encodeCheckpoint(other)).toEqual(bytes);
  });

  it("may be taken before the first step", async () => {
    const [a, b] = [await trainerFor(), await trainerFor()];
    await b.run({ steps: 3 });
    resume(b, decodeCheckpoint(encodeCheckpoint(a)));
    expect(b.current.step).toBe(0);
    expect(elements(b.current)).toEqual(elements(a.current));
  });

  it("is refused with any one bit changed", async () => {
    const trainer = await trainerFor("javascript", { width: 2 });
    await trainer.run({ steps: 3 });
    const bytes = encodeCheckpoint(trainer);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        const damaged = bytes.slice();
        damaged[at] ^= 1 << bit;
        expect(() => decodeCheckpoint(damaged)).toThrow(DataError);
      }),
      { numRuns: randomCases(2000) },
    );
  });

  it("is refused when cut off at any byte, or with bytes too many", async () => {
    const trainer = await trainerFor("javascript", { width: 2 });
    const bytes = encodeCheckpoint(trainer);
    for (let end = 0; end < bytes.length; end += 7) {
      expect(() => decodeCheckpoint(bytes.subarray(0, end))).toThrow(DataError);
    }
    expect(() => decodeCheckpoint(Uint8Array.from([...bytes, 0]))).toThrow(DataError);
  });

  it("says what a file is instead", () => {
    const weights = encodeSafetensors({ weight: array([1, 2]) });
    expect(() => decodeCheckpoint(weights)).toThrow(
      'Expected a checkpoint (metadata format "isoloss-checkpoint-4"); got "none". Does the file contain weights only?',
    );
    expect(() => decodeCheckpoint(new TextEncoder().encode("not a checkpoint, but text"))).toThrow(DataError);
  });

  it.each([
    { loss: [1, 2], seconds: [1, 2], message: /step 4, 2 times\.$/ },
    { loss: [1, 2], seconds: [1, 2, 3, 4], message: /step 4, 4 times and 2 of "loss"/ },
    { loss: [1, 2, 3, 4], seconds: [1], message: /step 4, 1 times and 4 of "loss"/ },
  ])("is refused without the history of its steps: $message", async ({ message, ...history }) => {
    const trainer = await trainerFor();
    const bytes = encodeCheckpoint({
      current: { ...trainer.current, step: 4 },
      history: { ...history, gradNormSq: [], teleports: [], epochs: [] },
      settings: trainer.settings,
    });
    expect(() => decodeCheckpoint(bytes)).toThrow(DataError);
    expect(() => decodeCheckpoint(bytes)).toThrow(message);
  });

  it.each(["constructor.prototype.polluted", "__proto__.polluted", "unknown.list"])(
    "is refused with a list that no history has, and changes no object: %s",
    async (name) => {
      const trainer = await trainerFor();
      const list = [1, 2, 3, 4];
      const bytes = encodeCheckpoint({
        current: { ...trainer.current, step: 4 },
        history: { loss: list, seconds: list, gradNormSq: [], teleports: [], epochs: [], [name]: list },
        settings: trainer.settings,
      });
      expect(() => decodeCheckpoint(bytes)).toThrow(`the list "${name}", which no history has`);
      expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
    },
  );

  it("is refused without its losses", async () => {
    const trainer = await trainerFor();
    const bytes = encodeCheckpoint({
      current: { ...trainer.current, step: 1 },
      history: { loss: [], seconds: [1], gradNormSq: [], teleports: [], epochs: [] },
      settings: trainer.settings,
    });
    expect(() => decodeCheckpoint(bytes)).toThrow('step 1 and lacks the list "loss"');
  });

  it("is refused by a trainer of another model, optimizer or precision, which stays as it was", async () => {
    const origin = await trainerFor("javascript", { optimizer: sgd({ momentum: 0.9 }) });
    await origin.run({ steps: 2 });
    const checkpoint = decodeCheckpoint(encodeCheckpoint(origin));
    const others = [
      [await trainerFor(), /"optimizer.step", float64\[\], is missing/],
      [await trainerFor("javascript", { optimizer: sgd() }), /it has "optimizer.velocity.first.weight"/],
      [
        await trainerFor("javascript", { optimizer: sgd({ momentum: 0.9 }), width: 9 }),
        /"params.first.weight" must be float32\[9, 64\]; got float32\[8, 64\]/,
      ],
      [
        await trainerFor("javascript", { optimizer: sgd({ momentum: 0.9 }), dtype: "float64" }),
        /"params.first.weight" must be float64\[8, 64\]; got float32\[8, 64\]/,
      ],
    ] as const;
    for (const [trainer, message] of others) {
      const before = trainer.current;
      expect(() => resume(trainer, checkpoint)).toThrow(DataError);
      expect(() => resume(trainer, checkpoint)).toThrow(message);
      expect(trainer.current).toBe(before);
    }
    const plain = await createTrainer({
      model: mlp({ sizes: [64, 10] }),
      data,
      optimizer: sgd(),
      learningRate: 0.1,
    });
    expect(() => resume(plain, checkpoint)).toThrow(
      /"params.layers.0.weight", float32\[10, 64\], is missing/,
    );
  });
});
