import type { Batch } from "../../batch.js";
import { takeRows } from "../../data/batches.js";
import { type DataStream, isStream } from "../../data/stream.js";
import { countExamples } from "../../data/streams/part-reader.js";
import { createRng, hash32, type Rng } from "../../math/rng.js";
import { batchOrder } from "../../train/batch-order.js";
import { listOf, prepareSource, requireNames, type Source } from "../../train/dataset.js";
import { dataChecksum } from "../../train/run-settings.js";
import type { Seen } from "../../train/seen.js";
import { openWindows, streamWindows } from "../../train/stream-windows.js";
import { mapValues } from "../../tree.js";
import { streamSamples } from "./stream-samples.js";

/** What a run has seen of its streams, by number of the source and of the sample: `0.0`. */
export type SeenSources = Readonly<Record<string, Seen>>;

/** The data of a run, cut into batches. */
export interface Sources {
  /** Steps per epoch, from the source with the most batches; Infinity for a function without data. */
  readonly stepsPerEpoch: number;
  /** All examples of all sources, arrays by name; of a stream those of its first steps. */
  readonly arrays: Batch;
  /**
   * The batch of a step; the samples 1, 2, ... are independent, each a pass over the data in its own order.
   *
   * @param seen what the run has seen of streams before the step, which they must give again when they are read again
   */
  batchOf(step: number, sample?: number, seen?: SeenSources): Promise<Batch>;
  /** What the run has seen of streams after the batches of a step; left out without streams. */
  seenAfter(step: number): SeenSources | undefined;
  /** Has a function look at the arrays before they are used, beginning with those that are there. */
  checkBy(check: (arrays: Batch) => void): void;
  /** What a checkpoint says of the data. */
  checksum(): string;
  /** Random examples of every source; all examples if it has fewer. Of a stream see {@link streamSamples}. */
  sample(count: number, step: number, label: string | number): Promise<Batch>;
  /** Those of such a draw that is as long as an epoch, in batches; sources with fewer begin again. */
  batches(step: number, label: string | number): AsyncIterable<Batch>;
  dispose(): Promise<void>;
}

interface SourceOptions {
  readonly batchSize?: number | undefined;
  readonly dtype: "float32" | "float64";
  /** Looks at arrays of a stream before they are used. */
  readonly check: (arrays: Batch) => void;
}

/** The batches of one source. */
interface OpenSource {
  readonly arrays: Batch;
  readonly stepsPerEpoch: number;
  batchOf(step: number, sample: number, seen: Seen | undefined): Promise<Batch>;
  /** What has been seen after a step, by sample; of arrays nothing. */
  seenAfter(step: number): readonly [sample: string, Seen][];
  /** What a checkpoint says of a stream. */
  readonly text?: string | undefined;
  sample(count: number, step: number, label: string | number, rng: Rng): Promise<Batch>;
  batches(step: number, rng: Rng): AsyncIterable<Batch>;
  dispose(): Promise<void>;
}

/**
 * Opens the data of a run; floats are converted to its precision.
 *
 * @throws DataError, ShapeError unless the arrays of a source have equally many examples and all names differ
 */
export async function prepareSources(
  data: Source | readonly Source[],
  { seed, ...options }: Omit<SourceOptions, "check"> & { readonly seed: number },
): Promise<Sources> {
  const sources: OpenSource[] = [];
  let look = (_: Batch) => {};
  const check = (arrays: Batch) => look(arrays);
  const dispose = async () => {
    for (const source of sources) await source.dispose();
  };
  try {
    for (const [s, given] of listOf(data).entries()) {
      const seedOf = (sample: number) =>
        s === 0 && sample === 0 ? seed : hash32(hash32(seed) + 1009 * s + sample);
      const open = isStream(given) ? openStream : openArrays;
      sources.push(await open(given as never, { ...options, check, seedOf }));
    }
    requireNames(sources.map(({ arrays }) => arrays));
  } catch (error) {
    await dispose();
    throw error;
  }
  const merged = async (parts: Iterable<Batch | Promise<Batch>>): Promise<Batch> =>
    Object.assign({}, ...(await Promise.all(parts)));
  const arrays: Batch = Object.assign({}, ...sources.map((source) => source.arrays));
  const stepsPerEpoch = sources.length === 0 ? Infinity : Math.max(...sources.map((s) => s.stepsPerEpoch));
  const rngOf = (step: number, label: string | number) =>
    createRng(seed).fork("sample").fork(step).fork(label);
  return {
    arrays,
    checkBy(next) {
      look = next;
      look(arrays);
    },
    stepsPerEpoch,
    batchOf: (step, sample = 0, seen = {}) =>
      merged(sources.map((source, s) => source.batchOf(step, sample, seen[`${s}.${sample}`]))),
    seenAfter(step) {
      const all = sources.flatMap((source, s) =>
        source.seenAfter(step).map(([sample, seen]) => [`${s}.${sample}`, seen] as const),
      );
      return all.length > 0 ? Object.fromEntries(all) : undefined;
    },
    checksum() {
      const texts = sources.flatMap(({ text }) => text ?? []);
      const arrays = sources.filter(({ text }) => text === undefined).map((source) => source.arrays);
      if (arrays.length > 0 || texts.length === 0) texts.unshift(dataChecksum(Object.assign({}, ...arrays)));
      return texts.join("; ");
    },
    sample(count, step, label) {
      const rng = rngOf(step, label);
      return merged(sources.map((source) => source.sample(count, step, label, rng)));
    },
    batches(step, label) {
      const rng = rngOf(step, label);
      const drawn = sources.map((source) => source.batches(step, rng));
      return {
        async *[Symbol.asyncIterator]() {
          const turns = drawn.map(again);
          try {
            // Without data an epoch has no end, and a draw no examples.
            for (let i = 0; i < (drawn.length === 0 ? 1 : stepsPerEpoch); i++) {
              yield await merged(turns.map(async (turn) => (await turn.next()).value as Batch));
            }
          } finally {
            for (const turn of turns) await turn.return(undefined);
          }
        },
      };
    },
    dispose,
  };
}

