import { type OptionsOf, oneOf, optionTable, share } from "../../options.js";
import type { Transform } from "../streams/mapped.js";
import { type ArrayOption, arrayRow, imageTransform } from "./images.js";

export interface FlipOptions extends ArrayOption, OptionsOf<typeof flipOptions> {}

const flipOptions = optionTable("randomFlip", {
  /** Left and right, or top and bottom; default horizontal. */
  direction: oneOf(["horizontal", "vertical"]).default("horizontal"),
  /** Fraction of the images that are flipped; default 0.5. */
  probability: share.default(0.5),
  ...arrayRow,
});

/**
 * Flips images [n, channels, height, width] at random.
 *
 * @throws OptionError for options out of range
 *
 * @example
 * const transform = randomFlip({ probability: 0.5 });
 */
export function randomFlip(options: FlipOptions = {}): Transform {
  const { direction, probability, array } = flipOptions.read(options);
  return imageTransform(
    "randomFlip",
    array,
    (rng) => rng.next() < probability,
    ({ height, width, from, to, start }, isFlipped) => {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const [v, u] = direction === "horizontal" ? [y, width - 1 - x] : [height - 1 - y, x];
          to[start + y * width + x] = from[start + (isFlipped ? v * width + u : y * width + x)];
        }
      }
    },
  );
}
