// Kaiming: K. He et al., ICCV 2015, eqs. 10 and 14; Xavier: X. Glorot and Y. Bengio, AISTATS 2010, eqs. 12 and 16.
import { type NdArray, requireSizes, type Shape, sizeOf } from "../array.js";
import { describeValue, OptionError, ShapeError } from "../errors.js";
import { formatShape } from "../graph/tensor.js";
import { type Mt19937, torchRandn, torchUniform } from "../math/mt19937.js";
import { requireKnown } from "../options.js";
import type { InitOptions, WeightAndBias } from "./model.js";

/** Number of inputs of one output (`fanIn`) and of outputs of one input (`fanOut`) of a weight [out, in, ...kernel]. */
export function fansOf(shape: Shape): { fanIn: number; fanOut: number } {
  requireSizes("Initializers", shape);
  if (shape.length < 2) {
    throw new ShapeError(
      `Fans need a weight of two or more axes, [out, in, ...kernel]; got shape ${formatShape(shape)}.`,
    );
  }
  const kernel = sizeOf(shape.slice(2));
  return { fanIn: shape[1] * kernel, fanOut: shape[0] * kernel };
}

/** Numbers uniform in [from, to), bit for bit those of PyTorch's `uniform_` on the CPU. */
export function uniform(
  rng: Mt19937,
  shape: Shape,
  options: InitOptions & { readonly from?: number | undefined; readonly to?: number | undefined } = {},
): NdArray {
  requireKnown("uniform", options, ["from", "to", "dtype"], "uniform(rng, [2, 3], { from: -1, to: 1 })");
  const { from = 0, to = 1, dtype = "float32" } = options;
  return torchUniform(rng, shape, from, to, { dtype });
}

/**
 * Normal numbers, equal to those of PyTorch's `normal_` on the CPU to 1e-6 (float32) or 1e-14 (float64)
 * deviations.
 */
export function normal(
  rng: Mt19937,
  shape: Shape,
  options: InitOptions & { readonly mean?: number | undefined; readonly deviation?: number | undefined } = {},
): NdArray {
  requireKnown("normal", options, ["mean", "deviation", "dtype"], "normal(rng, [2, 3], { deviation: 0.1 })");
  const { mean = 0, deviation = 1, dtype = "float32" } = options;
  const out = torchRandn(rng, shape, { dtype });
  const { data } = out;
  for (let i = 0; i < data.length; i++) data[i] = data[i] * deviation + mean;
  return out;
}

export interface KaimingOptions extends InitOptions {
  /** Negative slope of the (leaky) ReLU that follows; default 0. */
  readonly slope?: number | undefined;
  /**
   * Preserves the size of the signal in the forward pass (`fanIn`, default) or of the gradient in the
   * backward pass.
   */
  readonly mode?: "fanIn" | "fanOut" | undefined;
}

function kaimingDeviation(shape: Shape, { slope = 0, mode = "fanIn" }: KaimingOptions): number {
  if (mode !== "fanIn" && mode !== "fanOut") {
    throw new OptionError(`Kaiming's mode must be fanIn or fanOut; got ${describeValue(mode)}.`);
  }
  const gain = Math.sqrt(2 / (1 + slope * slope));
  return gain / Math.sqrt(fansOf(shape)[mode]);
}

/** Uniform in +-sqrt(6 / ((1 + slope^2) fan)). */
export function kaimingUniform(rng: Mt19937, shape: Shape, options: KaimingOptions = {}): NdArray {
  requireKnown(
    "kaimingUniform",
    options,
    ["slope", "mode", "dtype"],
    "kaimingUniform(rng, [10, 64], { slope: 0.1 })",
  );
  const bound = Math.sqrt(3) * kaimingDeviation(shape, options);
  return uniform(rng, shape, { from: -bound, to: bound, dtype: options.dtype });
}

/** Normal with variance 2 / ((1 + slope^2) fan). */
export function kaimingNormal(rng: Mt19937, shape: Shape, options: KaimingOptions = {}): NdArray {
  requireKnown(
    "kaimingNormal",
    options,
    ["slope", "mode", "dtype"],
    "kaimingNormal(rng, [10, 64], { slope: 0.1 })",
  );
  return normal(rng, shape, { deviation: kaimingDeviation(shape, options), dtype: options.dtype });
}

export interface XavierOptions extends InitOptions {
  /** Factor for the activation that follows (5/3 for tanh, sqrt(2) for ReLU); default 1. */
  readonly gain?: number | undefined;
}

function xavierDeviation(shape: Shape, { gain = 1 }: XavierOptions): number {
  const { fanIn, fanOut } = fansOf(shape);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}

/** Uniform in +-gain sqrt(6 / (fanIn + fanOut)). */
export function xavierUniform(rng: Mt19937, shape: Shape, options: XavierOptions = {}): NdArray {
  requireKnown("xavierUniform", options, ["gain", "dtype"], "xavierUniform(rng, [10, 64], { gain: 1 })");
  const bound = Math.sqrt(3) * xavierDeviation(shape, options);
  return uniform(rng, shape, { from: -bound, to: bound, dtype: options.dtype });
}

/** Normal with variance 2 gain^2 / (fanIn + fanOut). */
export function xavierNormal(rng: Mt19937, shape: Shape, options: XavierOptions = {}): NdArray {
  requireKnown("xavierNormal", options, ["gain", "dtype"], "xavierNormal(rng, [10, 64], { gain: 1 })");
  return normal(rng, shape, { deviation: xavierDeviation(shape, options), dtype: options.dtype });
}

/**
 * PyTorch's default for linear and convolutional layers, in its order of drawing: weight, then bias, both uniform in
 * +-1 / sqrt(fanIn).
 */
export function initAffine(
  rng: Mt19937,
  shape: Shape,
  outputs: number,
  { bias = true, dtype }: InitOptions & { readonly bias?: boolean | undefined },
): WeightAndBias {
  // PyTorch computes the weight's bound through a Kaiming slope of sqrt(5), which changes the last bit.
  const weight = kaimingUniform(rng, shape, { slope: Math.sqrt(5), dtype });
  if (!bias) return { weight };
  const { fanIn } = fansOf(shape);
  const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0;
  return { weight, bias: uniform(rng, [outputs], { from: -bound, to: bound, dtype }) };
}
