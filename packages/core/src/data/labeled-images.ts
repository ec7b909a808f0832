import { isNdArray, type NdArray } from "../array.js";
import { DataError, describeValue, ShapeError } from "../errors.js";
import { formatShape } from "../graph/tensor.js";

/** Images with their classes, one row of pixels for each image. */
export interface LabeledImages {
  /** float32 [n, pixels], each in [0, 1]. */
  readonly images: NdArray<Float32Array>;
  /** int64 [n], each in 0..classes - 1. */
  readonly labels: NdArray<BigInt64Array>;
}

/** Throws unless `value` is images with a label each; a data set of two parts is a common mistake. */
export function requireLabeled(op: string, value: unknown): asserts value is LabeledImages {
  const { images, labels } = (value ?? {}) as Partial<LabeledImages>;
  if (!isNdArray(images) || !isNdArray(labels)) {
    throw new DataError(
      `${op} takes { images, labels } of arrays; got ${describeValue(value)}. Of a data set write one part: dataset.train.`,
    );
  }
  if (labels.shape[0] !== images.shape[0]) {
    throw new ShapeError(
      `${op} takes one label for each image; got images ${formatShape(images.shape)} and labels ${formatShape(labels.shape)}.`,
    );
  }
}