type OpenOptions = SourceOptions & { readonly seedOf: (sample: number) => number };

async function openArrays(given: Batch, { batchSize, dtype, seedOf }: OpenOptions): Promise<OpenSource> {
  const arrays = prepareSource(given, dtype);
  const count = countExamples(arrays);
  const size = batchSize ?? count;
  const rows = (indices: Int32Array): Batch => mapValues(arrays, (a) => takeRows(a, indices));
  const orderOf = byNumber((sample) => batchOrder(count, size, seedOf(sample)));
  // At once, as it checks the batch size.
  orderOf(0);
  return {
    arrays,
    stepsPerEpoch: Math.floor(count / size),
    batchOf: async (step, sample) => (size === count ? arrays : rows(orderOf(sample)(step))),
    seenAfter: () => [],
    async sample(most, _, __, rng) {
      const all = Int32Array.from({ length: count }, (_, i) => i);
      return rows(rng.shuffle(all).slice(0, most));
    },
    batches(_, rng) {
      const order = rng.shuffle(Int32Array.from({ length: count }, (__, i) => i));
      return {
        async *[Symbol.asyncIterator]() {
          for (let at = 0; at + size <= count; at += size) yield rows(order.subarray(at, at + size));
        },
      };
    },
    dispose: async () => {},
  };
}

async function openStream(
  stream: DataStream<Batch>,
  { batchSize, dtype, check, seedOf }: OpenOptions,
): Promise<OpenSource> {
  const prepare = (part: Batch) => prepareSource(part, dtype);
  const options = (sample: number) => ({ batchSize, check, seed: seedOf(sample), prepare });
  const { windows: first, arrays, text } = await openWindows(stream, options(0));
  const opened = new Map([[0, first]]);
  const windowsOf = byNumber(async (sample) => {
    const windows = opened.get(sample) ?? (await streamWindows(stream, options(sample)));
    opened.set(sample, windows);
    return windows;
  });
  const samples = streamSamples(stream, {
    length: first.count,
    prepare,
    check,
    seedAt: (step) => hash32(hash32(seedOf(-1)) + step),
  });
  return {
    arrays,
    stepsPerEpoch: first.stepsPerEpoch,
    text,
    async batchOf(step, sample, before) {
      const windows = await windowsOf(sample);
      await windows.at(step, before);
      return windows.batchAt(step);
    },
    seenAfter: (step) =>
      [...opened].flatMap(([sample, windows]) => {
        const after = windows.seenAfter(step);
        return after ? [[`${sample}`, after] as [string, Seen]] : [];
      }),
    sample: samples.at,
    batches: (step) => samples.batches(batchSize as number, first.stepsPerEpoch, step),
    async dispose() {
      await samples.dispose();
      for (const windows of opened.values()) await windows.dispose();
    },
  };
}

/** The batches of a draw, again and again. */
async function* again(batches: AsyncIterable<Batch>): AsyncGenerator<Batch, undefined> {
  for (;;) yield* batches;
}

/** Makes a value for a number once. */
function byNumber<V>(make: (n: number) => V): (n: number) => V {
  const made = new Map<number, V>();
  return (n) => {
    if (!made.has(n)) made.set(n, make(n));
    return made.get(n) as V;
  };
}
