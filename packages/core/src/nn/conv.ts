import { add } from "../graph/ops/arithmetic.js";
import { conv2d, convTranspose2d, type Pair, type WindowOptions } from "../graph/ops/conv.js";
import { reshape } from "../graph/ops/reshape.js";
import type { Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import type { Mt19937 } from "../math/mt19937.js";
import { initAffine } from "./initialisers.js";
import type { InitOptions, WeightAndBias } from "./model.js";

/** `weight` [out, in / groups, height, width] ([in, out / groups, height, width] if transposed), `bias` [out]. */
export interface ConvParams extends WeightAndBias {}

export interface InitConvOptions extends InitOptions {
  /** Default true. */
  readonly bias?: boolean;
  readonly groups?: number;
}

const kernelOf = (kernel: Pair): readonly [number, number] =>
  typeof kernel === "number" ? [kernel, kernel] : kernel;

/** Parameters of `torch.nn.Conv2d(inputs, outputs, kernel)`, bit for bit. */
export function initConv2d(
  rng: Mt19937,
  inputs: number,
  outputs: number,
  kernel: Pair,
  { groups = 1, ...options }: InitConvOptions = {},
): ConvParams {
  return initAffine(rng, [outputs, inputs / groups, ...kernelOf(kernel)], outputs, options);
}

/** Parameters of `torch.nn.ConvTranspose2d(inputs, outputs, kernel)`, bit for bit. */
export function initConvTranspose2d(
  rng: Mt19937,
  inputs: number,
  outputs: number,
  kernel: Pair,
  { groups = 1, ...options }: InitConvOptions = {},
): ConvParams {
  return initAffine(rng, [inputs, outputs / groups, ...kernelOf(kernel)], outputs, options);
}

const withBias = (y: Tensor, bias: Tensor | undefined): Tensor =>
  bias ? add(y, reshape(bias, [1, bias.size, 1, 1])) : y;

/**
 * Two-dimensional convolution with a bias for each output channel.
 *
 * @param x images [batch, in, height, width]
 * @param options `stride`, `padding`, `dilation`, `groups` as in {@link conv2d}
 *
 * @example
 * convLayer(x, { weight, bias }, { padding: 1 }); // [n, 3, 32, 32], [16, 3, 3, 3], [16] -> [n, 16, 32, 32]
 */
export function convLayer(
  x: Tensor,
  { weight, bias }: TensorsOf<ConvParams>,
  options: WindowOptions & { groups?: number } = {},
): Tensor {
  return withBias(conv2d(x, weight, options), bias);
}

/**
 * Transposed convolution with a bias for each output channel.
 *
 * @param options as in {@link convTranspose2d}
 */
export function convTransposeLayer(
  x: Tensor,
  { weight, bias }: TensorsOf<ConvParams>,
  options: WindowOptions & { groups?: number; outputPadding?: Pair } = {},
): Tensor {
  return withBias(convTranspose2d(x, weight, options), bias);
}
