import type { NdArray } from "../../array.js";
import type { Batch } from "../../batch.js";
import { rowsOf } from "../../data/batches.js";
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
export async function anchorsOf(
  { batch, sample, stepsPerEpoch }: Source,
  count: PreserveOptions["batches"],
): Promise<Batch[]> {
  const size = examplesIn(batch);
  if (size === 0) return [batch];
  if (count === "loader") {
    return cut(await sample(size * stepsPerEpoch, "cost loader"), batch, stepsPerEpoch);
  }
  const more = Array.from({ length: count - 1 }, (_, i) => sample(size, `cost anchor ${i}`));
  return [batch, ...(await Promise.all(more))];
}

/**
 * Whole batches, with at least `samples` examples in total but not more than an epoch has, that the move does not
 * use; the step's own batch without data or samples.
 */
export async function guardBatches(
  { batch, sample, stepsPerEpoch }: Source,
  samples: number,
): Promise<Batch[]> {
  const size = examplesIn(batch);
  if (size === 0 || samples === 0) return [batch];
  const count = Math.min(Math.ceil(samples / size), stepsPerEpoch);
  return Promise.all(Array.from({ length: count }, (_, i) => sample(size, `cost guard ${i}`)));
}

/**
 * Consecutive rows of every array, as many as in a batch; arrays of shorter sources start again from their
 * first row.
 */
function cut(all: Batch, batch: Batch, count: number): Batch[] {
  const rows = (a: NdArray, size: number, i: number): NdArray => {
    const at = i % Math.floor(a.shape[0] / size);
    return rowsOf(a, at * size, (at + 1) * size);
  };
  return Array.from({ length: count }, (_, i) =>
    Object.fromEntries(Object.entries(all).map(([name, a]) => [name, rows(a, batch[name].shape[0], i)])),
  );
}
