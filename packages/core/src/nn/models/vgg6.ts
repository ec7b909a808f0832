// After K. Simonyan and A. Zisserman, "Very deep convolutional networks", ICLR 2015,
// without the hidden linear layers.
import { integerFrom, listOf } from "../../option-kinds.js";
import { type OptionRows, optionTable } from "../../options.js";
import type { StatelessModel } from "../model.js";
import { type ConvnetParams, convnet } from "./convnet.js";

export interface Vgg6Options {
  /** Channels of the images; default 3. */
  readonly inputs?: number | undefined;
  /** Height and width of the images; default [32, 32]. */
  readonly imageSize?: readonly [number, number] | undefined;
  /** Default 10. */
  readonly classes?: number | undefined;
}

export const vgg6Options = optionTable("vgg6", {
  inputs: integerFrom(1).default(3),
  imageSize: listOf(integerFrom(1), { length: 2 }).default([32, 32]),
  classes: integerFrom(1).default(10),
} satisfies OptionRows<Vgg6Options>);

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
