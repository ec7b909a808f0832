import type { NdArray } from "../array.js";

/** A data set in memory: examples along the first axis. */
export interface Dataset {
  /** Features as floats, or tokens as int64. */
  readonly inputs: NdArray;
  /** Classes as int64 [n], or targets as floats. */
  readonly labels: NdArray;
}
