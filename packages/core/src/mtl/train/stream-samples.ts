import type { Batch } from "../../batch.js";
import type { DataStream } from "../../data/stream.js";
import { emptyPart, type Part, type PartReader, partReader } from "../../data/streams/part-reader.js";

/** Examples of a stream beside those of the training. */
export interface StreamSamples {
  /**
   * The next `count` examples of a reading that begins at each step anew, in the stream's order of another seed; at most those of
   * an epoch. Equal labels of a step give the same ones.
   */
  at(count: number, step: number, label: string | number): Promise<Batch>;
  /** The next ones of that reading in `count` batches; every iteration opens a reading of its own. */
  batches(size: number, count: number, step: number): AsyncIterable<Batch>;
  dispose(): Promise<void>;
}

/** The examples of one epoch of a stream after another. */
interface Reading {
  next(count: number): Promise<Batch>;
  skip(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Examples that are read at once only to be left out. */
const skipped = 16;

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
  /** `taken` by labels, of which `ahead` are not read yet. */
  let current: { step: number; reading: Reading; taken: number; ahead: number } | undefined;
  let drawn = new Map<string | number, Batch>();
  /** Calls take turns, in their order. */
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <V>(call: () => Promise<V>): Promise<V> => {
    const own = turn.then(call);
    turn = own.catch(() => {});
    return own;
  };

  const readingAt = (step: number): Reading => {
    let epoch = 0;
    let reader: PartReader | undefined;
    const open = () => partReader(stream.batches(seedAt(step), epoch), prepare);
    const reading: Reading = {
      async next(count) {
        let target: Part | undefined;
        let found = 0;
        while (found < count) {
          reader ??= open();
          const like = await reader.like();
          if (like) {
            target ??= emptyPart(like, count);
            found += await reader.readInto(target, found, count - found);
          } else {
            await reader.close();
            epoch += 1;
            reader = open();
          }
        }
        return target ?? {};
      },
      async skip(count) {
        for (let left = count; left > 0; left -= skipped) await reading.next(Math.min(skipped, left));
      },
      close: async () => reader?.close(),
    };
    return reading;
  };

  const begin = async (step: number) => {
    if (current?.step === step) return current;
    drawn = new Map();
    await current?.reading.close();
    current = { step, reading: readingAt(step), taken: 0, ahead: 0 };
    return current;
  };

  return {
    at: (count, step, label) =>
      inTurn(async () => {
        const own = await begin(step);
        const known = drawn.get(label);
        if (known) return known;
        await own.reading.skip(own.ahead);
        own.ahead = 0;
        const wanted = Math.min(count, length);
        const batch = await own.reading.next(wanted);
        own.taken += wanted;
        check(batch);
        drawn.set(label, batch);
        return batch;
      }),
    batches(size, count, step) {
      const start = inTurn(async () => {
        const own = await begin(step);
        const { taken } = own;
        own.taken += size * count;
        own.ahead += size * count;
        return taken;
      });
      return {
        async *[Symbol.asyncIterator]() {
          const reading = readingAt(step);
          try {
            await reading.skip(await start);
            for (let i = 0; i < count; i++) {
              const batch = await reading.next(size);
              check(batch);
              yield batch;
            }
          } finally {
            await reading.close();
          }
        },
      };
    },
    async dispose() {
      await turn;
      await current?.reading.close();
    },
  };
}
