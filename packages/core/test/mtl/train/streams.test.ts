import { describe, expect, it } from "vitest";
import { shuffled } from "../../../src/data/streams/shuffled.js";
import { streamOf } from "../../../src/data/streams/stream-of.js";
import { mae } from "../../../src/entries/metrics.js";
import { famo } from "../../../src/mtl/methods/famo.js";
import { modo } from "../../../src/mtl/methods/modo.js";
import { decodeMultiTaskCheckpoint, encodeMultiTaskCheckpoint } from "../../../src/mtl/train/train-state.js";
import { linear } from "../../../src/nn/linear.js";
import { resume } from "../../../src/train/checkpoint.js";
import { flat, trunk } from "../gradients/networks.js";
import { data, net, trainerFor } from "./training-support.js";

const streamed = (arrays = data) => shuffled(streamOf(arrays, { size: 3 }), { buffer: 20 });

/** The inputs and the targets of two tasks, and apart from them targets for the third. */
const [, , third] = net.tasks;
const { [third]: apart, ...together } = data;

describe("a trainer of several tasks on streams", () => {
  it("has the same bits as on their arrays, also with several batches a step and several sources", async () => {
    for (const [method, arrays, streams] of [
      [famo(), data, streamed()],
      [modo(), data, streamed()],
      [famo(), [together, { [third]: apart }], [streamed(together), { [third]: apart }]],
    ] as const) {
      const whole = await trainerFor(method, { data: arrays as never });
      const trainer = await trainerFor(method, { data: streams as never });
      expect(trainer.stepsPerEpoch).toBe(whole.stepsPerEpoch);
      await whole.run({ steps: 10 });
      for (const steps of [3, 7]) await trainer.run({ steps });
      expect(trainer.history.losses).toEqual(whole.history.losses);
      expect(flat(trainer.current.params)).toEqual(flat(whole.current.params));
      await Promise.all([whole.dispose(), trainer.dispose()]);
    }
  });

  it("has the same validation", async () => {
    const options = {
      outputs: ({ shared, heads }: never, batch: never) => {
        const { x, [third]: labels } = batch as Record<string, never>;
        return { [third]: { output: linear(trunk(shared, x), heads[third]), labels } };
      },
    };
    const metrics = { [third]: { mae: mae() } };
    const whole = await trainerFor(famo(), options as never);
    const trainer = await trainerFor(famo(), { ...options, data: streamed() } as never);
    await whole.run({ epochs: 2, validation: data, metrics });
    await trainer.run({ epochs: 2, validation: streamOf(data, { size: 6 }) as never, metrics });
    const rows = (t: typeof whole) => t.history.epochs.map(({ seconds: _, ...row }) => row);
    expect(rows(trainer)).toEqual(rows(whole));
    await Promise.all([whole.dispose(), trainer.dispose()]);
  });

  it("continues from a checkpoint with the same bits, if the streams give what was seen", async () => {
    const whole = await trainerFor(modo(), { data: streamed() as never });
    await whole.run({ steps: 10 });
    const first = await trainerFor(modo(), { data: streamed() as never });
    await first.run({ steps: 6 });
    const checkpoint = decodeMultiTaskCheckpoint(encodeMultiTaskCheckpoint(first));
    const second = await trainerFor(modo(), { data: streamed() as never });
    resume(second, checkpoint);
    await second.run({ steps: 4 });
    expect(flat(second.current.params)).toEqual(flat(whole.current.params));
    expect(second.current.seen).toEqual(whole.current.seen);

    const seen = { ...checkpoint.rest.seen, "0.1": { epochStart: 1, now: 2 } };
    resume(second, { ...checkpoint, rest: { ...checkpoint.rest, seen } });
    await expect(second.run({ steps: 1 })).rejects.toThrow(
      "does not give the data that the run saw before step 6",
    );
    await Promise.all([whole, first, second].map((one) => one.dispose()));
  });

  it("gives hooks examples of its own: different ones by label, the same when a step is repeated", async () => {
    const draws: [number, string, number[]][] = [];
    const rows = (batch: Record<string, { readonly data: ArrayLike<number | bigint> }>) =>
      Array.from<number | bigint, number>(batch.x?.data ?? [], Number);
    const run = async (streams: unknown, from: number, steps: number) => {
      const trainer = await trainerFor(famo(), {
        data: streams as never,
        beforeStep: async ({ step, sample }) => {
          if (step < from) return;
          const drawn = await Promise.all(["a", "b", "a"].map((label) => sample(6, label)));
          drawn.forEach((batch, i) => {
            expect(Object.keys(batch).sort()).toEqual(Object.keys(data).sort());
            draws.push([step, ["a", "b", "a"][i] as string, rows(batch as never)]);
          });
          expect(rows((await sample(100, "all")) as never)).toHaveLength(3 * 20);
        },
      });
      await trainer.run({ steps });
      await trainer.dispose();
    };
    await run([streamed(together), { [third]: apart }], 0, 2);
    const [a0, b0, again, a1] = draws;
    expect(again?.[2]).toEqual(a0?.[2]);
    expect(a1?.[2]).not.toEqual(a0?.[2]);
    // Examples of a reading are different ones, of those of the arrays.
    const examples = (flatRows: readonly number[]) =>
      Array.from({ length: flatRows.length / 3 }, (_, i) => String(flatRows.slice(3 * i, 3 * i + 3)));
    const all = new Set(examples(rows(data as never)));
    const both = [...examples(a0?.[2] ?? []), ...examples(b0?.[2] ?? [])];
    expect(new Set(both).size).toBe(12);
    expect(both.every((row) => all.has(row))).toBe(true);
    // What a step draws does not depend on the steps before it.
    const first = draws.filter(([step]) => step === 1);
    draws.length = 0;
    await run([streamed(together), { [third]: apart }], 1, 2);
    expect(draws).toEqual(first);
  });

  it("refuses what a stream does not have", async () => {
    const needsBatchSize = trainerFor(famo(), { data: streamed() as never, batchSize: undefined });
    await expect(needsBatchSize).rejects.toThrow("batchSize must be an integer in 1..20");
  });
});
