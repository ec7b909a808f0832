// T. DeVries, G. W. Taylor, "Improved regularization of convolutional neural networks with cutout", arXiv:1708.04552.
import { integerFrom, type OptionsOf, optionTable } from "../../options.js";
import type { Transform } from "../streams/mapped.js";
import { type ArrayOption, arrayRow, imageTransform } from "./images.js";

export interface CutoutOptions extends ArrayOption, OptionsOf<typeof cutoutOptions> {}

const cutoutOptions = optionTable("cutout", {
  /** Side of the square in pixels. */
  size: integerFrom(1).required(),
  ...arrayRow,
});

/**
 * Sets a square of each image [n, channels, height, width] to zero. Its center is any pixel, so that a part of it may be outside.
 *
 * @throws OptionError for options out of range
 *
 * @example
 * const transform = cutout({ size: 8 });
 */
export function cutout(options: CutoutOptions): Transform {
  const { size, array } = cutoutOptions.read(options);
  return imageTransform(
    "cutout",
    array,
    (rng, { height, width }) => [rng.int(height), rng.int(width)].map((c) => c - Math.floor(size / 2)),
    ({ height, width, from, to, start }, [top, left]) => {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const isCut = y >= top && y < top + size && x >= left && x < left + size;
          if (!isCut) to[start + y * width + x] = from[start + y * width + x];
        }
      }
    },
  );
}
