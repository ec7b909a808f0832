// Deterministic values that both sides of the benchmark make bit for bit: see torch/formula.py.

function hash(i, k) {
  let h = Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(k + 1, 0x85ebca6b);
  h ^= h >>> 16;
  h = Math.imul(h, 0x7feb352d);
  h ^= h >>> 15;
  h = Math.imul(h, 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);

function filled(shape, dtype, f) {
  const Data = dtype === "float64" ? Float64Array : Float32Array;
  return { shape, data: Data.from({ length: sizeOf(shape) }, (_, i) => f(i)) };
}

/** Values in [0, 1). */
export const unit = (shape, k, dtype = "float32") => filled(shape, dtype, (i) => hash(i, k) / 2 ** 32);

/** offset + scale * value in [-1, 1). */
export const signed = (shape, k, dtype = "float32", scale = 1, offset = 0) =>
  filled(shape, dtype, (i) => offset + scale * (2 * (hash(i, k) / 2 ** 32) - 1));

/** Classes in [0, classes). */
export const labels = (shape, k, classes) => ({
  shape,
  data: BigInt64Array.from({ length: sizeOf(shape) }, (_, i) => BigInt(hash(i, k) % classes)),
});

/** Values for parameter number k: scaled by the fan-in; small for biases; around 1 for scales of batch norm. */
export function parameter(shape, k, { isScale = false, dtype = "float32" } = {}) {
  if (shape.length > 1) return signed(shape, k, dtype, Math.sqrt(6 / (sizeOf(shape) / shape[0])));
  return signed(shape, k, dtype, 0.1, isScale ? 1 : 0);
}
