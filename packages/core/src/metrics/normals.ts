// The metrics of D. Eigen, R. Fergus, "Predicting depth, surface normals and semantic labels with a common multi-scale
// convolutional architecture", ICCV 2015, section 6.2, as S. Liu, E. Johns, A. Davison, CVPR 2019, take them.
import type { NdArray } from "../array.js";
import { ShapeError } from "../errors.js";
import { type OptionsOf, oneOf, optionTable } from "../options.js";
import { type BatchMean, batchMean, type StreamingMetric } from "./metric.js";
import { requireNumber, requireSameShape } from "./values.js";

/** Angles between predicted and true normals of a batch. */
export interface AngleStatistics {
  /** Degrees. */
  readonly mean: number;
  /** Degrees; for an even number of pixels the lower of the two middle values. */
  readonly median: number;
  /** Fractions of the pixels with an angle below 11.25, 22.5 and 30 degrees. */
  readonly within: readonly [number, number, number];
  /** Valid pixels. */
  readonly count: number;
}

const limits = [11.25, 22.5, 30] as const;

/**
 * Statistics of the angles acos(p . t) over the valid pixels, those with target t != 0.
 *
 * The published numbers are plain means of this over batches: the median is one of batch medians.
 *
 * @param predictions p, [N, 3, H, W], of length 1: the model normalizes them
 * @param targets t, of the same shape, of length 1 or 0
 * @returns undefined for a batch without valid pixels, to be left out of the mean
 * @throws ShapeError when shapes differ or are not [N, 3, H, W]; NumericalError for numbers that are not finite
 *
 * @example
 * const up = array([[[[0]], [[0]], [[1]]]]);
 * angleStatistics(up, array([[[[0]], [[1]], [[0]]]])); // mean 90, median 90, within 0, 0, 0, count 1
 */
export function angleStatistics(predictions: NdArray, targets: NdArray): AngleStatistics | undefined {
  requireSameShape("normalAngle", predictions, targets);
  const { shape } = targets;
  if (shape.length !== 4 || shape[1] !== 3) {
    throw new ShapeError(`normalAngle takes normals as [N, 3, H, W]; got [${shape.join(", ")}].`);
  }
  const angles = anglesOf(predictions, targets);
  const count = angles.length;
  if (count === 0) return undefined;
  const mean = requireNumber("The mean angle", angles.reduce((a, b) => a + b, 0) / count);
  angles.sort();
  const shareWithin = (limit: number) => {
    const above = angles.findIndex((angle) => angle >= limit);
    return (above < 0 ? count : above) / count;
  };
  return {
    mean,
    median: angles[Math.floor((count - 1) / 2)],
    within: [shareWithin(limits[0]), shareWithin(limits[1]), shareWithin(limits[2])],
    count,
  };
}

/** Degrees, for each valid pixel. */
function anglesOf(predictions: NdArray, { data: t, shape: [n, , height, width] }: NdArray): Float64Array {
  const p = predictions.data;
  const pixels = height * width;
  const angles: number[] = [];
  for (let image = 0; image < n; image++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      let [product, valid] = [0, false];
      for (let channel = 0; channel < 3; channel++) {
        const at = (image * 3 + channel) * pixels + pixel;
        product += Number(p[at]) * Number(t[at]);
        valid ||= Number(t[at]) !== 0;
      }
      if (valid) angles.push((Math.acos(Math.max(-1, Math.min(1, product))) * 180) / Math.PI);
    }
  }
  return Float64Array.from(angles);
}

export interface NormalAngleOptions extends OptionsOf<typeof normalAngleOptions> {}

const normalAngleOptions = optionTable("normalAngle", {
  /** The mean or median angle in degrees, or the fraction of pixels with an angle below so many degrees; default `mean`. */
  statistic: oneOf(["mean", "median", ...limits]).default("mean"),
});

/**
 * A statistic of the angles between normals as papers on several tasks report it: over the valid pixels of a batch, those with target
 * t != 0, and the mean over batches, each batch alike. Predictions may have any length. Batches without valid pixels do not count; NaN if
 * none has any.
 *
 * @throws OptionError; from `update` ShapeError when shapes differ or are not [N, 3, H, W], NumericalError for numbers that are not finite
 *
 * @example
 * const metric = normalAngle({ statistic: "median" });
 * const batch = { output: array([[[[0]], [[0]], [[3]]]]), labels: array([[[[0]], [[1]], [[0]]]]) };
 * metric.result(metric.update(metric.init(), batch)); // 90
 */
export function normalAngle(options: NormalAngleOptions = {}): StreamingMetric<BatchMean, number> {
  const { statistic } = normalAngleOptions.read(options);
  return batchMean(typeof statistic === "number" ? "max" : "min", ({ output, labels }) => {
    const found = angleStatistics(ofLengthOne(output), labels);
    return typeof statistic === "number" ? found?.within[limits.indexOf(statistic)] : found?.[statistic];
  });
}

/** Vectors along axis 1 divided by their lengths; zeros stay zeros. */
function ofLengthOne({ shape, data }: NdArray): NdArray {
  const [n, , height, width] = shape;
  const pixels = height * width;
  const result = new Float64Array(data.length);
  for (let image = 0; image < n; image++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      const x = 3 * image * pixels + pixel;
      const [y, z] = [x + pixels, x + 2 * pixels];
      const length = Math.sqrt(Number(data[x]) ** 2 + Number(data[y]) ** 2 + Number(data[z]) ** 2) || 1;
      result[x] = Number(data[x]) / length;
      result[y] = Number(data[y]) / length;
      result[z] = Number(data[z]) / length;
    }
  }
  return { shape, data: result };
}
