import { OptionError } from "../errors.js";
import { add } from "../graph/ops/arithmetic.js";
import { conv2d, convTranspose2d } from "../graph/ops/conv.js";
import { type Conv1dOptions, conv1d, conv1dOptions } from "../graph/ops/conv-1d.js";
import {
  type ConvOptions,
  type ConvTransposeOptions,
  convOptions,
  convTransposeOptions,
  type Pair,
  requireGroups,
  resolvePair,
} from "../graph/ops/conv-attributes.js";
import { reshape } from "../graph/ops/reshape.js";
import type { Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import type { Mt19937 } from "../math/mt19937.js";
import { requireKnown } from "../options.js";
import { initAffine } from "./initializers.js";
import type { InitOptions, WeightAndBias } from "./model.js";
import { requireParams } from "./params.js";

/**
 * `weight` [out, in / groups, height, width] ([in, out / groups, height, width] if transposed, [out, in / groups, kernel]
 * over sequences), `bias` [out].
 */
export interface ConvParams extends WeightAndBias {}

export interface InitConvOptions extends InitOptions {
  /** Default true. */
  readonly bias?: boolean | undefined;
  readonly groups?: number | undefined;
}

/** Checks channels, groups and kernel. */
function resolveInit(
  op: string,
  channels: readonly number[],
  kernel: Pair,
  options: InitConvOptions,
): [number, readonly [number, number]] {
  requireKnown(op, options, ["bias", "groups", "dtype"], `${op}(rng, 3, 16, 5, { bias: false })`);
  const { groups = 1 } = options;
  requireGroups(op, groups);
  if (channels.some((n) => n % groups !== 0)) {
    throw new OptionError(
      `${op}: groups must divide the channels, ${channels.join(" and ")}; got ${groups}.`,
    );
  }
  return [groups, resolvePair(op, "kernel", kernel, 1)];
}

/** Parameters of `torch.nn.Conv2d(inputs, outputs, kernel)`, bit for bit. */
export function initConv2d(
  rng: Mt19937,
  inputs: number,
  outputs: number,
  kernel: Pair,
  options: InitConvOptions = {},
): ConvParams {
  const [groups, size] = resolveInit("initConv2d", [inputs, outputs], kernel, options);
  return initAffine(rng, [outputs, inputs / groups, ...size], outputs, options);
}

/** Parameters of `torch.nn.Conv1d(inputs, outputs, kernel)`, bit for bit. */
export function initConv1d(
  rng: Mt19937,
  inputs: number,
  outputs: number,
  kernel: number,
  options: InitConvOptions = {},
): ConvParams {
  const [groups, [, size]] = resolveInit("initConv1d", [inputs, outputs], kernel, options);
  return initAffine(rng, [outputs, inputs / groups, size], outputs, options);
}

/** Parameters of `torch.nn.ConvTranspose2d(inputs, outputs, kernel)`, bit for bit. */
export function initConvTranspose2d(
  rng: Mt19937,
  inputs: number,
  outputs: number,
  kernel: Pair,
  options: InitConvOptions = {},
): ConvParams {
  const [groups, size] = resolveInit("initConvTranspose2d", [inputs, outputs], kernel, options);
  return initAffine(rng, [inputs, outputs / groups, ...size], outputs, options);
}

/** A convolution with the weights of parameters, plus their bias. */
function convolved(op: string, params: TensorsOf<ConvParams>, convolve: (weight: Tensor) => Tensor): Tensor {
  requireParams(op, params, ["weight"]);
  const { weight, bias } = params;
  const y = convolve(weight);
  return bias ? add(y, reshape(bias, [1, bias.size, ...y.shape.slice(2).map(() => 1)])) : y;
}

/**
 * Two-dimensional convolution with a bias for each output channel.
 *
 * @param x images [batch, in, height, width]
 * @param options `stride`, `padding`, `dilation`, `groups` as in {@link conv2d}
 *
 * @example
 * convLayer(x, { weight, bias }, { padding: 1 }); // [n, 3, 32, 32], [16, 3, 3, 3], [16] -> [n, 16, 32, 32]
 */
export function convLayer(x: Tensor, params: TensorsOf<ConvParams>, options: ConvOptions = {}): Tensor {
  requireKnown("convLayer", options, convOptions, "convLayer(x, params, { stride: 2, padding: 1 })");
  return convolved("convLayer", params, (weight) => conv2d(x, weight, options));
}

/**
 * One-dimensional convolution with a bias for each output channel.
 *
 * @param x sequences [batch, in, length]
 * @param options `stride`, `padding` (a number or [before, after]), `dilation`, `groups`
 *
 * @example
 * const params = initConv1d(torchGenerator(0), 3, 16, 5);
 * const f = (p, s) => conv1dLayer(s, p, { padding: 2 });
 * trace(f, [params, spec([8, 3, 100])]).graph.outputs[0].tensor.shape; // [8, 16, 100]
 */
export function conv1dLayer(x: Tensor, params: TensorsOf<ConvParams>, options: Conv1dOptions = {}): Tensor {
  requireKnown("conv1dLayer", options, conv1dOptions, "conv1dLayer(x, params, { stride: 2, padding: 1 })");
  return convolved("conv1dLayer", params, (weight) => conv1d(x, weight, options));
}

/**
 * Transposed convolution with a bias for each output channel.
 *
 * @param options as in {@link convTranspose2d}
 */
export function convTransposeLayer(
  x: Tensor,
  params: TensorsOf<ConvParams>,
  options: ConvTransposeOptions = {},
): Tensor {
  requireKnown(
    "convTransposeLayer",
    options,
    convTransposeOptions,
    "convTransposeLayer(x, params, { stride: 2 })",
  );
  return convolved("convTransposeLayer", params, (weight) => convTranspose2d(x, weight, options));
}
