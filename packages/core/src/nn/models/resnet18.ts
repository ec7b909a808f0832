// K. He et al., "Deep residual learning for image recognition", CVPR 2016, table 1;
// names and initial values as in torchvision.

import { relu } from "../../graph/ops/activation.js";
import { add } from "../../graph/ops/arithmetic.js";
import { maxPool2d } from "../../graph/ops/pool.js";
import { mean } from "../../graph/ops/reduce.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import type { Mt19937 } from "../../math/mt19937.js";
import { integerFrom, type OptionsOf, oneOf, optionTable } from "../../options.js";
import { type ConvParams, convLayer, initConv2d } from "../conv.js";
import { initLinear, type LinearParams, linear } from "../linear.js";
import { type InitOptions, type Model, type Output, resolveInit } from "../model.js";
import { type BatchNormState, batchNorm, initBatchNorm, type NormParams } from "../norm.js";
import { redrawnConvs } from "./redrawn-convs.js";

export interface Resnet18Options extends OptionsOf<typeof resnet18Options> {}

export const resnet18Options = optionTable("resnet18", {
  /** Channels of the images; default 3. */
  inputs: integerFrom(1).default(3),
  /** Default 10. */
  classes: integerFrom(1).default(10),
  /** `cifar` (default): convolution 3x3. `imagenet`: convolution 7x7 and max-pooling 3x3, both with stride 2. */
  stem: oneOf(["cifar", "imagenet"]).default("cifar"),
  /** Channels of the first stage; each later one has twice as many. Default 64. */
  width: integerFrom(1).default(64),
});

export interface ResidualBlockParams {
  readonly conv1: ConvParams;
  readonly bn1: NormParams;
  readonly conv2: ConvParams;
  readonly bn2: NormParams;
  /** Convolution 1x1 and batch norm of the shortcut, if the shape changes. */
  readonly downsample?: readonly [ConvParams, NormParams];
}

export interface ResidualBlockState {
  readonly bn1: BatchNormState;
  readonly bn2: BatchNormState;
  readonly downsample?: { readonly 1: BatchNormState } | undefined;
}

const stageNames = ["layer1", "layer2", "layer3", "layer4"] as const;
type Stages<B> = { readonly [name in (typeof stageNames)[number]]: readonly B[] };

export interface Resnet18Params extends Stages<ResidualBlockParams> {
  readonly conv1: ConvParams;
  readonly bn1: NormParams;
  readonly fc: LinearParams;
}

export interface Resnet18State extends Stages<ResidualBlockState> {
  readonly bn1: BatchNormState;
}

/**
 * ResNet-18: a stem, four stages of two basic blocks with 64, 128, 256, 512 channels, global average pooling and a
 * linear layer. Parameters and state carry torchvision's names.
 *
 * `stem`: `cifar` for small images, `imagenet` for torchvision's network.
 *
 * @example
 * const model = resnet18();
 * const { params, state } = model.init(torchGenerator(0));
 * const apply = (p, s, x) => model.apply(p, x, { state: s, training: true }); // { output, state }
 * const { graph } = trace(apply, [params, state, spec([2, 3, 32, 32])]);
 */
export function resnet18(options: Resnet18Options = {}): Model<Resnet18Params, Resnet18State> {
  const { inputs, classes, stem, width } = resnet18Options.read(options);
  return {
    init: (rng, initOptions = {}) =>
      init(
        rng,
        { inputs, classes, kernel: stem === "cifar" ? 3 : 7, width },
        resolveInit("resnet18", initOptions),
      ),
    apply(params, x, { state, training = false }) {
      const features = resnet18Features(params, x, { state, training, stem });
      return { output: linear(features.output, params.fc), state: features.state };
    },
  };
}

/** The trunk's parameters: all but the linear layer. */
export type Resnet18TrunkParams = Omit<Resnet18Params, "fc">;

