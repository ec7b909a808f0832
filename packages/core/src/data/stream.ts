import { DataError, describeValue } from "../errors.js";

/**
 * A data set that is read part by part, because it does not fit into memory or is changed by chance at every reading.
 *
 * @typeParam T a part: arrays with equally many examples, any number, along their first axes
 */
export interface DataStream<T> {
  /** Examples in an epoch, if they are known before they are read. */
  readonly length?: number | undefined;
  /**
   * The parts of an epoch in order: the same ones, to the bit, whenever `seed` and `epoch` are the same.
   *
   * @param epoch 0, 1, ...
   */
  batches(seed: number, epoch: number): AsyncIterable<T>;
}

/** Whether a value is a stream, and not arrays. */
export function isStream<T>(value: T | DataStream<T>): value is DataStream<T> {
  return typeof (value as Partial<DataStream<T>> | null)?.batches === "function";
}

/** @throws DataError unless a value is a stream */
export function requireStream(owner: string, value: unknown): void {
  if (isStream(value)) return;
  throw new DataError(
    `${owner} takes a stream { length, batches(seed, epoch) }; got ${describeValue(value)}. Of arrays, streamOf(data) makes one.`,
  );
}
