// O. Ronneberger et al., "U-Net", MICCAI 2015, with padding in its convolutions and optional batch norm.
import { ShapeError } from "../../errors.js";
import { maxPool2d } from "../../graph/ops/pool.js";
import { concat } from "../../graph/ops/slice.js";
import { formatShape, type Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import { integerFrom, listOf, type OptionsOf, optionTable } from "../../options.js";
import { type ConvParams, convLayer, convTransposeLayer, initConv2d, initConvTranspose2d } from "../conv.js";
import {
  type Carried,
  type ConvNormParams,
  type ConvNormState,
  convNorm,
  convNormKind,
  initConvNorm,
} from "../conv-norm.js";
import { type Model, resolveInit } from "../model.js";

export interface UnetOptions extends OptionsOf<typeof unetOptions> {}

const unetOptions = optionTable("unet", {
  /** Channels of the images; default 1. */
  inputs: integerFrom(1).default(1),
  /** Channels of each level; the images halve from one to the next. Default [16, 32, 64]. */
  channels: listOf(integerFrom(1), { least: 1 }).default([16, 32, 64]),
  /** Batch norm after each convolution of 3 x 3 (default `batch`), or biases (`none`). */
  norm: convNormKind.default("batch"),
  /** Classes of a pixel; default 2. */
  classes: integerFrom(1).default(2),
});

/** Two convolutions of 3 x 3. */
export type UnetPair<T> = readonly [T, T];

export interface UnetParams {
  /** One pair a level, from the whole image down. */
  readonly encoder: readonly UnetPair<ConvNormParams>[];
  /** From the smallest images up: the transposed convolution that doubles them, and the pair after it. */
  readonly decoder: readonly { readonly up: ConvParams; readonly pair: UnetPair<ConvNormParams> }[];
  readonly head: ConvParams;
}

/** Running statistics, if the network has batch norm. */
export interface UnetState {
  readonly encoder: readonly UnetPair<ConvNormState>[];
  readonly decoder: readonly UnetPair<ConvNormState>[];
}

/**
 * Network for classes of pixels: at each level two convolutions of 3 x 3 with ReLU, then max-pooling by 2; on the way back
 * up a transposed convolution of 2 x 2 doubles the image, that of the same level from the way down is put beside it, and two
 * convolutions follow. Last comes a convolution of 1 x 1.
 *
 * Images [batch, inputs, height, width], whose sides 2^(levels - 1) must divide; outputs [batch, classes, height, width].
 *
 * @throws OptionError for an unknown option or a value out of its range; ShapeError for other images
 *
 * @example
 * const model = unet({ channels: [8, 16] });
 * const { params, state } = model.init(torchGenerator(0));
 * const apply = (p, s, x) => model.apply(p, x, { state: s }).output;
 * trace(apply, [params, state, spec([1, 1, 8, 8])]).graph.outputs[0].tensor.shape; // [1, 2, 8, 8]
 */
export function unet(options: UnetOptions = {}): Model<UnetParams, UnetState> {
  const { inputs, channels, norm, classes } = unetOptions.read(options);
  const least = 2 ** (channels.length - 1);
  return {
    init(rng, initOptions = {}) {
      const { dtype } = resolveInit("unet", initOptions);
      const pair = (from: number, to: number) => {
        const both = [from, to].map((n) => initConvNorm(rng, n, to, 3, { norm, dtype }));
        return {
          params: both.map(({ params }) => params) as unknown as UnetPair<ConvNormParams>,
          state: both.map(({ state }) => state) as unknown as UnetPair<ConvNormState>,
        };
      };
      const encoder = channels.map((n, k) => pair(k === 0 ? inputs : channels[k - 1], n));
      const decoder = channels.slice(1).map((_, k) => {
        const [from, to] = [channels[channels.length - 1 - k], channels[channels.length - 2 - k]];
        const up = initConvTranspose2d(rng, from, to, 2, { dtype });
        return { up, ...pair(2 * to, to) };
      });
      const head = initConv2d(rng, channels[0], classes, 1, { dtype });
      return {
        params: {
          encoder: encoder.map(({ params }) => params),
          decoder: decoder.map(({ up, params }) => ({ up, pair: params })),
          head,
        },
        state: { encoder: encoder.map(({ state }) => state), decoder: decoder.map(({ state }) => state) },
      };
    },
    apply(params, x, { state, training = false }) {
      if (x.rank !== 4 || x.shape.slice(2).some((n) => n % least !== 0)) {
        throw new ShapeError(
          `unet: takes images [batch, ${inputs}, height, width] whose sides ${least} divides; got ${formatShape(x.shape)}.`,
        );
      }
      const down: Tensor[] = [];
      const encoder = params.encoder.map((pair, level) => {
        const h = level === 0 ? x : maxPool2d(down[level - 1], { kernel: 2 });
        const result = applyPair(h, pair, state.encoder[level], training);
        down.push(result.output);
        return result.state;
      });
      let h = down[down.length - 1];
      const decoder = params.decoder.map(({ up, pair }, k) => {
        const beside = down[down.length - 2 - k];
        const both = concat([beside, convTransposeLayer(h, up, { stride: 2 })], { axis: 1 });
        const result = applyPair(both, pair, state.decoder[k], training);
        h = result.output;
        return result.state;
      });
      return { output: convLayer(h, params.head), state: { encoder, decoder } };
    },
  };
}

function applyPair(
  x: Tensor,
  [p, q]: TensorsOf<UnetPair<ConvNormParams>>,
  [s, t]: TensorsOf<UnetPair<ConvNormState>>,
  training: boolean,
): Carried<UnetPair<ConvNormState>> {
  const first = convNorm(x, p, s, { training });
  const second = convNorm(first.output, q, t, { training });
  return { output: second.output, state: [first.state, second.state] };
}
