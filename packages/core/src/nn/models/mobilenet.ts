// M. Sandler et al., "MobileNetV2", CVPR 2018, table 2, for small images; with separable blocks A. G. Howard et al., arXiv
// 1704.04861, table 1.
import { mean } from "../../graph/ops/reduce.js";
import type { TensorsOf } from "../../graph/trace.js";
import type { Mt19937 } from "../../math/mt19937.js";
import { integerFrom, listOf, type OptionsOf, oneOf, optionTable } from "../../options.js";
import {
  type ConvNormParams,
  type ConvNormState,
  convNorm,
  convNormKind,
  type Initial,
  initConvNorm,
} from "../conv-norm.js";
import {
  type InvertedResidualParams,
  type InvertedResidualState,
  initInvertedResidual,
  invertedResidual,
} from "../depthwise.js";
import { initLinear, type LinearParams, linear } from "../linear.js";
import { type InitOptions, type Model, resolveInit } from "../model.js";
import { redrawnConvs } from "./redrawn-convs.js";

export interface MobilenetOptions extends OptionsOf<typeof mobilenetOptions> {}

export const mobilenetOptions = optionTable("mobilenet", {
  /** Channels of the images; default 1. */
  inputs: integerFrom(1).default(1),
  /** Channels of the first convolution; default 16. */
  stem: integerFrom(1).default(16),
  /** Stride of the first convolution; default 1. */
  stemStride: integerFrom(1).default(1),
  /**
   * Channels that the blocks of each stage put out; the first block of each stage but the first halves the image. Default
   * [[16], [24, 24], [32, 32]].
   */
  stages: listOf(listOf(integerFrom(1), { least: 1 }), { least: 1 }).default([[16], [24, 24], [32, 32]]),
  /** Inner channels of a block for each of its inputs; 1: blocks of two convolutions. Default 6. */
  expansion: integerFrom(1).default(6),
  /** Channels of the last convolution, of 1 x 1, before the mean over pixels; default 128. */
  head: integerFrom(1).default(128),
  /** Default `relu6`. */
  activation: oneOf(["relu", "relu6"]).default("relu6"),
  /** Batch norm after each convolution (default `batch`), or biases (`none`). */
  norm: convNormKind.default("batch"),
  /** Default 10. */
  classes: integerFrom(1).default(10),
});

export interface MobilenetParams {
  readonly stem: ConvNormParams;
  /** All blocks in order. */
  readonly blocks: readonly InvertedResidualParams[];
  readonly head: ConvNormParams;
  readonly linear: LinearParams;
}

export interface MobilenetState {
  readonly stem: ConvNormState;
  readonly blocks: readonly InvertedResidualState[];
  readonly head: ConvNormState;
}

type Settings = Required<{ [K in keyof MobilenetOptions]: NonNullable<MobilenetOptions[K]> }>;

/**
 * MobileNetV2 for small images: a convolution 3x3, stages of inverted residual blocks, a convolution 1x1, the mean over
 * pixels and a linear layer. Weights of convolutions begin as He's normal numbers by inputs, so that it trains without
 * norms, too.
 *
 * @throws OptionError for an unknown option or a value out of its range
 *
 * @example
 * const model = mobilenet({ stages: [[16], [24]], expansion: 4, activation: "relu" });
 * const { params, state } = model.init(torchGenerator(0));
 * const apply = (p, s, x) => model.apply(p, x, { state: s, training: true }); // { output, state }
 * const { graph } = trace(apply, [params, state, spec([2, 1, 28, 28])]);
 */
export function mobilenet(options: MobilenetOptions = {}): Model<MobilenetParams, MobilenetState> {
  const settings = mobilenetOptions.read(options);
  const { stages, stemStride, activation } = settings;
  const strides = stages.flatMap((blocks, stage) => blocks.map((_, k) => (stage > 0 && k === 0 ? 2 : 1)));
  return {
    init: (rng, initOptions = {}) => init(rng, settings, resolveInit("mobilenet", initOptions)),
    apply(params, x, { state, training = false }) {
      const shared = { activation, training };
      const first = convNorm(x, params.stem, state.stem, { ...shared, stride: stemStride });
      let h = first.output;
      const blocks: TensorsOf<InvertedResidualState>[] = params.blocks.map((block, k) => {
        const result = invertedResidual(h, block, state.blocks[k], { ...shared, stride: strides[k] });
        h = result.output;
        return result.state;
      });
      const last = convNorm(h, params.head, state.head, shared);
      return {
        output: linear(mean(last.output, { axes: [2, 3] }), params.linear),
        state: { stem: first.state, blocks, head: last.state },
      };
    },
  };
}

function init(
  rng: Mt19937,
  { inputs, stem: width, stages, expansion, head: features, norm, classes }: Settings,
  options: InitOptions,
): Initial<MobilenetParams, MobilenetState> {
  const sizes = [width, ...stages.flat()];
  const own = { ...options, norm };
  const stem = initConvNorm(rng, inputs, width, 3, own);
  const blocks = sizes
    .slice(1)
    .map((outputs, k) => initInvertedResidual(rng, sizes[k], outputs, { ...own, expansion }));
  const head = initConvNorm(rng, sizes.at(-1) as number, features, 1, own);
  const params = {
    stem: stem.params,
    blocks: blocks.map((block) => block.params),
    head: head.params,
    linear: initLinear(rng, features, classes, options),
  };
  return {
    params: redrawnConvs(rng, params, { ...options, mode: "fanIn" }),
    state: { stem: stem.state, blocks: blocks.map((block) => block.state), head: head.state },
  };
}
