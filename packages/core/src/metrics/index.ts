/**
 * Metrics that are accumulated batch by batch: for a trainer's `run` and `evaluate`.
 *
 * @module isoloss/metrics
 */

export type { BatchMean } from "./batch-mean.js";
export type { CalibrationErrorOptions, CalibrationSums } from "./calibration-error.js";
export { calibrationError } from "./calibration-error.js";
export type { ConfusionMetricOptions } from "./confusion.js";
export { confusion, iou } from "./confusion.js";
export type { DepthErrorOptions } from "./depth.js";
export { depthError } from "./depth.js";
export type { ErrorOptions, ErrorSum } from "./errors.js";
export { mae, rmse } from "./errors.js";
export type { F1Counts, F1Options } from "./f1.js";
export { f1 } from "./f1.js";
export type { MetricBatch, MetricSet, NoMetrics, ResultsOf, StreamingMetric } from "./metric.js";
export type { NormalAngleOptions } from "./normals.js";
export { normalAngle } from "./normals.js";
export type { ResultName } from "./result-name.js";
export { resultName } from "./result-name.js";
export type { HitCounts, TopKOptions } from "./top-k.js";
export { topK } from "./top-k.js";
