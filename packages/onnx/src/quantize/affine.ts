// Scale and zero of activations: B. Jacob et al., "Quantization and training of neural networks for efficient
// integer-arithmetic-only inference", CVPR 2018, eq. 1. Weights are rounded in quantized-weight.ts.

/** The least and the largest number that a value of a model takes. */
export interface ValueRange {
  readonly min: number;
  readonly max: number;
}

export const unbounded: ValueRange = { min: -Infinity, max: Infinity };

/** The least range that has both in it. */
export const hull = (a: ValueRange, b: ValueRange): ValueRange => ({
  min: Math.min(a.min, b.min),
  max: Math.max(a.max, b.max),
});

export const intersection = (a: ValueRange, b: ValueRange): ValueRange => ({
  min: Math.max(a.min, b.min),
  max: Math.min(a.max, b.max),
});

export type ByteType = "uint8" | "int8";

/** Numbers x as integers of a byte: x = scale (q - zero). */
export interface Affine {
  readonly type: ByteType;
  /** A number of float32. */
  readonly scale: number;
  readonly zero: number;
}

/** The least normal float32: a smaller scale has fewer digits. */
export const leastScale = 2 ** -126;

const leastOf = (type: ByteType): number => (type === "uint8" ? 0 : -128);

/**
 * The affine map of a range, widened to hold 0, which it keeps exactly:
 *
 *     scale = (high - low) / 255,    zero = round(-low / scale), less 128 for int8
 *
 * @param bounds no number that the integers stand for exceeds them
 */
export function affineOf(range: ValueRange, type: ByteType, bounds: ValueRange = unbounded): Affine {
  let low = Math.min(Math.max(range.min, bounds.min), 0);
  let high = Math.max(Math.min(range.max, bounds.max), 0);
  // Only 0 is taken: any range within the bounds does.
  if (high === low) high = Math.min(1, bounds.max);
  if (high === low) low = Math.max(-1, bounds.min);
  const below = high === low ? 0 : Math.round((255 * -low) / (high - low));
  const above = 255 - below;
  // The largest scale with which 0 and 255 stay within the bounds.
  const limit = Math.min(
    above > 0 ? bounds.max / above : Infinity,
    below > 0 ? -bounds.min / below : Infinity,
  );
  const nearest = Math.fround((high - low) / 255);
  const scale = nearest <= limit ? nearest : roundDown(limit);
  return { type, scale: Math.max(scale, leastScale), zero: below + leastOf(type) };
}

/** q of a number: rounded to the nearest, in the range of the type. */
export function quantized(x: number, { type, scale, zero }: Affine): number {
  const least = leastOf(type);
  return Math.min(Math.max(Math.round(x / scale) + zero, least), least + 255);
}

/** The largest float32 that is not above a positive number. */
function roundDown(x: number): number {
  const bits = new Int32Array(1);
  const float = new Float32Array(bits.buffer);
  float[0] = x;
  if (float[0] > x) bits[0] -= 1;
  return float[0];
}
