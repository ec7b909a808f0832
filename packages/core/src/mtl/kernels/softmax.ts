/**
 * softmax(x)_k = exp(x_k) / sum_j exp(x_j), without overflow.
 *
 * @example
 * softmax(Float64Array.of(0, Math.log(3))); // 0.25, 0.75
 */
export function softmax(x: Float64Array): Float64Array {
  const largest = x.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = x.map((v) => Math.exp(v - largest));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / total);
}
