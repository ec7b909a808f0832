/**
 * Small dense linear algebra and statistics in float64.
 *
 * @module isoloss/linalg
 */
export { type Correlation, correlation } from "../math/correlation.js";
export { eigenSymmetric, inverse, pinv, qr, solve, svd } from "../math/linalg.js";
export { normalCdf, normalQuantile } from "../math/normal.js";
