import { type NdArray, sizeOf } from "../array.js";
import type { Batch } from "../batch.js";
import type { DataStream } from "../data/stream.js";
import {
  countExamples,
  emptyPart,
  exampleTypes,
  type Part,
  partReader,
  partRows,
} from "../data/streams/part-reader.js";
import { DataError, describeValue, OptionError } from "../errors.js";
import { hexOf } from "./run-settings.js";
import { nothingSeen, type Seen, seenAfter } from "./seen.js";

/** The batches of some steps in a row, in arrays that stay in memory while these steps run. */
export interface Window {
  /** The first of its steps. */
  readonly first: number;
  readonly steps: number;
  /** The batches one after another. */
  readonly arrays: Batch;
  /** What has been seen before each step, and after the last one. */
  readonly seen: readonly Seen[];
}

/** The batches of a stream by step. */
export interface StreamWindows {
  /** Examples in an epoch. */
  readonly count: number;
  /** Batches in an epoch; the examples of an incomplete last batch are left out of it. */
  readonly stepsPerEpoch: number;
  /**
   * The window that has the batch of a step, and forgets those before it. The next one is read meanwhile.
   *
   * @param seen what the run has seen before the step, which a repeated reading of the epoch must give again
   * @throws DataError when the stream gives other data than those seen
   */
  at(step: number, seen?: Seen): Promise<Window>;
  /** The batch of a step; windows from that of the last call of `at` on are kept. */
  batchAt(step: number): Promise<Batch>;
  /** What has been seen after a step whose window is kept. */
  seenAfter(step: number): Seen | undefined;
  dispose(): Promise<void>;
}

/** Bytes and steps of a window: long enough that a call costs little, short enough to begin soon. */
const [largestWindow, mostSteps] = [2 ** 22, 32];

/**
 * Reads the parts of a stream epoch by epoch, and puts them together into batches.
 *
 * @param prepare changes a part when it comes, for example its precision
 * @param check looks at a window before it is used
 * @throws OptionError for a missing batch size or one above the stream's length
 */
export async function streamWindows(
  stream: DataStream<unknown>,
  {
    batchSize: size,
    seed,
    prepare,
    check = () => {},
  }: {
    readonly batchSize: number | undefined;
    readonly seed: number;
    readonly prepare: (part: Part) => Part;
    readonly check?: ((arrays: Batch) => void) | undefined;
  },
): Promise<StreamWindows> {
  const count = stream.length ?? (await lengthOf(stream, seed));
  if (size === undefined || !Number.isInteger(size) || size < 1 || size > count) {
    throw new OptionError(
      `batchSize must be an integer in 1..${count}, the number of examples of the stream; got ${describeValue(size)}.`,
    );
  }
  const batchSize = size;
  const stepsPerEpoch = Math.floor(count / batchSize);

  const windowsFrom = windowReader(stream, { count, batchSize, stepsPerEpoch, seed, prepare });
  let windows: Window[] = [];
  let reading = windowsFrom(0, nothingSeen);
  let next: Promise<IteratorResult<Window, never>> | undefined;
  const checked = new WeakSet<Window>();
  const isOf = (w: Window, step: number) => w.first <= step && step < w.first + w.steps;
  /** Begins to read the window after those that are there. */
  const readAhead = () => {
    next ??= reading.next();
    // Whoever awaits it gets the error, too.
    next.catch(() => {});
    return next;
  };
  const append = async (): Promise<Window> => {
    const { value } = await readAhead();
    next = undefined;
    windows.push(value);
    return value;
  };
  const find = async (step: number): Promise<Window> => {
    for (;;) {
      const found = windows.find((w) => isOf(w, step)) ?? (await append());
      if (!isOf(found, step)) continue;
      if (!checked.has(found)) check(found.arrays);
      checked.add(found);
      return found;
    }
  };
  const restart = async (step: number, seen: Seen | undefined): Promise<void> => {
    windows = [];
    next = undefined;
    await reading.return(undefined as never).catch(() => {});
    reading = windowsFrom(step, seen);
  };
  return {
    count,
    stepsPerEpoch,
    async at(step, seen) {
      const last = windows.at(-1);
      const known = windows.find((w) => isOf(w, step));
      const follows = last === undefined ? step === 0 : step === last.first + last.steps;
      const before = known ? known.seen[step - known.first] : last?.seen.at(-1);
      const isSame = seen === undefined || (last === undefined ? step === 0 : before?.now === seen.now);
      if (!(known || follows) || !isSame) await restart(step, seen);
      try {
        const found = await find(step);
        windows = windows.filter((w) => w.first >= found.first);
        if (windows.length === 1) readAhead();
        return found;
      } catch (error) {
        // What failed may succeed when it is tried again, from the beginning of the epoch.
        await restart(step, seen);
        throw error;
      }
    },
    async batchAt(step) {
      const { first, arrays } = await find(step);
      return partRows(arrays, (step - first) * batchSize, (step - first + 1) * batchSize);
    },
    seenAfter(step) {
      const window = windows.find((w) => isOf(w, step));
      return window?.seen[step - window.first + 1];
    },
    async dispose() {
      await reading.return(undefined as never).catch(() => {});
    },
  };
}

