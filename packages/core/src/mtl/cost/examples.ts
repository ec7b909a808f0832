import type { NdArray } from "../../array.js";
import { sizeOf } from "../../array.js";
import type { Batch } from "../../batch.js";
import type { StepContext } from "../train/step-hook.js";
import type { PreserveOptions } from "./presets.js";

type Source = Pick<StepContext<unknown>, "batch" | "sample" | "stepsPerEpoch">;

/** Number of examples in a batch; 0 for a function without data. */
function examplesIn(batch: Batch): number {
  return Object.values(batch).reduce((most, { shape }) => Math.max(most, shape[0] ?? 0), 0);
}

/**
 * Batches on which losses are frozen: the step's own and additional ones, or those of a whole epoch.
 */
export function anchorsOf(
  { batch, sample, stepsPerEpoch }: Source,
  count: PreserveOptions["batches"],
): Batch[] {
  const size = examplesIn(batch);
  if (size === 0) return [batch];
  if (count === "loader") return cut(sample(size * stepsPerEpoch, "cost loader"), batch, stepsPerEpoch);
  const more = Array.from({ length: count - 1 }, (_, i) => sample(size, `cost anchor ${i}`));
  return [batch, ...more];
}

/**
 * Whole batches, with at least `samples` examples in total, that the move does not use; the step's own batch
 * without data or samples.
 */
export function guardBatches({ batch, sample }: Source, samples: number): Batch[] {
  const size = examplesIn(batch);
  if (size === 0 || samples === 0) return [batch];
  return Array.from({ length: Math.ceil(samples / size) }, (_, i) => sample(size, `cost guard ${i}`));
}

/**
 * Consecutive rows of every array, as many as in a batch; arrays of shorter sources start again from their
 * first row.
 */
function cut(all: Batch, batch: Batch, count: number): Batch[] {
  const rows = (a: NdArray, size: number, i: number): NdArray => {
    const width = size * sizeOf(a.shape.slice(1));
    const at = i % Math.floor(a.shape[0] / size);
    return { shape: [size, ...a.shape.slice(1)], data: a.data.slice(at * width, (at + 1) * width) };
  };
  return Array.from({ length: count }, (_, i) =>
    Object.fromEntries(Object.entries(all).map(([name, a]) => [name, rows(a, batch[name].shape[0], i)])),
  );
}
