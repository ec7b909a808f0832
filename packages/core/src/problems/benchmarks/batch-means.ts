import type { MetricBatch, StreamingMetric } from "../../metrics/metric.js";

/**
 * The plain mean over batches of what is measured on each, as papers on dense prediction report depths and normals: the last
 * batch counts as much as the others. Batches on which it is undefined are left out.
 */
export const meanOverBatches = (
  measure: (batch: MetricBatch) => number | undefined,
  mode: "min" | "max",
): StreamingMetric<{ readonly sum: number; readonly count: number }, number> => ({
  mode,
  init: () => ({ sum: 0, count: 0 }),
  update(before, batch) {
    const value = measure(batch);
    return value === undefined ? before : { sum: before.sum + value, count: before.count + 1 };
  },
  result: ({ sum, count }) => sum / count,
});