/** Reads a stream from a step on, and puts its parts together into windows. */
function windowReader(
  stream: DataStream<unknown>,
  {
    count,
    batchSize,
    stepsPerEpoch,
    seed,
    prepare,
  }: Pick<StreamWindows, "count" | "stepsPerEpoch"> & {
    readonly batchSize: number;
    readonly seed: number;
    readonly prepare: (part: Part) => Part;
  },
) {
  /** The batches of epochs from a step on, verified up to there. */
  async function* windowsFrom(start: number, expected: Seen | undefined): AsyncGenerator<Window, never> {
    let epoch = Math.floor(start / stepsPerEpoch);
    let step = epoch * stepsPerEpoch;
    const before = start === step ? expected?.now : expected?.epochStart;
    let seen: Seen = { epochStart: 0, now: before ?? 0 };
    let window: { first: number; steps: number; arrays: Part; seen: Seen[] } | undefined;
    for (; ; epoch++) {
      const reader = partReader(stream.batches(seed, epoch), prepare);
      try {
        seen = { epochStart: seen.now, now: seen.now };
        const like = await reader.like();
        requireTypes(like, epoch);
        for (let b = 0; b < stepsPerEpoch; b++) {
          window ??= {
            first: step,
            steps: 0,
            arrays: emptyPart(like, windowSize(like, { batchSize, most: stepsPerEpoch })),
            seen: [],
          };
          const at = window.steps * batchSize;
          const read = await reader.readInto(window.arrays, at, batchSize);
          if (read < batchSize) throw wrongLength(epoch, b * batchSize + read);
          window.seen.push(seen);
          seen = { ...seen, now: seenAfter(seen.now, partRows(window.arrays, at, at + batchSize)) };
          window.steps += 1;
          step += 1;
          if (step === start && expected !== undefined && expected.now !== seen.now) {
            throw new DataError(otherData(start, epoch));
          }
          const isFull = (window.steps + 1) * batchSize > capacityOf(window.arrays);
          // Batches before the start are read for the sake of the checksum.
          if (!isFull && step !== start) continue;
          if (step > start) yield { ...window, seen: [...window.seen, seen] };
          window = undefined;
        }
        const rest = await reader.drain();
        if (stepsPerEpoch * batchSize + rest !== count)
          throw wrongLength(epoch, stepsPerEpoch * batchSize + rest);
      } finally {
        await reader.close();
      }
    }
  }

  let types: string | undefined;
  function requireTypes(like: Part | undefined, epoch: number): asserts like is Part {
    if (like === undefined) throw wrongLength(epoch, 0);
    const found = exampleTypes(like);
    types ??= found;
    if (types === found) return;
    throw new DataError(
      `A stream must have examples of the same types in every epoch: ${types}; epoch ${epoch} has ${found}.`,
    );
  }

  function wrongLength(epoch: number, got: number): DataError {
    return new DataError(
      `A stream must have equally many examples in every epoch: ${count}, as its ${stream.length === undefined ? "first reading" : "length"} says; epoch ${epoch} has ${got}.`,
    );
  }

  return windowsFrom;
}

/**
 * The windows of a stream, of which the first is read.
 *
 * @returns with `text`, what a checkpoint says of the data
 */
export async function openWindows(
  ...given: Parameters<typeof streamWindows>
): Promise<{ readonly windows: StreamWindows; readonly arrays: Batch; readonly text: string }> {
  const windows = await streamWindows(...given);
  try {
    const { arrays, seen } = await windows.at(0);
    const text = `a stream of ${windows.count} examples, the first batch with checksum ${hexOf(seen[1].now)}`;
    return { windows, arrays, text };
  } catch (error) {
    await windows.dispose();
    throw error;
  }
}

/** The number of examples in a window, whole batches. */
function windowSize(
  like: Part,
  { batchSize, most = mostSteps }: { readonly batchSize: number; readonly most?: number | undefined },
): number {
  const bytes = batchSize * Object.values(like).reduce((sum, a) => sum + bytesPerExample(a), 0);
  const fitting = Math.max(1, Math.floor(largestWindow / Math.max(1, bytes)));
  return batchSize * Math.min(fitting, most, mostSteps);
}

const bytesPerExample = ({ shape, data }: NdArray) => sizeOf(shape.slice(1)) * data.BYTES_PER_ELEMENT;
const capacityOf = (arrays: Part): number => Object.values(arrays)[0].shape[0];

/** The number of examples of an epoch, which is read to count them. */
export async function lengthOf(stream: DataStream<unknown>, seed: number): Promise<number> {
  let count = 0;
  for await (const part of stream.batches(seed, 0)) count += countExamples(part);
  return count;
}

const otherData = (step: number, epoch: number): string =>
  `The stream does not give the data that the run saw before step ${step}: read again, epoch ${epoch} has another checksum. ` +
  'Resume with the same data, seed and batch size; or continue with what the stream gives now: allowChanges: ["data"].';
