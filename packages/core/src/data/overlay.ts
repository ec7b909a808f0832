// S. Sabour, N. Frosst, G. Hinton, "Dynamic routing between capsules", NeurIPS 2017 (MultiMNIST), in the two-task form of
// O. Sener, V. Koltun, "Multi-task learning as multi-objective optimization", NeurIPS 2018, section 4.1.

import { type NdArray, ndarray } from "../array.js";
import { ShapeError } from "../errors.js";
import { createRng } from "../math/rng.js";
import { finite, integerFrom, number, type OptionsOf, optionTable, positive } from "../options.js";
import { type LabeledImages, requireLabeled } from "./labeled-images.js";
import { imageCount, nearestIndices } from "./resize.js";

export interface OverlayOptions extends OptionsOf<typeof overlayImagesOptions> {}

const overlayImagesOptions = optionTable("overlayImages", {
  /** Seed of the choice of partners; default 0. */
  seed: number({ integer: true }).default(0),
  /** Number of images; default one for each left image. */
  count: integerFrom(1).otherwise("one for each left image"),
  /** Subtracted from every pixel; default 0. */
  mean: finite.default(0),
  /** Divisor of the pixels after the subtraction; default 1. */
  deviation: positive.default(1),
});

/** Images of two items each, and the classes of both. */
export interface OverlaidImages {
  /** float32 [n, 1, 28, 28]. */
  readonly x: NdArray<Float32Array>;
  /** Class of the upper left image, int64 [n]. */
  readonly left: NdArray<BigInt64Array>;
  /** Class of the lower right image, int64 [n]. */
  readonly right: NdArray<BigInt64Array>;
}

const side = 28;
const canvas = 36;
const offset = 6;

/**
 * Overlays pairs of 28 x 28 images: the left at (0, 0) and the right at (6, 6) of a 36 x 36 canvas, with the
 * larger value where both overlap. The canvas is resized to 28 x 28; each pixel is that of the canvas under
 * its center.
 *
 * Left image i has a right partner drawn at random. If `count` exceeds the number of left images, they repeat
 * with other partners. Unlike the original programs, this does not stretch the contrast of each image.
 *
 * @throws ShapeError when images are not 28 x 28; OptionError
 *
 * @example
 * const { train } = await loadIdxDataset("fashion-mnist");
 * const { x, left, right } = overlayImages(train, train); // Multi-Fashion
 */
export function overlayImages(
  left: LabeledImages,
  right: LabeledImages,
  options: OverlayOptions = {},
): OverlaidImages {
  const { seed, count: asked, mean, deviation } = overlayImagesOptions.read(options);
  requireLabeled("overlayImages", left);
  requireLabeled("overlayImages", right);
  const lefts = imageCount("overlayImages", left.images, [side, side]);
  const rights = imageCount("overlayImages", right.images, [side, side]);
  if (lefts === 0 || rights === 0)
    throw new ShapeError("overlayImages needs at least one image of each kind.");
  const count = asked ?? lefts;
  const rng = createRng(seed).fork("overlay");
  const partner = Int32Array.from({ length: count }, () => rng.int(rights));
  const source = nearestIndices(canvas, side);
  const area = side * side;
  const data = new Float32Array(count * area);
  const pixel = (images: Float32Array, row: number, column: number) =>
    row >= 0 && row < side && column >= 0 && column < side ? images[row * side + column] : 0;
  for (let n = 0; n < count; n++) {
    const own = left.images.data.subarray((n % lefts) * area, ((n % lefts) + 1) * area);
    const other = right.images.data.subarray(partner[n] * area, (partner[n] + 1) * area);
    let at = n * area;
    for (const row of source) {
      for (const column of source) {
        const value = Math.max(pixel(own, row, column), pixel(other, row - offset, column - offset));
        data[at++] = (value - mean) / deviation;
      }
    }
  }
  return {
    x: ndarray(data, [count, 1, side, side]),
    left: ndarray(
      BigInt64Array.from({ length: count }, (_, n) => left.labels.data[n % lefts]),
      [count],
    ),
    right: ndarray(BigInt64Array.from(Array.from(partner, (i) => right.labels.data[i])), [count]),
  };
}
