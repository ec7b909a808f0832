import { allocate, dtypeOf, isNdArray, type NdArray, sizeOf } from "../../array.js";
import { DataError, describeValue, isPlainObject, ShapeError } from "../../errors.js";
import { formatType } from "../../graph/tensor.js";
import { mapValues } from "../../tree.js";
import { concatenateRows, rowsOf } from "../batches.js";

/** Arrays by name with equally many examples along their first axes. */
export type Part = Readonly<Record<string, NdArray>>;

/**
 * The number of examples of a part.
 *
 * @param what names the part in messages
 * @throws DataError, ShapeError unless it is arrays of equally many examples
 */
export function countExamples(part: unknown, what = "A part of a stream"): number {
  if (!isPlainObject(part) || Object.keys(part).length === 0) {
    throw new DataError(
      `${what} must be arrays by name, such as { inputs, labels }; got ${describeValue(part)}.`,
    );
  }
  const entries = Object.entries(part) as [string, NdArray][];
  for (const [name, a] of entries) {
    if (!isNdArray(a)) throw new DataError(`${what}: "${name}" must be an array { shape, data }.`);
    if (a.shape.length === 0 || sizeOf(a.shape) !== a.data.length) {
      throw new ShapeError(
        `${what}: "${name}" needs a first axis of examples and as many elements as its shape says; got ${a.data.length} for [${a.shape.join(", ")}].`,
      );
    }
    if (a.shape[0] !== entries[0][1].shape[0]) {
      throw new ShapeError(
        `${what} must have equally many examples in all arrays; "${entries[0][0]}" has ${entries[0][1].shape[0]} and "${name}" ${a.shape[0]}.`,
      );
    }
  }
  return entries[0][1].shape[0];
}

/** Arrays of the types of a part's examples, for a number of examples. */
export function emptyPart(like: Part, count: number): Part {
  return mapValues(like, (a) => {
    const shape = [count, ...a.shape.slice(1)];
    return { shape, data: allocate(dtypeOf(a), sizeOf(shape)) } as NdArray;
  });
}

/** The examples `from` up to `to` of a part, without a copy. */
export const partRows = (part: Part, from: number, to: number): Part =>
  mapValues(part, (a) => rowsOf(a, from, to));

const copied = (part: Part): Part => mapValues(part, (a) => ({ ...a, data: a.data.slice() }) as NdArray);

/** Parts of one type, one after another. */
export const joinParts = (parts: readonly Part[]): Part =>
  mapValues(parts[0] ?? {}, (_, name) => concatenateRows(parts.map((part) => part[name])));

/** Reads the examples of parts one after another, however the parts are divided. */
export interface PartReader {
  /** A part, of which the types matter; undefined at the end. */
  like(): Promise<Part | undefined>;
  /** Copies the next `count` examples to the places from `at` on; returns how many there were. */
  readInto(target: Part, at: number, count: number): Promise<number>;
  /** Up to `count` examples, undefined at the end; without a copy where one part has all of them. */
  take(count: number): Promise<Part | undefined>;
  /** Reads up to the end; returns how many examples were left. */
  drain(): Promise<number>;
  /** Ends the reading early. */
  close(): Promise<void>;
}

/**
 * @param prepare changes a part when it comes, for example its precision
 * @throws DataError, ShapeError from its methods for parts that are malformed or of other types than the first
 */
export function partReader<T>(
  parts: AsyncIterable<T>,
  prepare: (part: Part) => Part = (part) => part,
): PartReader {
  const iterator = parts[Symbol.asyncIterator]();
  let types: string | undefined;
  let part: Part | undefined;
  let [size, done, isOver] = [0, 0, false];
  /** Whether there is another example. */
  const hasMore = async (): Promise<boolean> => {
    while (!isOver && done >= size) {
      const next = await iterator.next();
      isOver = next.done === true;
      if (isOver) break;
      size = countExamples(next.value);
      done = 0;
      if (size === 0) continue;
      part = prepare(next.value as unknown as Part);
      const found = exampleTypes(part);
      types ??= found;
      if (types !== found) {
        throw new DataError(
          `All parts of a stream must have examples of the same types: ${types}; got ${found}.`,
        );
      }
    }
    return !isOver;
  };
  const reader: PartReader = {
    like: async () => ((await hasMore()) ? part : undefined),
    async readInto(target, at, count) {
      let read = 0;
      while (read < count && (await hasMore())) {
        const some = Math.min(count - read, size - done);
        for (const [name, a] of Object.entries(partRows(part as Part, done, done + some))) {
          const width = sizeOf(a.shape.slice(1));
          target[name].data.set(a.data as never, (at + read) * width);
        }
        done += some;
        read += some;
      }
      return read;
    },
    async take(count) {
      const rows: Part[] = [];
      for (let left = count; left > 0 && (await hasMore()); ) {
        const some = Math.min(left, size - done);
        const own = partRows(part as Part, done, done + some);
        done += some;
        left -= some;
        // The stream may write its next part into the same memory.
        rows.push(left > 0 ? copied(own) : own);
      }
      return rows.length === 0 ? undefined : joinParts(rows);
    },
    async drain() {
      let read = 0;
      while (await hasMore()) {
        read += size - done;
        done = size;
      }
      return read;
    },
    async close() {
      if (!isOver) await iterator.return?.();
      isOver = true;
    },
  };
  return reader;
}

/** The types of a part's examples, as text. */
export const exampleTypes = (part: Part): string =>
  Object.keys(part)
    .sort()
    .map((name) => `${name} ${formatType({ shape: part[name].shape.slice(1), dtype: dtypeOf(part[name]) })}`)
    .join(", ");
