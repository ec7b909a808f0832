/**
 * Metrics that are accumulated batch by batch: for a trainer's `run` and `evaluate`.
 *
 * @module isoloss/metrics
 */

export type { CalibrationErrorOptions, CalibrationSums } from "../metrics/calibration-error.js";
export { calibrationError } from "../metrics/calibration-error.js";
export type { ConfusionMatrix, ConfusionMetricOptions } from "../metrics/confusion.js";
export { confusion, iou } from "../metrics/confusion.js";
export type { DepthErrorOptions } from "../metrics/depth.js";
export { depthError } from "../metrics/depth.js";
export type { ErrorOptions, ErrorSum } from "../metrics/errors.js";
export { mae, rmse } from "../metrics/errors.js";
export type { F1Counts, F1Options } from "../metrics/f1.js";
export { f1 } from "../metrics/f1.js";
export type {
  BatchMean,
  MetricBatch,
  MetricSet,
  NoMetrics,
  ResultsOf,
  StreamingMetric,
} from "../metrics/metric.js";
export type { NormalAngleOptions } from "../metrics/normals.js";
export { normalAngle } from "../metrics/normals.js";
export type { ResultName } from "../metrics/result-name.js";
export { resultName } from "../metrics/result-name.js";
export type { HitCounts, TopKOptions } from "../metrics/top-k.js";
export { topK } from "../metrics/top-k.js";
