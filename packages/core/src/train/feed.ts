// Where the batches of a training run come from: rows of arrays that stay in memory while some steps run, which are all of
// the data or a window of a stream.
import type { NdArray } from "../array.js";
import { takeRows } from "../data/batches.js";
import type { Dataset } from "../data/dataset.js";
import { type DataStream, isStream } from "../data/stream.js";
import { emptyPart, type Part, partRows } from "../data/streams/part-reader.js";
import { OptionError } from "../errors.js";
import { batchOrder } from "./batch-order.js";
import { prepareDataset } from "./dataset.js";
import { dataChecksum } from "./run-settings.js";
import type { Seen } from "./seen.js";
import { openWindows, type StreamWindows } from "./stream-windows.js";

/** Data of some steps: inputs of their graph. */
export interface StepData {
  readonly steps: number;
  readonly inputs: Readonly<Record<string, NdArray>>;
  /** What the run has seen after the steps; left out for arrays. */
  readonly seen?: Seen | undefined;
}

/** Batches of some steps. */
export interface Feeding extends StepData {
  readonly inputs: {
    /** Arrays from which the steps take their batches; they have the same types in every call. */
    readonly inputs: NdArray;
    readonly labels: NdArray;
    /** Rows of each step's batch, int64 [steps, batchSize]. */
    readonly batch: NdArray<BigInt64Array>;
  };
  /** Names an example of the arrays in messages. */
  readonly nameOf: (row: number) => string;
  /** Rows of the arrays for {@link Feed.next}; undefined where some of the examples are not there. */
  nextRows(step: number, most: number): number[] | undefined;
}

export interface Feed {
  /** Examples in an epoch. */
  readonly count: number;
  readonly batchSize: number;
  readonly stepsPerEpoch: number;
  /** The arrays of the first steps. */
  readonly data: Dataset;
  /** Has a function look at the arrays before they are used, beginning with those of the first steps. */
  checkBy(check: (data: Dataset) => void): void;
  /** What a checkpoint says of the data. */
  checksum(): string;
  /** Rows of the arrays for the batch of a step. @throws OptionError for a stream */
  batchOf(step: number): Int32Array;
  /** Data of at least one and at most `most` steps. */
  feed(step: number, most: number, seen: Seen | undefined): Promise<Feeding>;
  /** The next examples from a step on, each once, at most `most`. */
  next(step: number, most: number): Promise<Dataset>;
  dispose(): Promise<void>;
}

export interface FeedOptions {
  readonly batchSize: number | undefined;
  readonly seed: number;
  readonly dtype: "float32" | "float64";
}

/** @throws DataError, ShapeError for data that are malformed; OptionError for a batch size out of range */
export async function createFeed(data: Dataset | DataStream<Dataset>, options: FeedOptions): Promise<Feed> {
  return isStream(data) ? streamFeed(data, options) : arrayFeed(data, options);
}

function arrayFeed(given: Dataset, { batchSize: size, seed, dtype }: FeedOptions): Feed {
  const data = prepareDataset(given, dtype);
  const count = data.inputs.shape[0];
  const batchSize = size ?? count;
  const batchOf = batchOrder(count, batchSize, seed);
  const nextRows = (step: number, most: number): number[] => {
    // Each example once: batches of the next epoch may repeat those of this one.
    const unique = new Set<number>();
    const wanted = Math.min(most, count);
    for (let s = step; unique.size < wanted && s < step + patienceOf(count, batchSize); s++) {
      for (const row of batchOf(s)) unique.add(row);
    }
    return [...unique].slice(0, most);
  };
  return {
    count,
    batchSize,
    data,
    batchOf,
    stepsPerEpoch: Math.floor(count / batchSize),
    checkBy: (check) => check(data),
    checksum: () => dataChecksum({ inputs: data.inputs, labels: data.labels }),
    async feed(step, most) {
      const indices = new BigInt64Array(most * batchSize);
      for (let t = 0; t < most; t++) {
        batchOf(step + t).forEach((example, k) => {
          indices[t * batchSize + k] = BigInt(example);
        });
      }
      const batch = { shape: [most, batchSize], data: indices };
      return { steps: most, inputs: { ...data, batch }, nextRows, nameOf: (row) => `example ${row}` };
    },
    async next(step, most) {
      const rows = nextRows(step, most);
      return { inputs: takeRows(data.inputs, rows), labels: takeRows(data.labels, rows) };
    },
    dispose: async () => {},
  };
}

