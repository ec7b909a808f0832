import { describeValue, OptionError } from "../../errors.js";
import { requireKnown } from "../../options.js";
import type { DataStream } from "../stream.js";
import { countExamples, type Part, partRows } from "./part-reader.js";

export interface StreamOfOptions {
  /** Examples in a part; default 1024. */
  readonly size?: number | undefined;
}

/**
 * A stream of arrays, in their order and in every epoch the same.
 *
 * @param data arrays by name with examples along their first axes, such as `{ inputs, labels }`
 * @throws DataError, ShapeError unless the arrays have equally many examples; OptionError for a size out of range
 *
 * @example
 * const { images, labels } = digits();
 * const stream = shuffled(streamOf({ inputs: images, labels }), { buffer: 2000 });
 */
export function streamOf<T extends object>(data: T, options: StreamOfOptions = {}): DataStream<T> {
  requireKnown("streamOf", options, ["size"], "streamOf(data, { size: 256 })");
  const { size = 1024 } = options;
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new OptionError(`streamOf: size must be an integer >= 1; got ${describeValue(size)}.`);
  }
  const part = Object.fromEntries(Object.entries(data)) as Part;
  const length = countExamples(part, "The data of streamOf");
  return {
    length,
    async *batches() {
      for (let from = 0; from < length; from += size) {
        yield partRows(part, from, Math.min(length, from + size)) as T;
      }
    },
  };
}
