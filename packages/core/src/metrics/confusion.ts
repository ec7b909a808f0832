import type { NdArray } from "../array.js";
import { finite, type OptionsOf, optionTable } from "../options.js";
import { classScores, predictedClass } from "./class-scores.js";
import type { MetricBatch, StreamingMetric } from "./metric.js";

/** Counts [classes, classes]: row for the label, column for the prediction. */
export type ConfusionMatrix = NdArray<Float64Array>;

export interface ConfusionMetricOptions extends OptionsOf<typeof confusionOptions> {}

const rows = {
  /** The label of positions that do not count; default -1. */
  ignore: finite.default(-1),
};

const confusionOptions = optionTable("confusion", rows);

const iouOptions = optionTable("iou", rows);

/** Adds a batch to counts of true and predicted classes; `undefined` before the first batch. */
export function addToCounts(
  metric: string,
  counts: ConfusionMatrix | undefined,
  batch: MetricBatch,
  ignore: number,
): ConfusionMatrix {
  const scores = classScores(metric, batch, ignore);
  const { classes, known } = scores;
  const data = counts ? counts.data.slice() : new Float64Array(classes * classes);
  for (const { at, label } of known) data[label * classes + predictedClass(scores, at)]++;
  return { shape: [classes, classes], data };
}

const noCounts = (): ConfusionMatrix => ({ shape: [0, 0], data: new Float64Array() });

/**
 * The confusion matrix [classes, classes]: counts by label (row) and predicted class (column).
 *
 * @throws OptionError; ShapeError, DataError from `update` if outputs are no logits of the labels' classes
 *
 * @example
 * const metric = confusion();
 * const batch = { output: array([[1, 0], [0, 1], [0, 1]]), labels: array([0, 1, 0], "int64") };
 * metric.result(metric.update(metric.init(), batch)).data; // Float64Array [1, 1, 0, 1]
 */
export function confusion(
  options: ConfusionMetricOptions = {},
): StreamingMetric<ConfusionMatrix | undefined, ConfusionMatrix> {
  const { ignore } = confusionOptions.read(options);
  return {
    init: () => undefined,
    update: (counts, batch) => addToCounts("confusion", counts, batch, ignore),
    result: (counts) => counts ?? noCounts(),
  };
}

/**
 * Mean intersection over union: of the positions whose label or prediction is a class, the fraction where both are, averaged over the
 * classes that occur, from the counts of all batches together. NaN if nothing counts.
 *
 * mIoU = mean_c C_cc / (sum_j C_cj + sum_i C_ic - C_cc)
 *
 * @throws OptionError; ShapeError, DataError from `update` if outputs are no logits of the labels' classes
 *
 * @example
 * const metric = iou();
 * const batch = { output: array([[1, 0], [0, 1], [0, 1]]), labels: array([0, 1, 0], "int64") };
 * metric.result(metric.update(metric.init(), batch)); // 0.5
 */
export function iou(
  options: ConfusionMetricOptions = {},
): StreamingMetric<ConfusionMatrix | undefined, number> {
  const { ignore } = iouOptions.read(options);
  return {
    mode: "max",
    init: () => undefined,
    update: (counts, batch) => addToCounts("iou", counts, batch, ignore),
    result: (counts = noCounts()) => meanIoU(counts),
  };
}

function meanIoU({ data, shape: [classes] }: ConfusionMatrix): number {
  let [sum, present] = [0, 0];
  for (let c = 0; c < classes; c++) {
    const hits = data[c * classes + c];
    let union = -hits;
    for (let j = 0; j < classes; j++) union += data[c * classes + j] + data[j * classes + c];
    if (union === 0) continue;
    sum += hits / union;
    present++;
  }
  return sum / present;
}