/** What the linear layer reads: the means over the pixels of the last stage, [batch, 8 width]. */
export function resnet18Features(
  params: TensorsOf<Resnet18TrunkParams>,
  x: Tensor,
  {
    state,
    training,
    stem,
  }: {
    readonly state: TensorsOf<Resnet18State>;
    readonly training: boolean;
    readonly stem: "cifar" | "imagenet";
  },
): Output<Resnet18State> {
  const next = { ...state };
  const convolved = convLayer(x, params.conv1, stem === "cifar" ? { padding: 1 } : { stride: 2, padding: 3 });
  const first = batchNorm(convolved, params.bn1, state.bn1, { training });
  next.bn1 = first.state;
  // ReLU commutes with max-pooling, and works on fewer elements after it.
  const pooled =
    stem === "imagenet" ? maxPool2d(first.output, { kernel: 3, stride: 2, padding: 1 }) : first.output;
  let h = relu(pooled);
  for (const name of stageNames) {
    next[name] = params[name].map((block, k) => {
      const stride = k === 0 && name !== "layer1" ? 2 : 1;
      const result = applyBlock(h, block, state[name][k], stride, training);
      h = result.output;
      return result.state;
    });
  }
  return { output: mean(h, { axes: [2, 3] }), state: next };
}

function applyBlock(
  x: Tensor,
  params: TensorsOf<ResidualBlockParams>,
  state: TensorsOf<ResidualBlockState>,
  stride: number,
  training: boolean,
): { output: Tensor; state: TensorsOf<ResidualBlockState> } {
  const first = batchNorm(convLayer(x, params.conv1, { stride, padding: 1 }), params.bn1, state.bn1, {
    training,
  });
  const inner = convLayer(relu(first.output), params.conv2, { padding: 1 });
  const second = batchNorm(inner, params.bn2, state.bn2, { training });
  const next = { bn1: first.state, bn2: second.state };
  if (!params.downsample || !state.downsample) return { output: relu(add(second.output, x)), state: next };
  const [conv, bn] = params.downsample;
  const shortcut = batchNorm(convLayer(x, conv, { stride }), bn, state.downsample[1], { training });
  return {
    output: relu(add(second.output, shortcut.output)),
    state: { ...next, downsample: { 1: shortcut.state } },
  };
}

interface Sizes {
  readonly inputs: number;
  readonly classes: number;
  readonly kernel: number;
  readonly width: number;
}

/**
 * torchvision draws PyTorch's defaults for all layers and then redraws the convolutions with variance
 * 2 / (outputs * kernel). This does the same, so that the same seed gives the same network.
 */
function init(
  rng: Mt19937,
  { inputs, classes, kernel, width }: Sizes,
  options: InitOptions,
): { params: Resnet18Params; state: Resnet18State } {
  const conv = (from: number, to: number, size: number) =>
    initConv2d(rng, from, to, size, { ...options, bias: false });
  const norm = (channels: number) => initBatchNorm(channels, options);
  const block = (from: number, to: number): { params: ResidualBlockParams; state: ResidualBlockState } => {
    const [bn1, bn2] = [norm(to), norm(to)];
    const params = { conv1: conv(from, to, 3), bn1: bn1.params, conv2: conv(to, to, 3), bn2: bn2.params };
    const state = { bn1: bn1.state, bn2: bn2.state };
    if (from === to) return { params, state };
    const bn = norm(to);
    return {
      params: { ...params, downsample: [conv(from, to, 1), bn.params] },
      state: { ...state, downsample: { 1: bn.state } },
    };
  };
  const stage = (k: number) => {
    const to = width * 2 ** k;
    const blocks = [block(k === 0 ? to : to / 2, to), block(to, to)];
    return { params: blocks.map((b) => b.params), state: blocks.map((b) => b.state) };
  };
  const conv1 = conv(inputs, width, kernel);
  const bn1 = norm(width);
  const [layer1, layer2, layer3, layer4] = [0, 1, 2, 3].map(stage);
  const params: Resnet18Params = {
    conv1,
    bn1: bn1.params,
    layer1: layer1.params,
    layer2: layer2.params,
    layer3: layer3.params,
    layer4: layer4.params,
    fc: initLinear(rng, 8 * width, classes, options),
  };
  return {
    params: redrawnConvs(rng, params, { ...options, mode: "fanOut" }),
    state: {
      bn1: bn1.state,
      layer1: layer1.state,
      layer2: layer2.state,
      layer3: layer3.state,
      layer4: layer4.state,
    },
  };
}
