import { allocate, dtypeOf, type NdArray } from "../../../array.js";
import type { Batch } from "../../../batch.js";
import { ShapeError } from "../../../errors.js";
import { formatShape, sameShape } from "../../../graph/tensor.js";

/** Batches that can be read more than once. */
export type Batches = Iterable<Batch> | AsyncIterable<Batch>;

/**
 * Stacks batches of equal shapes into one, with a leading axis of batches.
 *
 * @throws ShapeError when they differ
 */
export function stackedBatches(batches: readonly Batch[]): Batch {
  const stack = (name: string): NdArray => {
    const first = batches[0][name];
    const size = first.data.length;
    const data = allocate(dtypeOf(first), batches.length * size) as Float64Array;
    batches.forEach((batch, i) => {
      const part = batch[name];
      if (part === undefined || !sameShape(part.shape, first.shape)) {
        throw new ShapeError(
          `COST: batches must have equal shapes; "${name}" is ${formatShape(first.shape)} in one and ` +
            `${part ? formatShape(part.shape) : "missing"} in another.`,
        );
      }
      data.set(part.data as Float64Array, i * size);
    });
    return { shape: [batches.length, ...first.shape], data };
  };
  return Object.fromEntries(Object.keys(batches[0]).map((name) => [name, stack(name)]));
}