async function streamFeed(
  stream: DataStream<Dataset>,
  { batchSize: size, seed, dtype }: FeedOptions,
): Promise<Feed> {
  let check = (_: Dataset) => {};
  const { windows, arrays, text } = await openWindows(stream, {
    batchSize: size,
    seed,
    prepare: (part) => ({ ...prepareDataset(part as unknown as Dataset, dtype) }),
    check: (part) => check(asDataset(part)),
  });
  const { count, stepsPerEpoch } = windows;
  const batchSize = size as number;
  const data = asDataset(arrays);
  return {
    count,
    batchSize,
    stepsPerEpoch,
    data,
    checkBy(next) {
      check = next;
      check(data);
    },
    checksum: () => text,
    batchOf() {
      throw new OptionError(
        "batchOf: the examples of a stream have no numbers; give arrays as data, or read the stream itself.",
      );
    },
    async feed(step, most, seen) {
      const window = await windows.at(step, seen);
      const from = step - window.first;
      const steps = Math.min(most, window.steps - from);
      const rows = BigInt64Array.from({ length: steps * batchSize }, (_, i) => BigInt(from * batchSize + i));
      return {
        steps,
        inputs: { ...asDataset(window.arrays), batch: { shape: [steps, batchSize], data: rows } },
        nameOf: (row) => `the batch of step ${window.first + Math.floor(row / batchSize)}`,
        seen: window.seen[from + steps],
        nextRows(s, wanted) {
          // The examples of an epoch are different ones; those of the next one may be there already.
          const rows = Math.min(wanted, count);
          const end = s + Math.ceil(rows / batchSize);
          const isOneEpoch = end <= (Math.floor(s / stepsPerEpoch) + 1) * stepsPerEpoch;
          if (!isOneEpoch || end > window.first + window.steps) return undefined;
          return Array.from({ length: rows }, (_, i) => (s - window.first) * batchSize + i);
        },
      };
    },
    next: (step, most) => distinct(windows, step, { most, batchSize }),
    dispose: () => windows.dispose(),
  };
}

/**
 * The next examples of a stream, each once. Those of an epoch are different ones; of the epochs after it, examples count that
 * are not equal to any before.
 */
async function distinct(
  windows: StreamWindows,
  step: number,
  { most, batchSize }: { readonly most: number; readonly batchSize: number },
): Promise<Dataset> {
  const { count, stepsPerEpoch } = windows;
  const wanted = Math.min(most, count);
  const epochOf = (s: number) => Math.floor(s / stepsPerEpoch);
  const target = emptyPart(await windows.batchAt(step), wanted);
  const keys = new Set<string>();
  let found = 0;
  for (let s = step; found < wanted && s < step + patienceOf(count, batchSize); s++) {
    const batch = await windows.batchAt(s);
    for (let i = 0; i < batchSize && found < wanted; i++) {
      const example = partRows(batch, i, i + 1);
      const key = Object.values(example).map(textOf).join();
      if (epochOf(s) > epochOf(step) && keys.has(key)) continue;
      keys.add(key);
      for (const [name, { data }] of Object.entries(example)) {
        target[name].data.set(data as never, found * data.length);
      }
      found += 1;
    }
  }
  return asDataset(partRows(target, 0, found));
}

/** The bytes of an array as text, of which equal ones are equal. */
const textOf = ({ data: { buffer, byteOffset, byteLength } }: NdArray): string =>
  new TextDecoder("latin1").decode(new Uint8Array(buffer, byteOffset, byteLength));

/** Steps after which the search for examples that have not been there ends. */
const patienceOf = (count: number, batchSize: number): number => 4 * Math.ceil(count / batchSize);

const asDataset = ({ inputs, labels }: Part): Dataset => ({ inputs, labels });
