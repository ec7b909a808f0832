// S. Ioffe and C. Szegedy, ICML 2015 (batch); J. L. Ba et al., arXiv 1607.06450 (layer);
// Y. Wu and K. He, ECCV 2018 (group); B. Zhang and R. Sennrich, NeurIPS 2019 (root mean square).
import { type NdArray, ones, requireSizes, type Shape, sizeOf, zeros } from "../array.js";
import { describeValue, OptionError, ShapeError } from "../errors.js";
import { add, div, mul, sub } from "../graph/ops/arithmetic.js";
import { sqrt, square } from "../graph/ops/elementary.js";
import { mean, sum } from "../graph/ops/reduce.js";
import { reshape } from "../graph/ops/reshape.js";
import { slice } from "../graph/ops/slice.js";
import { stopGradient } from "../graph/ops/stop-gradient.js";
import { formatShape, isTensor, requireTensor, sameShape, type Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import { type Kind, nonNegative, requireFlags, requireKnown, share } from "../options.js";
import type { InitOptions } from "./model.js";
import { requireParams } from "./params.js";

/** Scale `weight` and shift `bias`, of one shape. */
export interface NormParams {
  readonly weight: NdArray;
  readonly bias: NdArray;
}

/** Scale `weight`. */
export interface RmsNormParams {
  readonly weight: NdArray;
}

/** Running estimates of mean and unbiased variance of each channel, under PyTorch's names. */
export interface BatchNormState {
  readonly running_mean: NdArray;
  readonly running_var: NdArray;
}

/** @throws OptionError unless a number is of a kind */
function requireNumber(option: string, value: number, kind: Kind<number>): void {
  if (!kind.test(value)) {
    throw new OptionError(`${option} must be ${kind.expected}; got ${describeValue(value)}.`);
  }
}

function initNorm(op: string, shape: Shape, options: InitOptions): NormParams {
  requireSizes(op, shape);
  requireKnown(op, options, ["dtype"], `${op}(${shape[0]}, { dtype: "float64" })`);
  const { dtype = "float32" } = options;
  return { weight: ones(shape, dtype), bias: zeros(shape, dtype) };
}

/** Parameters and state of batch normalization of `channels` channels: scale 1, shift 0, mean 0, variance 1. */
export function initBatchNorm(
  channels: number,
  options: InitOptions = {},
): { params: NormParams; state: BatchNormState } {
  const [params, { weight, bias }] = [0, 1].map(() => initNorm("initBatchNorm", [channels], options));
  return { params, state: { running_mean: bias, running_var: weight } };
}

/** Parameters of layer normalization over last axes of the given sizes: scale 1, shift 0. */
export function initLayerNorm(shape: number | Shape, options: InitOptions = {}): NormParams {
  return initNorm("initLayerNorm", typeof shape === "number" ? [shape] : shape, options);
}

/** Parameters of normalization by the root mean square over last axes of the given sizes: scale 1. */
export function initRmsNorm(shape: number | Shape, options: InitOptions = {}): RmsNormParams {
  const { weight } = initNorm("initRmsNorm", typeof shape === "number" ? [shape] : shape, options);
  return { weight };
}

/** Parameters of group normalization of `channels` channels: scale 1, shift 0. */
export function initGroupNorm(channels: number, options: InitOptions = {}): NormParams {
  return initNorm("initGroupNorm", [channels], options);
}

export interface BatchNormOptions {
  /** Whether to use the statistics of the batch instead of the running ones; default false. */
  readonly training?: boolean | undefined;
  /** Weight of the batch in the new running statistics, in [0, 1]; default 0.1. */
  readonly momentum?: number | undefined;
  /** Added to the variance, >= 0; default 1e-5. */
  readonly epsilon?: number | undefined;
}

/**
 * Normalizes each channel over the batch (and the pixels), then scales and shifts it.
 *
 * y = w (x - m) / sqrt(v + epsilon) + b; in training m and v are mean and (biased) variance of the batch, and
 * running := (1 - momentum) running + momentum batch, with the unbiased variance.
 *
 * @param x [batch, channels] or [batch, channels, ...]
 * @throws ShapeError when channels do not fit, or in training when a channel has a single value; OptionError for a momentum
 *   outside [0, 1] and an epsilon that is negative or not finite
 *
 * @example
 * const { output, state: next } = batchNorm(x, params, state, { training: true });
 */
export function batchNorm(
  x: Tensor,
  params: TensorsOf<NormParams>,
  state: TensorsOf<BatchNormState>,
  options: BatchNormOptions = {},
): { output: Tensor; state: TensorsOf<BatchNormState> } {
  const known = ["training", "momentum", "epsilon"] as const;
  requireKnown("batchNorm", options, known, "batchNorm(x, params, state, { training: true })");
  requireTensor("batchNorm", x);
  requireParams("batchNorm", params, ["weight", "bias"]);
  requireParams("batchNorm: state", state, ["running_mean", "running_var"]);
  const { weight, bias } = params;
  const { training = false, momentum = 0.1, epsilon = 1e-5 } = options;
  requireFlags("batchNorm", { training });
  requireNumber("batchNorm: momentum", momentum, share);
  requireNumber("batchNorm: epsilon", epsilon, nonNegative);
  const channels = x.shape[1];
  if (x.rank < 2 || !sameShape(weight.shape, [channels])) {
    throw new ShapeError(
      `batchNorm: takes x [batch, channels, ...] and weight [channels]; got ${formatShape(x.shape)} and ${formatShape(weight.shape)}.`,
    );
  }
  const perChannel = x.shape.map((_, d) => (d === 1 ? channels : 1));
  const affine = (values: Tensor, center: Tensor, spread: Tensor): Tensor => {
    const scale = div(weight, sqrt(add(spread, epsilon)));
    const shift = sub(bias, mul(center, scale));
    return add(mul(values, reshape(scale, perChannel)), reshape(shift, perChannel));
  };
  if (!training) return { output: affine(x, state.running_mean, state.running_var), state };

  const count = x.size / channels;
  if (count < 2) {
    throw new ShapeError(
      `batchNorm: training needs two or more values a channel; got ${formatShape(x.shape)}. Use a larger batch, or evaluate.`,
    );
  }
  const axes = x.shape.flatMap((_, d) => (d === 1 ? [] : [d]));
  // Sums of squares give the variance in one pass but cancel if the mean is large. Subtracting an element of
  // the channel first avoids this, and neither the result nor any derivative depends on that element.
  const origin = stopGradient(slice(x, { ends: perChannel }));
  const values = sub(x, origin);
  const center = mul(sum(values, { axes }), 1 / count);
  const spread = sub(mul(sum(square(values), { axes }), 1 / count), square(center));
  const track = (running: Tensor, batch: Tensor, factor = 1): Tensor =>
    stopGradient(add(mul(running, 1 - momentum), mul(batch, momentum * factor)));
  return {
    output: affine(values, center, spread),
    state: {
      running_mean: track(state.running_mean, add(center, reshape(origin, [channels]))),
      running_var: track(state.running_var, spread, count / (count - 1)),
    },
  };
}

/** What a normalization adds to a variance, >= 0: a number, or a tensor of one, such as a parameter that follows scalings. */
type Epsilon = number | Tensor;

function requireEpsilon(op: string, epsilon: Epsilon): void {
  if (!isTensor(epsilon)) requireNumber(`${op}: epsilon`, epsilon, nonNegative);
}

/** (x - mean) / sqrt(variance + epsilon) over axes. */
function standardize(x: Tensor, axes: readonly number[], epsilon: Epsilon): Tensor {
  const centered = sub(x, mean(x, { axes, keepDims: true }));
  const spread = mean(square(centered), { axes, keepDims: true });
  return div(centered, sqrt(add(spread, epsilon)));
}

/**
 * Normalizes each sample over its last axes (as many as the weight has), then scales and shifts each element.
 *
 * @param x [..., ...shape of the weight]
 * @param options `epsilon`: added to the variance, a number or a parameter of one; default 1e-5
 * @throws ShapeError when shapes do not fit; OptionError for an epsilon that is negative or not finite
 */
export function layerNorm(
  x: Tensor,
  params: TensorsOf<NormParams>,
  options: { readonly epsilon?: Epsilon | undefined } = {},
): Tensor {
  requireKnown("layerNorm", options, ["epsilon"], "layerNorm(x, params, { epsilon: 1e-6 })");
  requireTensor("layerNorm", x);
  requireParams("layerNorm", params, ["weight", "bias"]);
  const { weight, bias } = params;
  const { epsilon = 1e-5 } = options;
  requireEpsilon("layerNorm", epsilon);
  return add(mul(standardize(x, lastAxes("layerNorm", x, weight), epsilon), weight), bias);
}

/** The axes of x that the weight has. */
function lastAxes(op: string, x: Tensor, weight: Tensor): number[] {
  const first = x.rank - weight.rank;
  if (weight.rank < 1 || !sameShape(x.shape.slice(Math.max(first, 0)), weight.shape)) {
    throw new ShapeError(
      `${op}: the last axes of x must be those of the weight; got ${formatShape(x.shape)} and ${formatShape(weight.shape)}.`,
    );
  }
  return weight.shape.map((_, d) => first + d);
}

/**
 * Divides each sample by its root mean square over its last axes (as many as the weight has), then scales each element.
 *
 * y = w x / sqrt(mean(x^2) + epsilon)
 *
 * @param x [..., ...shape of the weight]
 * @param options `epsilon`: added to the mean square, a number or a parameter of one; default 1e-6. (PyTorch's default is the spacing of numbers at 1.)
 * @throws ShapeError when shapes do not fit; OptionError for an epsilon that is negative or not finite
 */
export function rmsNorm(
  x: Tensor,
  params: TensorsOf<RmsNormParams>,
  options: { readonly epsilon?: Epsilon | undefined } = {},
): Tensor {
  requireKnown("rmsNorm", options, ["epsilon"], "rmsNorm(x, params, { epsilon: 1e-5 })");
  requireTensor("rmsNorm", x);
  requireParams("rmsNorm", params, ["weight"]);
  const { epsilon = 1e-6 } = options;
  requireEpsilon("rmsNorm", epsilon);
  const axes = lastAxes("rmsNorm", x, params.weight);
  return mul(div(x, sqrt(add(mean(square(x), { axes, keepDims: true }), epsilon))), params.weight);
}

/**
 * Normalizes each sample over groups of channels, then scales and shifts each channel.
 *
 * @param x [batch, channels, ...]
 * @param options `groups`: must divide the channels; `epsilon`: added to the variance, a number or a parameter of one; default 1e-5
 * @throws ShapeError when shapes do not fit; OptionError for an epsilon that is negative or not finite
 */
export function groupNorm(
  x: Tensor,
  params: TensorsOf<NormParams>,
  options: { readonly groups: number; readonly epsilon?: Epsilon | undefined },
): Tensor {
  requireKnown("groupNorm", options, ["groups", "epsilon"], "groupNorm(x, params, { groups: 4 })");
  requireTensor("groupNorm", x);
  requireParams("groupNorm", params, ["weight", "bias"]);
  const { weight, bias } = params;
  const { groups, epsilon = 1e-5 } = options;
  requireEpsilon("groupNorm", epsilon);
  const [batch, channels] = x.shape;
  if (x.rank < 2 || !sameShape(weight.shape, [channels])) {
    throw new ShapeError(
      `groupNorm: takes x [batch, channels, ...] and weight [channels]; got ${formatShape(x.shape)} and ${formatShape(weight.shape)}.`,
    );
  }
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0) {
    throw new OptionError(`groupNorm: groups must divide the ${channels} channels; got ${groups}.`);
  }
  const grouped = reshape(x, [batch, groups, (channels / groups) * sizeOf(x.shape.slice(2))]);
  const perChannel = x.shape.map((_, d) => (d === 1 ? channels : 1));
  const standard = reshape(standardize(grouped, [2], epsilon), x.shape);
  return add(mul(standard, reshape(weight, perChannel)), reshape(bias, perChannel));
}
