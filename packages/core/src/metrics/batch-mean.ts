import type { MetricBatch, StreamingMetric } from "./metric.js";

/** A sum over batches. */
export interface BatchMean {
  readonly sum: number;
  readonly batches: number;
}

/** The plain mean over batches of a quantity, which is undefined for batches that do not count. */
export const batchMean = (
  mode: "min" | "max",
  quantity: (batch: MetricBatch) => number | undefined,
): StreamingMetric<BatchMean, number> => ({
  mode,
  init: () => ({ sum: 0, batches: 0 }),
  update({ sum, batches }, batch) {
    const value = quantity(batch);
    return value === undefined ? { sum, batches } : { sum: sum + value, batches: batches + 1 };
  },
  result: ({ sum, batches }) => sum / batches,
});
