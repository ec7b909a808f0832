// Pooling indices shared by encoder and decoder: V. Badrinarayanan et al., "SegNet", TPAMI 39(12), 2017.

import type { Shape, StatelessModel, Tensor } from "isoloss";
import { integerFrom, listOf, type OptionsOf, optionTable, resolveInit } from "isoloss/internal";
import { type ConvParams, convLayer, initConv2d } from "isoloss/nn";
import { maxPool2d, maxPoolIndices2d, maxUnpool2d, relu } from "isoloss/ops";

export interface SegnetOptions extends OptionsOf<typeof segnetOptions> {}

const segnetOptions = optionTable("segnet", {
  /** Channels of the images; default 3. */
  inputs: integerFrom(1).default(3),
  /** Channels of the encoder's stages; default [32, 64, 128, 128]. */
  channels: listOf(integerFrom(1), { least: 1 }).default([32, 64, 128, 128]),
  /** Pixel classes; default 7. */
  classes: integerFrom(1).default(7),
});

export interface SegnetParams {
  readonly encoder: readonly ConvParams[];
  /** In the order of computation: the last stage first. */
  readonly decoder: readonly ConvParams[];
  readonly classes: ConvParams;
  readonly depth: ConvParams;
}

/** The outputs of the two heads. */
export interface SegnetOutput {
  /** Logits [batch, classes, height, width]. */
  readonly classes: Tensor;
  /** [batch, 1, height, width] */
  readonly depth: Tensor;
}

/**
 * Encoder and decoder with two heads on shared features: class and depth of each pixel.
 *
 * Encoder stage: convolution 3x3, ReLU, max-pooling 2, whose indices are kept. Decoder, last stage first: max-unpooling
 * with the stage's indices, convolution 3x3, ReLU. Each head is a convolution 3x3. Paddings are 1.
 *
 * Images [batch, inputs, height, width]; pooling crops sides that 2^stages does not divide, and unpooling
 * restores them.
 *
 * @example
 * const { classes, depth } = segnet().apply(params, x).output;
 * const loss = add(crossEntropy(classes, labels, { axis: 1 }), l1Loss(depth, distances));
 */
export function segnet(options: SegnetOptions = {}): StatelessModel<SegnetParams, SegnetOutput> {
  const { inputs, channels, classes } = segnetOptions.read(options);
  const down = [inputs, ...channels];
  const up = [...channels].reverse().concat(channels[0]);
  return {
    init(rng, initOptions = {}) {
      const { dtype } = resolveInit("segnet", initOptions);
      const conv = (from: number, to: number): ConvParams => initConv2d(rng, from, to, 3, { dtype });
      const chain = (widths: readonly number[]) => widths.slice(1).map((to, k) => conv(widths[k], to));
      const [encoder, decoder] = [chain(down), chain(up)];
      return {
        params: { encoder, decoder, classes: conv(channels[0], classes), depth: conv(channels[0], 1) },
        state: {},
      };
    },
    apply(params, x) {
      const conv = (h: Tensor, p: typeof params.classes): Tensor => convLayer(h, p, { padding: 1 });
      const stages: { shape: Shape; indices: Tensor }[] = [];
      let h = x;
      for (const p of params.encoder) {
        const convolved = conv(h, p);
        // For the indices ReLU stays before pooling: it makes the elements of a window without positive
        // elements tie.
        const indices = maxPoolIndices2d(relu(convolved), { kernel: 2 });
        stages.push({ shape: convolved.shape, indices });
        // For the values it commutes with max-pooling, and works on fewer elements after it.
        h = relu(maxPool2d(convolved, { kernel: 2 }));
      }
      params.decoder.forEach((p, k) => {
        const { shape, indices } = stages[stages.length - 1 - k];
        h = relu(conv(maxUnpool2d(h, indices, shape), p));
      });
      return { output: { classes: conv(h, params.classes), depth: conv(h, params.depth) }, state: {} };
    },
  };
}
