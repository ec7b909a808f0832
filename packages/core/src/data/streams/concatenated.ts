import { describeValue, OptionError } from "../../errors.js";
import { type DataStream, requireStream } from "../stream.js";

/**
 * Streams one after another, such as several files.
 *
 * @throws OptionError without a stream
 *
 * @example
 * const { images, labels } = digits();
 * const data = { inputs: images, labels };
 * concatenated([streamOf(data), streamOf(data)]).length; // 3594
 */
export function concatenated<T>(streams: readonly DataStream<T>[]): DataStream<T> {
  if (!Array.isArray(streams) || streams.length === 0) {
    throw new OptionError(`concatenated takes a list of streams; got ${describeValue(streams)}.`);
  }
  for (const stream of streams) requireStream("concatenated", stream);
  const lengths = streams.map(({ length }) => length);
  return {
    length: lengths.every((n) => n !== undefined) ? lengths.reduce((a, b) => a + b, 0) : undefined,
    async *batches(seed, epoch) {
      for (const stream of streams) yield* stream.batches(seed, epoch);
    },
  };
}
