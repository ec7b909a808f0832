// The metrics of D. Eigen, R. Fergus, "Predicting depth, surface normals and semantic labels with a common multi-scale
// convolutional architecture", ICCV 2015, section 6.2, as S. Liu, E. Johns, A. Davison, CVPR 2019, take them.
import type { NdArray } from "../array.js";
import { ShapeError } from "../errors.js";
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
  requireSameShape("angleStatistics", predictions, targets);
  const { shape } = targets;
  if (shape.length !== 4 || shape[1] !== 3) {
    throw new ShapeError(`angleStatistics takes normals as [N, 3, H, W]; got [${shape.join(", ")}].`);
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
