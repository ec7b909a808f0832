import type { Batch } from "../../batch.js";
import type { StepContext } from "../train/step-hook.js";
import type { Batches } from "./adapter/stacked-batches.js";
import type { PreserveOptions } from "./presets.js";

type Source = Pick<StepContext<unknown>, "batch" | "batches" | "sample" | "stepsPerEpoch">;

/** Number of examples in a batch; 0 for a function without data. */
function examplesIn(batch: Batch): number {
  return Object.values(batch).reduce((most, { shape }) => Math.max(most, shape[0] ?? 0), 0);
}

/**
 * Batches on which losses are frozen: the step's own and additional ones; or those of a whole epoch, which are read one after
 * another whenever they are needed.
 */
export async function anchorsOf(
  { batch, batches, sample }: Source,
  count: PreserveOptions["batches"],
): Promise<Batches> {
  const size = examplesIn(batch);
  if (size === 0) return [batch];
  if (count === "loader") return batches("cost loader");
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
