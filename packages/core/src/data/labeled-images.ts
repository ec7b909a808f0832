import { isNdArray, type NdArray } from "../array.js";
import { describeValue } from "../describe.js";
import { DataError } from "../errors.js";

/** Images with their classes, one row of pixels for each image. */
export interface LabeledImages {
  /** float32 [n, pixels], each in [0, 1]. */
  readonly images: NdArray<Float32Array>;
  /** int64 [n], each in 0..classes - 1. */
  readonly labels: NdArray<BigInt64Array>;
}

/** Throws unless `value` is images with labels; a data set of two parts is a common mistake. */
export function requireLabeled(op: string, value: unknown): asserts value is LabeledImages {
  const { images, labels } = (value ?? {}) as Partial<LabeledImages>;
  if (isNdArray(images) && isNdArray(labels)) return;
  throw new DataError(
    `${op} takes { images, labels } of arrays; got ${describeValue(value)}. Of a data set write one part: dataset.train.`,
  );
}
