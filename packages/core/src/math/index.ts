/**
 * Small dense linear algebra and statistics in float64.
 *
 * @module isoloss/linalg
 */
export type { Correlation } from "./correlation.js";
export { correlation, partialCorrelation } from "./correlation.js";
export { eigenSymmetric, inverse, pinv, qr, solve, svd } from "./linalg.js";
export { normalCdf, normalQuantile } from "./normal.js";
