// Y. LeCun et al., "Gradient-based learning applied to document recognition", Proc. IEEE 86(11), 1998,
// with ReLU and max-pooling.

import { relu } from "../../graph/ops/activation.js";
import { maxPool2d } from "../../graph/ops/pool.js";
import { flattenFrom } from "../../graph/ops/reshape.js";
import type { Tensor } from "../../graph/tensor.js";
import { integerFrom, listOf, type OptionsOf, optionTable } from "../../options.js";
import { type ConvParams, convLayer, initConv2d } from "../conv.js";
import { initLinear, type LinearParams, linear } from "../linear.js";
import { resolveInit, type StatelessModel } from "../model.js";
import { pooledSize } from "./image-size.js";

export interface LenetOptions extends OptionsOf<typeof lenetOptions> {}

export const lenetOptions = optionTable("lenet", {
  /** Channels of the images; default 1. */
  inputs: integerFrom(1).default(1),
  /** Height and width of the images; default [28, 28]. */
  imageSize: listOf(integerFrom(1), { length: 2 }).default([28, 28]),
  /** Channels of the two convolutions; default [6, 16]. */
  channels: listOf(integerFrom(1), { length: 2 }).default([6, 16]),
  /** Widths of the hidden linear layers; default [120, 84]. */
  hidden: listOf(integerFrom(1)).default([120, 84]),
  /** Default 10. */
  classes: integerFrom(1).default(10),
});

export interface LenetParams {
  readonly conv1: ConvParams;
  readonly conv2: ConvParams;
  readonly fc: readonly LinearParams[];
}

/**
 * LeNet: twice (convolution 5x5, ReLU, max-pooling 2), then linear layers with ReLU between them.
 *
 * @example
 * lenet({ channels: [10, 20], hidden: [50] }); // the trunk and head of the MultiMNIST experiments
 */
export function lenet(options: LenetOptions = {}): StatelessModel<LenetParams> {
  const { inputs, imageSize, channels, hidden, classes } = lenetOptions.read(options);
  const [height, width] = pooledSize("lenet", imageSize, 2, (n) => n - 4);
  const sizes = [channels[1] * height * width, ...hidden, classes];
  return {
    init(rng, initOptions = {}) {
      const { dtype } = resolveInit("lenet", initOptions);
      const conv1 = initConv2d(rng, inputs, channels[0], 5, { dtype });
      const conv2 = initConv2d(rng, channels[0], channels[1], 5, { dtype });
      const fc = sizes.slice(1).map((outputs, k) => initLinear(rng, sizes[k], outputs, { dtype }));
      return { params: { conv1, conv2, fc }, state: {} };
    },
    apply({ conv1, conv2, fc }, x) {
      // ReLU commutes with max-pooling, and works on fewer elements after it.
      const block = (h: Tensor, conv: typeof conv1) => relu(maxPool2d(convLayer(h, conv), { kernel: 2 }));
      const features = flattenFrom(block(block(x, conv1), conv2), 1);
      const output = fc.reduce<Tensor>((h, layer, k) => linear(k === 0 ? h : relu(h), layer), features);
      return { output, state: {} };
    },
  };
}
