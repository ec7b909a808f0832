// B. Jacob et al., CVPR 2018, section 3: quantization simulated in training; Y. Bengio et al., arXiv 1308.3432: the
// straight-through gradient.
import { ShapeError } from "../errors.js";
import { add, cast, div, maximum, minimum, mul, sub } from "../graph/ops/arithmetic.js";
import { equal, where } from "../graph/ops/compare.js";
import { abs } from "../graph/ops/elementary.js";
import { constant } from "../graph/ops/leaf.js";
import { max } from "../graph/ops/reduce.js";
import { reshape, resolveAxis } from "../graph/ops/reshape.js";
import { round, roundTo } from "../graph/ops/rounding.js";
import { stopGradient } from "../graph/ops/stop-gradient.js";
import { formatShape, isTensor, requireFloat, sameShape, type Tensor } from "../graph/tensor.js";
import { inCode, number, type OptionsOf, optionTable } from "../options.js";

/** Least and greatest number of a range: a number or a scalar each; or, with an axis, a vector with one for each channel. */
export type QuantizationRange = readonly [min: number | Tensor, max: number | Tensor];

export interface FakeQuantizeOptions extends OptionsOf<typeof fakeQuantizeOptions> {}

function isRange(v: unknown): v is QuantizationRange {
  if (!Array.isArray(v) || v.length !== 2 || !v.every((end) => Number.isFinite(end) || isTensor(end)))
    return false;
  return v.some(isTensor) || v[0] <= v[1];
}

const fakeQuantizeOptions = optionTable("fakeQuantize", {
  /** Bits of the integers, 2 to 8; default 8. */
  bits: number({ integer: true, min: 2, max: 8 }).default(8),
  /** Axis whose indices (channels) have a scale each; default: one scale for the tensor. */
  axis: number({ integer: true }).otherwise("one scale for the tensor"),
  /** Range of the values, for asymmetric integers; default: symmetric integers over the tensor's own range. */
  range: inCode<QuantizationRange>("[min, max], a finite number or a tensor each", isRange).otherwise(
    "the tensor's own, symmetric",
  ),
});

/**
 * The values of `x` after a round trip through integers of few bits, for training that knows of quantization.
 *
 * q = clamp(round(x / s) + z, low, high), y = (q - z) s, half to even. Symmetric integers, for weights:
 * s = max |x| / (2^(bits-1) - 1), z = 0, -low = high = 2^(bits-1) - 1. With a range, for activations: low = 0,
 * high = 2^bits - 1, s = (max - min) / high, z = round(-min / s), after min and max are moved to include 0, which is
 * exact. Without any range, results are 0 (below 1e-34).
 *
 * Gradients pass straight through: dy/dx = 1 where nothing is clamped, which with the tensor's own range is
 * everywhere, and 0 where x is beyond the range. Scales are constants to differentiation.
 *
 * @returns a tensor of the shape and element type of x
 * @throws OptionError for other bits or a range that is none; DTypeError unless x is floats; ShapeError for ends of a range
 * that are neither one number nor one for each channel
 *
 * @example
 * const w = fakeQuantize(weight, { bits: 4, axis: 0 }); // a scale for each output
 * const y = linear(fakeQuantize(x, { range: [0, 6] }), { weight: w, bias });
 */
export function fakeQuantize(x: Tensor, options: FakeQuantizeOptions = {}): Tensor {
  const { bits, axis, range } = fakeQuantizeOptions.read(options);
  requireFloat("fakeQuantize", x);
  const channels = axis === undefined ? undefined : resolveAxis(axis, x.rank, "fakeQuantize");
  return range ? asymmetric(x, 2 ** bits - 1, range, channels) : symmetric(x, 2 ** (bits - 1) - 1, channels);
}

function symmetric(x: Tensor, high: number, axis: number | undefined): Tensor {
  const axes = x.shape.flatMap((_, d) => (d === axis ? [] : [d]));
  const scale = scaleOf(max(abs(x), { axes, keepDims: true }), high);
  return withDerivative(mul(round(ratioOf(x, scale)), scale), x);
}

function asymmetric(x: Tensor, high: number, range: QuantizationRange, axis: number | undefined): Tensor {
  const [least, greatest] = range.map((end) => endOf(x, end, axis));
  const [low, top] = [minimum(least, 0), maximum(greatest, 0)];
  const scale = scaleOf(sub(top, low), high);
  const zero = round(ratioOf(sub(0, low), scale));
  const rounded = add(round(ratioOf(x, scale)), zero);
  const q = minimum(maximum(rounded, 0), high);
  return withDerivative(mul(sub(q, zero), scale), where(equal(rounded, q), x, 0));
}

/**
 * x in units of the scale. JavaScript computes in float64: without rounding, also of a scale that was computed, quotients
 * would be ties where in float32 they are not.
 */
export function ratioOf(x: Tensor, scale: Tensor): Tensor {
  const single = (y: Tensor) => (scale.dtype === "float32" ? roundTo(y, "float32") : y);
  return single(div(cast(x, scale.dtype), single(scale)));
}

/** The value of `y` with the derivatives of `x`. */
const withDerivative = (y: Tensor, x: Tensor): Tensor => add(stopGradient(y), sub(x, stopGradient(x)));

/** Width over steps, but not so small that float32 may flush it to 0. */
const scaleOf = (width: Tensor, steps: number): Tensor => maximum(div(width, steps), 1e-37);

/** An end of the range as an array that broadcasts to `x`. */
function endOf(x: Tensor, end: number | Tensor, axis: number | undefined): Tensor {
  const tensor = typeof end === "number" ? constant(end, x.dtype) : cast(end, x.dtype);
  if (tensor.rank === 0) return tensor;
  if (axis !== undefined && sameShape(tensor.shape, [x.shape[axis]])) {
    return reshape(
      tensor,
      x.shape.map((size, d) => (d === axis ? size : 1)),
    );
  }
  throw new ShapeError(
    `fakeQuantize: an end of the range must be one number${axis === undefined ? "" : `, or one for each of the ${x.shape[axis]} indices of axis ${axis}`}; ` +
      `got ${formatShape(tensor.shape)} for x ${formatShape(x.shape)}.${axis === undefined ? " Give `axis` for a range of each channel." : ""}`,
  );
}
