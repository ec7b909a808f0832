import { type NdArray, ndarray } from "../../array.js";
import type { Image } from "./image.js";

/**
 * The channels of an image as rows of pixels, [channels, height * width]; gray of color by the weights of ITU-R BT.601, color of
 * gray by three equal channels.
 *
 * @example
 * planesOf({ width: 2, height: 1, channels: 1, pixels: Float32Array.of(0, 1) }, 3).shape; // [3, 2]
 */
export function planesOf(
  { pixels, channels: own, width, height }: Image,
  channels: 1 | 3,
): NdArray<Float32Array> {
  const area = width * height;
  const planes = new Float32Array(channels * area);
  for (let i = 0; i < planes.length; i++) {
    const [c, at] = [Math.floor(i / area), (i % area) * own];
    if (own === 1) planes[i] = pixels[at];
    else if (channels === 3) planes[i] = pixels[at + c];
    else planes[i] = 0.299 * pixels[at] + 0.587 * pixels[at + 1] + 0.114 * pixels[at + 2];
  }
  return ndarray(planes, [channels, area]);
}
