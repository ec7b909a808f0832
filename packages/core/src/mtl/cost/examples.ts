import type { NdArray } from "../../array.js";
import { sizeOf } from "../../array.js";
import type { Batch } from "../../symmetry/symmetry.js";
import type { StepContext } from "../step-hook.js";
import type { PreserveOptions } from "./presets.js";

type Source = Pick<StepContext<unknown>, "batch" | "sample" | "stepsPerEpoch">;

/** Examples in a batch; 0 for a function without data. */
function examplesIn(batch: Batch): number {
  return Object.values(batch).reduce((most, { shape }) => Math.max(most, shape[0] ?? 0), 0);
}

/**
 * Batches on which losses are frozen: the step's own and further ones, or those of a whole epoch.
 */
export function anchorsOf(
  { batch, sample, stepsPerEpoch }: Source,
  count: PreserveOptions["batches"],
): Batch[] {
  const size = examplesIn(batch);
  if (size === 0) return [batch];
  if (count === "loader") return cut(sample(size * stepsPerEpoch, "cost loader"), size);
  const more = Array.from({ length: count - 1 }, (_, i) => sample(size, `cost anchor ${i}`));
  return [batch, ...more];
}

/** Whole batches of at least `samples` examples that have no part in the move; the step's own without data or samples. */
export function guardBatches({ batch, sample }: Source, samples: number): Batch[] {
  const size = examplesIn(batch);
  if (size === 0 || samples === 0) return [batch];
  return Array.from({ length: Math.ceil(samples / size) }, (_, i) => sample(size, `cost guard ${i}`));
}

/** Consecutive rows of every array. */
function cut(all: Batch, size: number): Batch[] {
  const rows = (a: NdArray, i: number): NdArray => {
    const width = sizeOf(a.shape.slice(1));
    return {
      shape: [size, ...a.shape.slice(1)],
      data: a.data.slice(i * size * width, (i + 1) * size * width),
    };
  };
  return Array.from({ length: examplesIn(all) / size }, (_, i) =>
    Object.fromEntries(Object.entries(all).map(([name, a]) => [name, rows(a, i)])),
  );
}
