import { DataError, describeValue, OptionError } from "../../errors.js";
import { createRng, type Rng } from "../../math/rng.js";
import { type DataStream, requireStream } from "../stream.js";
import { countExamples } from "./part-reader.js";

/** A change of the examples of a part, such as `randomFlip()`. */
export interface Transform {
  readonly name: string;
  /**
   * @param rngOf random numbers for an example of the part (0, 1, ...): the same ones for the same place in the epoch, however
   *   the stream is divided into parts
   */
  apply<T extends object>(part: T, rngOf: (example: number) => Rng): T;
}

/** A transform of one type of parts. */
interface Step<T> {
  readonly name: string;
  readonly apply: (part: T, rngOf: (example: number) => Rng) => T;
}

/**
 * A stream whose parts are changed by transforms, one after another, or by a function.
 *
 * @param changes one transform or function, or a list
 * @throws OptionError for others; DataError from the stream when a change loses or adds examples
 *
 * @example
 * const { images, labels } = digits();
 * const stream = streamOf({ inputs: ndarray(images.data, [1797, 1, 8, 8]), labels });
 * const augmented = mapped(stream, [randomCrop({ padding: 1 }), randomRotation({ degrees: 10 })]);
 */
export function mapped<T extends object>(
  stream: DataStream<T>,
  changes: Transform | ((part: T) => T) | readonly (Transform | ((part: T) => T))[],
): DataStream<T> {
  requireStream("mapped", stream);
  const steps = [changes].flat().map((change): Step<T> => {
    if (typeof change === "function") return { name: "function", apply: change };
    if (typeof change?.apply === "function") return change;
    throw new OptionError(
      `mapped takes transforms such as randomFlip(), or functions of a part; got ${describeValue(change)}.`,
    );
  });
  return {
    length: stream.length,
    async *batches(seed, epoch) {
      const root = createRng(seed).fork("mapped").fork(epoch);
      const rngs = steps.map(({ name }, i) => root.fork(i).fork(name));
      let done = 0;
      for await (const part of stream.batches(seed, epoch)) {
        const count = countExamples(part);
        const first = done;
        const changed = steps.reduce<T>(
          (before, { apply }, i) => apply(before, (example) => rngs[i].fork(first + example)),
          part,
        );
        const after = countExamples(changed, "What mapped makes of a part");
        if (after !== count) {
          throw new DataError(
            `mapped must keep the number of examples of a part, ${count}; it gave ${after}.`,
          );
        }
        yield changed;
        done += count;
      }
    },
  };
}
