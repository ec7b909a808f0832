import { allocate, dtypeOf, type NdArray } from "../../../array.js";
import type { Batch } from "../../../batch.js";
import { ShapeError } from "../../../errors.js";
import { formatShape } from "../../../graph/tensor.js";

/** Batches that can be read more than once. */
export type Batches = Iterable<Batch> | AsyncIterable<Batch>;

/** What an array is, as a message says it. */
const kindOf = (part: NdArray | undefined): string =>
  part === undefined ? "missing" : `${dtypeOf(part)} ${formatShape(part.shape)}`;

/**
 * Stacks batches of equal arrays into one, with a leading axis of batches.
 *
 * @throws ShapeError when names, types or shapes differ
 */
export function stackedBatches(batches: readonly Batch[]): Batch {
  const stack = (name: string): NdArray => {
    const first = batches[0][name];
    for (const batch of batches) {
      const [one, other] = [first, batch[name]].map(kindOf);
      if (one !== other) {
        throw new ShapeError(
          `COST: batches must have equal arrays; "${name}" is ${one} in one and ${other} in another.`,
        );
      }
    }
    const size = first.data.length;
    const data = allocate(dtypeOf(first), batches.length * size) as Float64Array;
    batches.forEach((batch, i) => {
      data.set(batch[name].data as Float64Array, i * size);
    });
    return { shape: [batches.length, ...first.shape], data };
  };
  const names = new Set(batches.flatMap((batch) => Object.keys(batch)));
  return Object.fromEntries([...names].map((name) => [name, stack(name)]));
}
