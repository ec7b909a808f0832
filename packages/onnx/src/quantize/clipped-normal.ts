// Moments of a clipped normal number: M. Nagel et al., "Data-free quantization through weight equalization and bias correction",
// ICCV 2019, appendix C.
import { erf } from "isoloss/internal";

/** Mean and variance of a number. */
export interface Moments {
  readonly mean: number;
  readonly variance: number;
}

/** The density of the standard normal distribution. */
const density = (x: number): number => Math.exp(-(x ** 2) / 2) / Math.sqrt(2 * Math.PI);

/** The share of the standard normal distribution below x. */
const below = (x: number): number => (1 + erf(x / Math.SQRT2)) / 2;

/**
 * Mean and variance of min(max(z, low), high) for a normal z with mean m and deviation s: with a = (low - m) / s,
 * b = (high - m) / s, the share p = Phi(b) - Phi(a) between the bounds, and d = phi(a) - phi(b),
 *
 * mean = low Phi(a) + high (1 - Phi(b)) + m p + s d
 */
export function clippedNormal({ mean, variance }: Moments, low = -Infinity, high = Infinity): Moments {
  if (!(variance > 0)) return { mean: Math.min(Math.max(mean, low), high), variance: 0 };
  const s = Math.sqrt(variance);
  const [a, b] = [(low - mean) / s, (high - mean) / s];
  const [under, over] = [below(a), below(-b)];
  const inside = Math.max(0, 1 - under - over);
  const [da, db] = [density(a), density(b)];
  const edge = (bound: number, value: number) => (Number.isFinite(bound) ? value : 0);
  // Moments of (x - m) / s between the bounds: its square has a phi(a) - b phi(b) besides the share.
  const first = edge(low, a * under) + edge(high, b * over) + (da - db);
  const second =
    edge(low, a ** 2 * under) + edge(high, b ** 2 * over) + inside + edge(low, a * da) - edge(high, b * db);
  return { mean: mean + s * first, variance: Math.max(0, variance * (second - first ** 2)) };
}
