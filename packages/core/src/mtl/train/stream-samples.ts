import type { Batch } from "../../batch.js";
import type { DataStream } from "../../data/stream.js";
import {
  emptyPart,
  type Part,
  type PartReader,
  partReader,
  partRows,
} from "../../data/streams/part-reader.js";

/** Examples of a stream beside those of the training. */
export interface StreamSamples {
  /**
   * The next `count` examples of a reading that begins at each step anew, in the stream's order of another seed; at most those of
   * an epoch. Equal labels of a step give the same ones.
   */
  at(count: number, step: number, label: string | number): Promise<Batch>;
  dispose(): Promise<void>;
}

/**
 * Examples of a stream by a reading of their own for each step, of which labels take one part after the other: a buffer that
 * shuffles is filled once a step, and labels have different examples while an epoch lasts.
 *
 * @param seedAt seed of the reading of a step
 */
export function streamSamples(
  stream: DataStream<unknown>,
  {
    length,
    seedAt,
    prepare,
    check,
  }: {
    readonly length: number;
    readonly seedAt: (step: number) => number;
    readonly prepare: (part: Part) => Part;
    readonly check: (arrays: Batch) => void;
  },
): StreamSamples {
  let current: { step: number; epoch: number; reader: PartReader } | undefined;
  let drawn = new Map<string | number, Batch>();
  /** Calls take turns, in their order. */
  let turn: Promise<unknown> = Promise.resolve();

  const open = async (step: number, epoch: number) => {
    await current?.reader.close();
    current = { step, epoch, reader: partReader(stream.batches(seedAt(step), epoch), prepare) };
    return current.reader;
  };

  const draw = async (count: number, step: number, label: string | number): Promise<Batch> => {
    if (current?.step !== step) {
      drawn = new Map();
      await open(step, 0);
    }
    const known = drawn.get(label);
    if (known) return known;
    let target: Part | undefined;
    let found = 0;
    const wanted = Math.min(count, length);
    while (current && found < wanted) {
      const like = await current.reader.like();
      if (like) {
        target ??= emptyPart(like, wanted);
        found += await current.reader.readInto(target, found, wanted - found);
      } else await open(step, current.epoch + 1);
    }
    const batch = target ? partRows(target, 0, found) : {};
    check(batch);
    drawn.set(label, batch);
    return batch;
  };

  return {
    at(count, step, label) {
      const own = turn.then(() => draw(count, step, label));
      turn = own.catch(() => {});
      return own;
    },
    async dispose() {
      await turn;
      await current?.reader.close();
    },
  };
}
