// After K. Simonyan and A. Zisserman, "Very deep convolutional networks", ICLR 2015,
// without the hidden linear layers.
import { integerFrom, listOf, type OptionsOf, optionTable } from "../../options.js";
import type { StatelessModel } from "../model.js";
import { type ConvnetParams, convnet } from "./convnet.js";

export interface Vgg6Options extends OptionsOf<typeof vgg6Options> {}

export const vgg6Options = optionTable("vgg6", {
  /** Channels of the images; default 3. */
  inputs: integerFrom(1).default(3),
  /** Height and width of the images; default [32, 32]. */
  imageSize: listOf(integerFrom(1), { length: 2 }).default([32, 32]),
  /** Default 10. */
  classes: integerFrom(1).default(10),
});

/**
 * Six convolutions in three stages (64, 64, pool, 128, 128, pool, 256, 256, pool) and a linear layer, for images
 * 3x32x32.
 *
 * @param options those of {@link convnet} except the stages
 */
export function vgg6(options: Vgg6Options = {}): StatelessModel<ConvnetParams> {
  return convnet({
    ...vgg6Options.read(options),
    stages: [
      [64, 64],
      [128, 128],
      [256, 256],
    ],
  });
}
