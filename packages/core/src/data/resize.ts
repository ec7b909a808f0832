// Resampling of images with pixel centers at half-integers, as in image libraries.
import { isNdArray, type NdArray, ndarray } from "../array.js";
import { describeValue, OptionError, ShapeError } from "../errors.js";
import { requireKnown } from "../options.js";

type Size = readonly [number, number];

/** Checks images in rows of pixels and returns their number. */
export function imageCount(op: string, images: NdArray, [height, width]: Size): number {
  if (!isNdArray(images)) {
    throw new ShapeError(`${op} takes images as an array {shape, data}; got ${describeValue(images)}.`);
  }
  const { shape, data } = images;
  const count = shape[0];
  if (data.length !== count * height * width) {
    throw new ShapeError(
      `${op}: images of ${height} x ${width} have ${height * width} pixels; got an array of shape [${shape.join(", ")}].`,
    );
  }
  return count;
}

/** For every index of a side of length `to`, the pixel of a side of length `from` that contains its center. */
export const nearestIndices = (from: number, to: number): Int32Array =>
  Int32Array.from({ length: to }, (_, i) => Math.floor(((i + 0.5) * from) / to));

/**
 * Resizes images; each pixel is the bilinear mean of the four around its center. The border pixels extend
 * outward.
 *
 * source coordinate = (i + 1/2) from / to - 1/2
 *
 * @param images float32 [n, height * width]
 * @throws ShapeError when the images are not of size `from`
 *
 * @example
 * resizeImages(digits().images, { from: [8, 8], to: [28, 28] }); // [1797, 784]
 */
export function resizeImages(
  images: NdArray<Float32Array>,
  options: { readonly from: Size; readonly to: Size },
): NdArray<Float32Array> {
  const example = "resizeImages(images, { from: [8, 8], to: [28, 28] })";
  requireKnown("resizeImages", options, ["from", "to"], example);
  const { from, to } = options;
  for (const size of [from, to]) {
    if (!Array.isArray(size) || size.length !== 2 || !size.every((n) => Number.isInteger(n) && n >= 1)) {
      throw new OptionError(
        `resizeImages: from and to must be [height, width]; got ${describeValue(size)}. Write ${example}.`,
      );
    }
  }
  const count = imageCount("resizeImages", images, from);
  const [rows, columns] = [0, 1].map((d) => taps(from[d], to[d]));
  const [pixels, area] = [from[0] * from[1], to[0] * to[1]];
  const out = new Float32Array(count * area);
  for (let n = 0; n < count; n++) {
    const image = images.data.subarray(n * pixels, (n + 1) * pixels);
    let at = n * area;
    for (const { low: top, high: bottom, share: down } of rows) {
      for (const { low: left, high: right, share: over } of columns) {
        const upper = (1 - over) * image[top * from[1] + left] + over * image[top * from[1] + right];
        const lower = (1 - over) * image[bottom * from[1] + left] + over * image[bottom * from[1] + right];
        out[at++] = (1 - down) * upper + down * lower;
      }
    }
  }
  return ndarray(out, [count, area]);
}

/** The two pixels of a side between which each new pixel lies, and the weight of the second. */
function taps(from: number, to: number): { low: number; high: number; share: number }[] {
  return Array.from({ length: to }, (_, i) => {
    const x = Math.max(0, Math.min(from - 1, ((i + 0.5) * from) / to - 0.5));
    const low = Math.floor(x);
    return { low, high: Math.min(low + 1, from - 1), share: x - low };
  });
}
