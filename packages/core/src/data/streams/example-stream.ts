import type { Batch } from "../../batch.js";
import { permutation } from "../../math/rng.js";
import { flag, inCode, integerFrom, isFunction, type OptionsOf, optionTable } from "../../options.js";
import { mapValues } from "../../tree.js";
import { takeRows } from "../batches.js";
import type { DataStream } from "../stream.js";
import { joinParts } from "./part-reader.js";

/** Examples that are read by their numbers 0, ..., length - 1. */
export interface Examples {
  readonly length: number;
  /** The examples of these numbers as arrays by name, along their first axes; the same ones at every reading. */
  read(numbers: readonly number[]): Promise<Batch>;
}

/** Changes examples as they are read. */
export type ExampleTransform = (
  part: Batch,
  reading: { readonly seed: number; readonly epoch: number; readonly numbers: readonly number[] },
) => Batch;

export interface ExampleStreamOptions extends OptionsOf<typeof exampleStreamOptions> {}

const exampleStreamOptions = optionTable("exampleStream", {
  /** Examples of a part; the last part may have fewer. Default 16. */
  partSize: integerFrom(1).default(16),
  /** Whether each epoch has its own order, by seed; default false. */
  shuffle: flag.default(false),
  /** Changes a part before it is given out, such as by an augmentation; default none. */
  transform: inCode<ExampleTransform>("a function of a part", isFunction).otherwise("none"),
});

/**
 * A stream of examples that are read by number. While a part is used, the next one is read.
 *
 * The order is all of `permutation(length, seed, epoch)`: a shuffle of the whole set, without a buffer.
 *
 * @throws OptionError
 *
 * @example
 * const stream = exampleStream(
 *   { length: 5, read: async (numbers) => ({ x: array(numbers.map((n) => [n])) }) },
 *   { partSize: 2 },
 * );
 * for await (const { x } of stream.batches(0, 0)) console.log(x.shape); // 2, 1 twice, then 1, 1
 */
export function exampleStream(examples: Examples, options: ExampleStreamOptions = {}): DataStream<Batch> {
  const { partSize, shuffle, transform = (part: Batch) => part } = exampleStreamOptions.read(options);
  const { length } = examples;
  return {
    length,
    async *batches(seed, epoch) {
      const order = shuffle ? permutation(length, seed, epoch) : Int32Array.from({ length }, (_, i) => i);
      const read = (from: number): Promise<Batch> | undefined => {
        if (from >= length) return undefined;
        const numbers = Array.from(order.subarray(from, from + partSize));
        const part = examples.read(numbers).then((batch) => transform(batch, { seed, epoch, numbers }));
        // Thrown where the part is awaited; one that nobody asks for any more fails in silence.
        part.catch(() => {});
        return part;
      };
      let next = read(0);
      for (let from = partSize; next !== undefined; from += partSize) {
        const part = await next;
        next = read(from);
        yield part;
      }
    },
  };
}

/** Keeps each example in memory once it was read: before a transform, and in any order, unlike `cached`. */
export function keptExamples({ length, read }: Examples): Examples {
  const kept = new Map<number, Batch>();
  return {
    length,
    async read(numbers) {
      const missing = numbers.filter((number) => !kept.has(number));
      if (missing.length > 0) {
        const part = await read(missing);
        missing.forEach((number, i) => {
          kept.set(
            number,
            mapValues(part, (a) => takeRows(a, [i])),
          );
        });
      }
      return joinParts(numbers.map((number) => kept.get(number) as Batch));
    },
  };
}

/**
 * All examples of an epoch as arrays, for sets that fit into memory.
 *
 * @example
 * const { x } = await readEpoch(stream); // the parts, one after another
 */
export async function readEpoch(stream: DataStream<Batch>, seed = 0, epoch = 0): Promise<Batch> {
  const parts: Batch[] = [];
  for await (const part of stream.batches(seed, epoch)) parts.push(part);
  return joinParts(parts);
}
