// The standard normal distribution.
import { erf } from "./special.js";

/**
 * P(X <= x) = (1 + erf(x / sqrt(2))) / 2 of a standard normal X.
 *
 * @example
 * normalCdf(1.96); // 0.975
 */
export const normalCdf = (x: number): number => 0.5 * (1 + erf(x / Math.SQRT2));

/** Density at x. */
const normalDensity = (x: number): number => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);

const polynomial = (coefficients: readonly number[], x: number): number =>
  coefficients.reduce((sum, c) => sum * x + c, 0);

// P. Acklam, "An algorithm for computing the inverse normal cumulative distribution function", 2003: rational
// approximations of relative error 1.15e-9, of the center and of the lower tail.
const center = {
  above: [
    -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2, -3.066479806614716e1,
    2.506628277459239,
  ],
  below: [
    -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1,
    -1.328068155288572e1, 1,
  ],
};
const tail = {
  above: [
    -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ],
  below: [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1],
};
const tailEnd = 0.02425;

/**
 * The x with P(X <= x) = p of a standard normal X, by Acklam's rational approximation and one step of Newton's method.
 *
 * @param p in [0, 1]; of 0 and 1 the infinities
 *
 * @example
 * normalQuantile(0.975); // 1.95996
 */
export function normalQuantile(p: number): number {
  if (p <= 0) return -Infinity;
  if (p >= 1) return Infinity;
  if (p > 0.5) return -normalQuantile(1 - p);
  const x = approximate(p);
  // Far in the tail the difference of the CDFs is rounding.
  return p < 1e-12 ? x : x - (normalCdf(x) - p) / normalDensity(x);
}

function approximate(p: number): number {
  if (p < tailEnd) {
    const q = Math.sqrt(-2 * Math.log(p));
    return polynomial(tail.above, q) / polynomial(tail.below, q);
  }
  const q = p - 0.5;
  return (polynomial(center.above, q * q) * q) / polynomial(center.below, q * q);
}
