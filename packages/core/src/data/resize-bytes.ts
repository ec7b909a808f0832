// Bilinear resizing of bytes as Pillow has it (libImaging/Resample.c), which torchvision's Resize is on its images.
import { describeValue, ShapeError } from "../errors.js";

/** Bytes of an image, [height, width, channels]. */
export interface ByteImage {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

/** Weights are integers over 2^22. */
const bits = 22;

/**
 * Resizes an image; where it becomes smaller, a pixel is the weighted mean of all that it covers.
 *
 * scale = from / to, f = max(1, scale): pixel k has center c = (k + 1/2) scale and weights max(0, 1 - |(x + 1/2 - c) / f|), divided by
 * their sum and rounded to integers over 2^22. Columns first, rounded to bytes, then rows; a side that stays is left out.
 *
 * @throws ShapeError for an image of another number of bytes, and for sizes that are no integers >= 1
 *
 * @example
 * resizeBytes({ width: 4, height: 1, channels: 1, data: Uint8Array.of(0, 10, 20, 30) }, [1, 2]).data; // Uint8Array [7, 23]
 */
export function resizeBytes(
  { data, width: w, height: h, channels }: ByteImage,
  [height, width]: readonly [number, number],
): ByteImage {
  for (const size of [w, h, channels, width, height]) {
    if (Number.isInteger(size) && size >= 1) continue;
    throw new ShapeError(
      `resizeBytes: sizes and channels must be integers >= 1; got ${describeValue(size)}.`,
    );
  }
  if (data.length !== w * h * channels) {
    throw new ShapeError(
      `resizeBytes: an image of ${h} x ${w} with ${channels} channels has ${w * h * channels} bytes; got ${data.length}.`,
    );
  }
  const wide = width === w ? data : resampled(data, [h, w, channels], width);
  const done = height === h ? wide : resampled(wide, [1, h, width * channels], height);
  return { width, height, channels, data: done };
}

/** Resizes the middle axis. */
function resampled(
  data: Uint8Array,
  [outer, from, inner]: readonly [number, number, number],
  to: number,
): Uint8Array {
  const result = new Uint8Array(outer * to * inner);
  const taps = tapsOf(from, to);
  let next = 0;
  for (let o = 0; o < outer; o++) {
    for (const { first, weights } of taps) {
      const start = (o * from + first) * inner;
      for (let i = 0; i < inner; i++) {
        // Below 2^31, as bytes are below 2^8 and weights together about 2^22.
        let sum = 1 << (bits - 1);
        for (let t = 0, at = start + i; t < weights.length; t++, at += inner) sum += data[at] * weights[t];
        result[next++] = sum >> bits;
      }
    }
  }
  return result;
}

interface Taps {
  readonly first: number;
  readonly weights: Int32Array;
}

function tapsOf(from: number, to: number): Taps[] {
  const scale = from / to;
  const f = Math.max(scale, 1);
  return Array.from({ length: to }, (_, k) => {
    const center = (k + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - f + 0.5));
    const end = Math.min(from, Math.trunc(center + f + 0.5));
    const raw = Float64Array.from({ length: end - first }, (__, i) =>
      Math.max(0, 1 - Math.abs((first + i - center + 0.5) / f)),
    );
    const total = raw.reduce((a, b) => a + b, 0);
    return { first, weights: Int32Array.from(raw, (w) => Math.floor(0.5 + (w / total) * 2 ** bits)) };
  });
}
