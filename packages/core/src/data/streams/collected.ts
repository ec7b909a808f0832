import { DataError } from "../../errors.js";
import { type DataStream, requireStream } from "../stream.js";
import { emptyPart, type Part, partReader } from "./part-reader.js";

/**
 * The examples of a stream as arrays, those of its epoch 0 with seed 0.
 *
 * @throws DataError for a stream without examples, and for parts that do not fit together
 *
 * @example
 * const data = await collected(shuffled(streamOf({ images: digits().images }), { buffer: 100 }));
 * data.images.shape; // [1797, 64]
 */
export async function collected<T extends object>(stream: DataStream<T>): Promise<T> {
  requireStream("collected", stream);
  const reader = partReader(stream.batches(0, 0));
  try {
    const parts: Part[] = [];
    for (let part = await reader.take(4096); part; part = await reader.take(4096)) parts.push(part);
    if (parts.length === 0) throw new DataError("collected: the stream has no examples.");
    const counts = parts.map((part) => Object.values(part)[0].shape[0]);
    const all = emptyPart(
      parts[0],
      counts.reduce((a, b) => a + b, 0),
    );
    for (const [name, { data }] of Object.entries(all)) {
      let at = 0;
      for (const part of parts) {
        data.set(part[name].data as never, at);
        at += part[name].data.length;
      }
    }
    return all as T;
  } finally {
    await reader.close();
  }
}
