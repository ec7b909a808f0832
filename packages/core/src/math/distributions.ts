// Quantiles of Student's t and of the beta distribution, by the incomplete beta function (DLMF 8.17): to the last bits, in a
// kilobyte, which a page can load.

/**
 * The p-quantile of Student's t distribution.
 *
 * @param p in (0, 1)
 * @param degrees of freedom, > 0
 */
export function tQuantile(p: number, degrees: number): number {
  if (p === 0.5) return 0;
  if (p < 0.5) return -tQuantile(1 - p, degrees);
  // P(|T| > t) = I_x(degrees / 2, 1 / 2) with x = degrees / (degrees + t^2): falls as t grows.
  const tail = 2 * (1 - p);
  const above = (t: number) => incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) > tail;
  let high = 1;
  while (above(high)) high *= 2;
  return bisect(above, 0, high);
}

/**
 * The p-quantile of the beta distribution.
 *
 * @param p in (0, 1)
 * @param a, b > 0
 */
export const betaQuantile = (p: number, a: number, b: number): number =>
  bisect((x) => incompleteBeta(x, a, b) < p, 0, 1);

/** Where a condition that holds at `low` ceases to hold, to the last bit. */
function bisect(holds: (x: number) => boolean, low: number, high: number): number {
  for (let mid = (low + high) / 2; low < mid && mid < high; mid = (low + high) / 2) {
    if (holds(mid)) low = mid;
    else high = mid;
  }
  return high;
}

/** I_x(a, b), the regularized incomplete beta function: DLMF 8.17.22 by Lentz's method, DLMF 8.17.4 for large x. */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  let c = 1;
  let d = 1 / (1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m < 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d);
    c = 1 + even / c;
    fraction *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d);
    c = 1 + odd / c;
    fraction *= c * d;
    if (Math.abs(c * d - 1) < 1e-16) break;
  }
  const logBeta = logGamma(a) + logGamma(b) - logGamma(a + b);
  return (Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta) / a) * fraction;
}

/** log Gamma(x) for x > 0: Stirling's series (DLMF 5.11.1) from 10 on, the recurrence below. */
function logGamma(x: number): number {
  let shift = 0;
  let z = x;
  for (; z < 10; z++) shift += Math.log(z);
  const w = 1 / (z * z);
  const series =
    (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w * (1 / 1188 - w * (691 / 360360)))))) / z;
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - shift;
}
