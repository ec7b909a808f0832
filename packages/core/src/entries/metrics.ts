/**
 * Metrics that are accumulated batch by batch: for a trainer's `run` and `evaluate`.
 *
 * @module isoloss/metrics
 */

export type { CalibrationErrorOptions, CalibrationSums } from "../metrics/calibration-error.js";
export { calibrationError } from "../metrics/calibration-error.js";
export { type ConfusionMatrix, type ConfusionMetricOptions, confusion, iou } from "../metrics/confusion.js";
export { type DepthErrorOptions, depthError } from "../metrics/depth.js";
export { type ErrorOptions, type ErrorSum, mae, rmse } from "../metrics/errors.js";
export { type F1Counts, type F1Options, f1 } from "../metrics/f1.js";
export type {
  BatchMean,
  MetricBatch,
  MetricSet,
  NoMetrics,
  ResultsOf,
  StreamingMetric,
} from "../metrics/metric.js";
export { type NormalAngleOptions, normalAngle } from "../metrics/normals.js";
export { type ResultName, resultName } from "../metrics/result-name.js";
export { type HitCounts, type TopKOptions, topK } from "../metrics/top-k.js";
