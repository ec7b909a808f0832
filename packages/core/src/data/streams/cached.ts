import { type DataStream, requireStream } from "../stream.js";

/**
 * A stream that keeps its parts in memory: those of the first epoch that is read to its end, and gives them in every epoch. For what is
 * slow to read, before what is to differ from epoch to epoch.
 *
 * @example
 * const { images, labels } = digits();
 * const stream = shuffled(cached(streamOf({ inputs: images, labels })), { buffer: 2000 });
 */
export function cached<T>(stream: DataStream<T>): DataStream<T> {
  requireStream("cached", stream);
  let kept: readonly T[] | undefined;
  return {
    length: stream.length,
    async *batches() {
      if (kept) {
        yield* kept;
        return;
      }
      const parts: T[] = [];
      // Always the same reading, whichever epoch comes first: a resumed run has the data of the run.
      for await (const part of stream.batches(0, 0)) {
        parts.push(part);
        yield part;
      }
      kept = parts;
    },
  };
}
