import type { Batch } from "../../batch.js";
import { isStream } from "../../data/stream.js";
import { countExamples, partReader } from "../../data/streams/part-reader.js";
import { streamOf } from "../../data/streams/stream-of.js";
import { DataError } from "../../errors.js";
import { lengthOf } from "../../train/stream-windows.js";
import { listOf, prepareSource, requireNames, type Source } from "./source-arrays.js";

/**
 * All examples in order, in batches of at most `most`; several sources are split into equally many batches, none of them
 * empty, so that batches of the others are larger where one has fewer examples than there would be batches.
 *
 * @returns the batches, and the arrays of the sources that are no streams
 * @throws DataError, ShapeError unless the arrays of a source have equally many examples and all names differ
 */
export async function passOver(
  data: Source | readonly Source[],
  { most, dtype }: { readonly most: number; readonly dtype: "float32" | "float64" },
): Promise<{ readonly arrays: Batch; readonly batches: AsyncIterable<Batch> }> {
  const prepare = (part: Batch) => prepareSource(part, dtype).arrays;
  const sources: { count: number; arrays: Batch; parts: () => AsyncIterable<Batch> }[] = [];
  for (const given of listOf(data)) {
    if (isStream(given)) {
      const count = given.length ?? (await lengthOf(given, 0));
      if (count === 0) throw new DataError("evaluate: the stream has no examples.");
      sources.push({ count, arrays: {}, parts: () => given.batches(0, 0) });
    } else {
      const { arrays, count } = prepareSource(given, dtype);
      sources.push({ count, arrays, parts: () => streamOf(arrays, { size: count }).batches(0, 0) });
    }
  }
  requireNames(sources.map(({ arrays }) => arrays));
  const counts = sources.map(({ count }) => count);
  // A function without data has a single empty batch.
  const batchCount = Math.max(1, Math.min(Math.ceil(Math.max(0, ...counts) / most), ...counts));
  const first = (n: number, i: number) =>
    sources.length === 1 ? Math.min(n, i * most) : Math.floor((i * n) / batchCount);
  async function* batches(): AsyncGenerator<Batch> {
    const readers = sources.map(({ parts }) => partReader(parts(), prepare));
    try {
      for (let i = 0; i < batchCount; i++) {
        const parts: Batch[] = [];
        for (const [s, { count }] of sources.entries()) {
          const size = first(count, i + 1) - first(count, i);
          const part = await readers[s].take(size);
          if (part === undefined || countExamples(part) < size) {
            throw new DataError(`evaluate: a stream ended before its ${count} examples.`);
          }
          parts.push(part);
        }
        yield Object.assign({}, ...parts);
      }
    } finally {
      for (const reader of readers) await reader.close();
    }
  }
  return { arrays: Object.assign({}, ...sources.map(({ arrays }) => arrays)), batches: batches() };
}
