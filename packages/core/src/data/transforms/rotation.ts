import { number, type OptionsOf, optionTable } from "../../options.js";
import type { Transform } from "../streams/mapped.js";
import { type ArrayOption, arrayRow, imageTransform } from "./images.js";

export interface RotationOptions extends ArrayOption, OptionsOf<typeof rotationOptions> {}

const rotationOptions = optionTable("randomRotation", {
  /** Largest angle in degrees, in either direction. */
  degrees: number({ above: 0, max: 180 }).required(),
  ...arrayRow,
});

/**
 * Rotates images [n, channels, height, width] about their centers, by angles that are uniform in [-degrees, degrees]. A pixel is the bilinear mean of
 * the four around the place from which it comes; outside of the image are zeros.
 *
 * @throws OptionError for options out of range
 *
 * @example
 * const transform = randomRotation({ degrees: 15 });
 */
export function randomRotation(options: RotationOptions): Transform {
  const { degrees, array } = rotationOptions.read(options);
  return imageTransform(
    "randomRotation",
    array,
    (rng) => ((2 * rng.next() - 1) * degrees * Math.PI) / 180,
    ({ height, width, from, to, start }, angle) => {
      const [cos, sin, cy, cx] = [Math.cos(angle), Math.sin(angle), (height - 1) / 2, (width - 1) / 2];
      const at = (v: number, u: number) =>
        v >= 0 && v < height && u >= 0 && u < width ? Number(from[start + v * width + u]) : 0;
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const v = cy + cos * (y - cy) - sin * (x - cx);
          const u = cx + sin * (y - cy) + cos * (x - cx);
          const [top, left] = [Math.floor(v), Math.floor(u)];
          const [b, r] = [v - top, u - left];
          to[start + y * width + x] =
            (1 - b) * ((1 - r) * at(top, left) + r * at(top, left + 1)) +
            b * ((1 - r) * at(top + 1, left) + r * at(top + 1, left + 1));
        }
      }
    },
  );
}
