import type { NdArray } from "../array.js";

/** Images with their classes, one row of pixels an image. */
export interface LabelledImages {
  /** float32 [n, pixels], each in [0, 1]. */
  readonly images: NdArray<Float32Array>;
  /** int64 [n], each in 0..classes - 1. */
  readonly labels: NdArray<BigInt64Array>;
}
