// The metrics of D. Eigen, C. Puhrsch, R. Fergus, "Depth map prediction from a single image", NeurIPS 2014, section 4, as
// S. Liu, E. Johns, A. Davison, CVPR 2019, use them: means over the valid pixels of a batch.
import type { NdArray } from "../array.js";
import { type OptionsOf, oneOf, optionTable } from "../options.js";
import { type BatchMean, batchMean, type StreamingMetric } from "./metric.js";
import { requireNumber, requireSameShape } from "./values.js";

/** Errors of a batch. */
export interface DepthErrors {
  /** Mean |p - t|, in the units of the targets. */
  readonly absolute: number;
  /** Mean |p - t| / t, a fraction. */
  readonly relative: number;
  /** Valid pixels. */
  readonly count: number;
}

/**
 * Absolute and relative error of depths over the valid pixels, those with target t != 0.
 *
 * The published numbers are plain means of this over batches, not weighted by `count`. With inverse depth as target, as in
 * CityScapes, the relative error is one of inverse depth.
 *
 * @param predictions p, any shape
 * @param targets t, of the same shape
 * @returns undefined for a batch without valid pixels, to be left out of the mean
 * @throws ShapeError when shapes differ; NumericalError for numbers that are not finite
 *
 * @example
 * depthErrors(array([1, 3, 9]), array([2, 2, 0])); // absolute 1, relative 0.5, count 2
 */
export function depthErrors(predictions: NdArray, targets: NdArray): DepthErrors | undefined {
  requireSameShape("depthError", predictions, targets);
  let [absolute, relative, count] = [0, 0, 0];
  for (let i = 0; i < targets.data.length; i++) {
    const t = Number(targets.data[i]);
    if (t === 0) continue;
    const error = Math.abs(Number(predictions.data[i]) - t);
    absolute += error;
    relative += error / t;
    count++;
  }
  if (count === 0) return undefined;
  return {
    absolute: requireNumber("The absolute error", absolute / count),
    relative: requireNumber("The relative error", relative / count),
    count,
  };
}

export interface DepthErrorOptions extends OptionsOf<typeof depthErrorOptions> {}

const depthErrorOptions = optionTable("depthError", {
  /** |p - t|, or |p - t| / t; default `absolute`. */
  kind: oneOf(["absolute", "relative"]).default("absolute"),
});

/**
 * Absolute or relative error of depths as papers on several tasks report it: over the valid pixels of a batch, those with target t != 0,
 * and the mean over batches, each batch alike. With inverse depth as target, as in CityScapes, the relative error is one of inverse depth.
 * Batches without valid pixels do not count; NaN if none has any.
 *
 * @throws OptionError; from `update` ShapeError when shapes differ, NumericalError for numbers that are not finite
 *
 * @example
 * const metric = depthError({ kind: "relative" });
 * metric.result(metric.update(metric.init(), { output: array([1, 3, 9]), labels: array([2, 2, 0]) })); // 0.5
 */
export function depthError(options: DepthErrorOptions = {}): StreamingMetric<BatchMean, number> {
  const { kind } = depthErrorOptions.read(options);
  return batchMean("min", ({ output, labels }) => depthErrors(output, labels)?.[kind]);
}
