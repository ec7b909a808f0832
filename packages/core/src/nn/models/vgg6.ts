// In the manner of K. Simonyan and A. Zisserman, "Very deep convolutional networks", ICLR 2015,
// without the hidden linear layers.
import type { StatelessModel } from "../model.js";
import { type ConvnetOptions, type ConvnetParams, convnet } from "./convnet.js";

/**
 * Six convolutions in three stages (64, 64, pool, 128, 128, pool, 256, 256, pool) and a linear layer, for images
 * 3x32x32.
 *
 * @param options those of {@link convnet} but the stages
 */
export function vgg6(options: Omit<ConvnetOptions, "stages"> = {}): StatelessModel<ConvnetParams> {
  return convnet({
    inputs: 3,
    imageSize: [32, 32],
    ...options,
    stages: [
      [64, 64],
      [128, 128],
      [256, 256],
    ],
  });
}
