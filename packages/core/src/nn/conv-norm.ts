import { describeValue, OptionError } from "../errors.js";
import type { Pair } from "../graph/ops/conv-attributes.js";
import type { Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import type { Mt19937 } from "../math/mt19937.js";
import { oneOf, requireFlags, requireKnown } from "../options.js";
import { type Activation, activation as activationOf } from "./activation.js";
import { type ConvParams, convLayer, initConv2d } from "./conv.js";
import type { InitOptions } from "./model.js";
import { type BatchNormState, batchNorm, initBatchNorm, type NormParams } from "./norm.js";

/** Normalizations that a block of convolutions may have. */
export type ConvNormKind = "batch" | "none";

/** The kind of the option `norm` of networks. */
export const convNormKind = oneOf<ConvNormKind>(["batch", "none"]);

/** A convolution: with the norm without a bias, without it with one. */
export interface ConvNormParams {
  readonly conv: ConvParams;
  readonly norm?: NormParams | undefined;
}

export interface ConvNormState {
  readonly norm?: BatchNormState | undefined;
}

export interface InitConvNormOptions extends InitOptions {
  /** Default `batch`. */
  readonly norm?: ConvNormKind | undefined;
  /** Groups of channels of the convolution; default 1. */
  readonly groups?: number | undefined;
}

/** Parameters with the state that a layer carries from step to step. */
export interface Initial<P, S> {
  readonly params: P;
  readonly state: S;
}

/**
 * Parameters and state of {@link convNorm}: the convolution as in PyTorch, and a batch norm with scale 1, shift 0.
 *
 * @throws OptionError for another norm, or groups that do not divide the channels
 */
export function initConvNorm(
  rng: Mt19937,
  inputs: number,
  outputs: number,
  kernel: Pair,
  options: InitConvNormOptions = {},
): Initial<ConvNormParams, ConvNormState> {
  requireKnown(
    "initConvNorm",
    options,
    ["norm", "groups", "dtype"],
    'initConvNorm(rng, 3, 16, 3, { norm: "none" })',
  );
  const { norm = "batch", groups, dtype } = options;
  if (!convNormKind.test(norm)) {
    throw new OptionError(`initConvNorm: norm must be ${convNormKind.expected}; got ${describeValue(norm)}.`);
  }
  const conv = initConv2d(rng, inputs, outputs, kernel, { groups, dtype, bias: norm === "none" });
  if (norm === "none") return { params: { conv }, state: {} };
  const { params, state } = initBatchNorm(outputs, { dtype });
  return { params: { conv, norm: params }, state: { norm: state } };
}

export interface BlockOptions {
  /** Default 1. */
  readonly stride?: Pair | undefined;
  /** Default `relu`. */
  readonly activation?: Activation | undefined;
  /** Whether batch norm uses the statistics of the batch; default false. */
  readonly training?: boolean | undefined;
}

export interface ConvNormOptions extends BlockOptions {
  readonly groups?: number | undefined;
}

/** A layer's result, and its state for the next step. */
export interface Carried<S> {
  readonly output: Tensor;
  readonly state: TensorsOf<S>;
}

/**
 * Convolution, batch norm where the parameters have one, activation. Odd kernels keep the image's size at stride 1.
 *
 * @param x images [batch, in, height, width]
 * @returns `output` [batch, out, ceil(height / stride), ceil(width / stride)] for odd kernels, and the next `state`
 *
 * @example
 * const { output, state: next } = convNorm(x, params, state, { stride: 2, activation: "relu6", training: true });
 */
export function convNorm(
  x: Tensor,
  params: TensorsOf<ConvNormParams>,
  state: TensorsOf<ConvNormState>,
  options: ConvNormOptions = {},
): Carried<ConvNormState> {
  const known = ["stride", "activation", "training", "groups"] as const;
  requireKnown("convNorm", options, known, "convNorm(x, params, state, { stride: 2 })");
  const { stride = 1, activation = "relu", training = false, groups = 1 } = options;
  requireFlags("convNorm", { training });
  const [height, width] = params.conv.weight.shape.slice(2);
  const padding = [Math.floor(height / 2), Math.floor(width / 2)] as const;
  const y = convLayer(x, params.conv, { stride, padding, groups });
  const s = activationOf(activation);
  if (!params.norm) return { output: s(y), state };
  const normed = batchNorm(y, params.norm, state.norm as TensorsOf<BatchNormState>, { training });
  return { output: s(normed.output), state: { norm: normed.state } };
}
