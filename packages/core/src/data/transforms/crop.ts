import { integerFrom, type OptionsOf, optionTable } from "../../options.js";
import type { Transform } from "../streams/mapped.js";
import { type ArrayOption, arrayRow, imageTransform } from "./images.js";

export interface CropOptions extends ArrayOption, OptionsOf<typeof cropOptions> {}

const cropOptions = optionTable("randomCrop", {
  /** Pixels of zeros around the image, from which a part of its size is cut. */
  padding: integerFrom(1).required(),
  ...arrayRow,
});

/**
 * Pads images [n, channels, height, width] with zeros, and cuts a part of their size out at random: each moves by at most `padding`
 * pixels up or down, and left or right.
 *
 * @throws OptionError for options out of range
 *
 * @example
 * const transform = randomCrop({ padding: 4 });
 */
export function randomCrop(options: CropOptions): Transform {
  const { padding, array } = cropOptions.read(options);
  return imageTransform(
    "randomCrop",
    array,
    (rng) => [rng.int(2 * padding + 1) - padding, rng.int(2 * padding + 1) - padding] as const,
    ({ height, width, from, to, start }, [dy, dx]) => {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const [v, u] = [y + dy, x + dx];
          const isInside = v >= 0 && v < height && u >= 0 && u < width;
          if (isInside) to[start + y * width + x] = from[start + v * width + u];
        }
      }
    },
  );
}
