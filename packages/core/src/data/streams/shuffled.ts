import type { NdArray } from "../../array.js";
import { describeValue, OptionError } from "../../errors.js";
import { createRng, permutation } from "../../math/rng.js";
import { requireKnown } from "../../options.js";
import { mapValues } from "../../tree.js";
import { takeRows } from "../batches.js";
import { type DataStream, requireStream } from "../stream.js";
import { countExamples, emptyPart, exampleTypes, type Part, partReader } from "./part-reader.js";

export interface ShuffledOptions {
  /** Examples that are kept in memory, of which the next one is drawn. */
  readonly buffer: number;
}

/** Examples in a part that `shuffled` gives. */
const partSize = 1024;

/**
 * A stream in random order, another one in every epoch: the next example is drawn from a buffer, and its place taken by
 * the next one of the stream.
 *
 * A buffer of all examples gives the order in which a trainer takes arrays: `permutation(n, seed, epoch)`. A smaller one moves an
 * example forward by less than its size, so that data in an order (class by class) need a large one.
 *
 * @throws OptionError for a buffer that is not an integer >= 1
 *
 * @example
 * const { images, labels } = digits();
 * const stream = shuffled(streamOf({ inputs: images, labels }), { buffer: 500 });
 */
export function shuffled<T extends object>(stream: DataStream<T>, options: ShuffledOptions): DataStream<T> {
  requireStream("shuffled", stream);
  requireKnown("shuffled", options, ["buffer"], "shuffled(stream, { buffer: 10000 })");
  const { buffer: size } = options;
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new OptionError(
      `shuffled: buffer must be a number of examples, an integer >= 1; got ${describeValue(size)}.`,
    );
  }
  /** The buffer of the last epoch, to be used again: to allocate it costs as much as to fill it. */
  let spare: Part | undefined;
  return {
    length: stream.length,
    async *batches(seed, epoch) {
      const reader = partReader(stream.batches(seed, epoch));
      try {
        const like = await reader.like();
        if (like === undefined) return;
        // A stream of a known length needs no more room than for its examples.
        const room = Math.min(size, stream.length ?? size);
        const buffer = spare && exampleTypes(spare) === exampleTypes(like) ? spare : emptyPart(like, room);
        spare = undefined;
        const held = await reader.readInto(buffer, 0, room);
        const rng = createRng(seed).fork("shuffled").fork(epoch);
        for (let next = await reader.take(partSize); next !== undefined; next = await reader.take(partSize)) {
          yield exchanged(buffer, next, () => rng.int(held)) as T;
        }
        const order = permutation(held, seed, epoch);
        for (let from = 0; from < held; from += partSize) {
          yield rowsAt(buffer, order.subarray(from, from + partSize)) as T;
        }
        spare = buffer;
      } finally {
        await reader.close();
      }
    },
  };
}

/** Draws an example of the buffer for each of some new ones, which take the places of those drawn. */
function exchanged(buffer: Part, next: Part, draw: () => number): Part {
  const count = countExamples(next);
  const places = Int32Array.from({ length: count }, draw);
  const drawn = emptyPart(next, count);
  for (const [name, a] of Object.entries(buffer))
    exchangeRows(a.data, next[name].data, drawn[name].data, places);
  return drawn;
}

type Elements = NdArray["data"];

/** Row after row, since a place may be drawn twice; a loop over views alone, as objects would cost more than the copies. */
function exchangeRows(held: Elements, next: Elements, drawn: Elements, places: Int32Array): void {
  const width = next.length / places.length;
  for (let i = 0; i < places.length; i++) {
    const place = places[i] * width;
    const at = i * width;
    if (width === 1) {
      drawn[at] = held[place];
      held[place] = next[at];
      continue;
    }
    drawn.set(held.subarray(place, place + width) as never, at);
    held.set(next.subarray(at, at + width) as never, place);
  }
}

const rowsAt = (part: Part, rows: Int32Array): Part => mapValues(part, (a) => takeRows(a, rows));
