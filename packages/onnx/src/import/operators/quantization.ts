// Affine quantization: a real number r is stored as the integer q = r / scale + zero point, rounded half to even.
import type { Tensor } from "isoloss";
import { type OnnxDType, ratioOf, resolveAxis } from "isoloss/internal";
import type { FloatDType } from "isoloss/nn";
import {
  add,
  broadcastTo,
  cast,
  div,
  equal,
  fillLike,
  greater,
  max,
  maximum,
  min,
  minimum,
  mul,
  neg,
  reshape,
  round,
  slice,
  stopGradient,
  sub,
  where,
} from "isoloss/ops";
import type { Call, Operator } from "../call.js";
import { clamped } from "../kinds.js";
import { asEntry, isSequence, type Value } from "../value.js";
import { convolutions } from "./conv.js";
import { kindOf } from "./elements.js";
import { matrices } from "./matrices.js";

/**
 * A scale or zero point as an array that broadcasts to `x`: one number; one for each index of `axis`; or, with a block
 * size, one for each block along `axis`.
 */
function spread(call: Call, x: Tensor, given: Tensor): Tensor {
  if (given.size === 1) return reshape(given, []);
  const axis = resolveAxis(call.int("axis", 1), x.rank, call.node.opType);
  const size = call.int("block_size", 0);
  const { shape } = given;
  if (size <= 0 && shape.length === 1) return alongAxis(given, axis, x.rank);
  if (size <= 0 || shape.length !== x.rank || shape[axis] !== Math.ceil(x.shape[axis] / size)) {
    return call.fail("scales must be one number, one for each index of the axis, or one for each block");
  }
  const apart = reshape(given, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]);
  const repeated = broadcastTo(apart, [...shape.slice(0, axis + 1), size, ...shape.slice(axis + 1)]);
  const joined = reshape(repeated, [...shape.slice(0, axis), shape[axis] * size, ...shape.slice(axis + 1)]);
  return slice(joined, { ends: x.shape });
}

/** A vector along one of `rank` axes. */
const alongAxis = (x: Tensor, axis: number, rank: number): Tensor =>
  reshape(x, [x.size, ...Array<number>(rank - 1 - axis).fill(1)]);

/**
 * The quantized value of x / scale. Its derivative in x is 1 / scale within the range and 0 beyond: the rounding is
 * passed straight through (Bengio et al., 2013).
 */
function quantized(ratio: Tensor, zero: Tensor | undefined, kind: OnnxDType): Value {
  const rounded = zero ? add(round(ratio), cast(zero, ratio.dtype)) : round(ratio);
  const ends = clamped(rounded, kind);
  const within = where(equal(rounded, ends), ratio, 0);
  // The difference is 0; it has the derivative that the rounding lacks.
  const real = add(ends, sub(within, stopGradient(within)));
  return { tensor: cast(real, "int64"), kind, real };
}

/** (q - zero) scale. */
function dequantized(value: Value, scale: Tensor, zero: Tensor | undefined): Tensor {
  const { dtype } = scale;
  if (value.real?.dtype === dtype) {
    return mul(zero ? sub(value.real, cast(zero, dtype)) : value.real, scale);
  }
  // Integers are subtracted as such: those of 32 bits are not exact in float32.
  return mul(cast(zero ? sub(value.tensor, zero) : value.tensor, dtype), scale);
}

// Matrix products and convolutions of quantized numbers.

/** Quantized numbers without their zero point, as floats. */
function centered(call: Call, index: number, zero: Tensor | undefined, dtype: FloatDType): Tensor {
  const x = call.tensor(index);
  return cast(zero ? sub(x, zero) : x, dtype);
}

/** An operator of floats on operands of this call. */
function applied(call: Call, operator: Operator, operands: readonly Tensor[], kind: FloatDType): Tensor {
  const values = operands.map((tensor) => ({ tensor, kind }));
  const entry = asEntry([operator(call.withOperands(values))].flat()[0], values);
  return isSequence(entry) ? call.fail("its result is a sequence") : entry.tensor;
}

/** A scale or zero point of each row (`axis` -2) or column (-1) of a matrix: a vector, or an array of the same rank. */
function ofMatrix(call: Call, x: number, given: number, axis: -1 | -2): Tensor | undefined {
  if (!call.has(given)) return undefined;
  const [matrix, tensor] = [call.tensor(x), call.tensor(given)];
  if (tensor.size === 1) return reshape(tensor, []);
  return tensor.rank === 1 ? alongAxis(tensor, matrix.rank + axis, matrix.rank) : tensor;
}

/** The sums are exact in float64 up to 2^53. */
function matrixProduct(call: Call, a: number, b: number, aZero: number, bZero: number): Tensor {
  const [left, right] = [
    centered(call, a, ofMatrix(call, a, aZero, -2), "float64"),
    centered(call, b, ofMatrix(call, b, bZero, -1), "float64"),
  ];
  return applied(call, matrices.MatMul, [left, right], "float64");
}

/** One number, or one for each channel of the result. */
function ofFilters(call: Call, w: number, given: number): Tensor | undefined {
  if (!call.has(given)) return undefined;
  const tensor = call.tensor(given);
  return tensor.size === 1 ? reshape(tensor, []) : alongAxis(tensor, 0, call.tensor(w).rank);
}

/** In float32, for which ONNX Runtime has convolutions, where that is exact: below 2^24. */
function convolution(call: Call, x: number, w: number, xZero: number, wZero: number): Tensor {
  const filters = call.tensor(w);
  const dtype = (filters.size / filters.shape[0]) * 255 ** 2 < 2 ** 24 ? "float32" : "float64";
  const zero = call.has(xZero) ? reshape(call.tensor(xZero), []) : undefined;
  const operands = [centered(call, x, zero, dtype), centered(call, w, ofFilters(call, w, wZero), dtype)];
  return applied(call, convolutions.Conv, operands, dtype);
}

const integers = (sums: Tensor): Value => ({ tensor: cast(sums, "int64"), kind: "int32" });

/** Sums of products of quantized numbers, in units of the product of the scales, as numbers with a scale of their own. */
function requantized(call: Call, sums: Tensor, factor: Tensor, scale: number, zero: number): Value {
  const { dtype } = call;
  const ratio = mul(cast(sums, dtype), div(cast(factor, dtype), cast(call.tensor(scale), dtype)));
  return quantized(ratio, call.tensor(zero), call.kind(zero));
}

function qLinearMatMul(call: Call): Value {
  const sums = matrixProduct(call, 0, 3, 2, 5);
  const [left, right] = [ofMatrix(call, 0, 1, -2), ofMatrix(call, 3, 4, -1)];
  if (!left || !right) return call.fail("a scale is missing");
  return requantized(call, sums, mul(left, right), 6, 7);
}

function qLinearConv(call: Call): Value {
  const sums = convolution(call, 0, 3, 2, 5);
  const byChannel = (x: Tensor) => (x.size === 1 ? reshape(x, []) : alongAxis(x, 1, sums.rank));
  const whole = call.has(8) ? add(sums, cast(byChannel(call.tensor(8)), sums.dtype)) : sums;
  const factor = mul(reshape(call.tensor(1), []), byChannel(call.tensor(4)));
  return requantized(call, whole, factor, 6, 7);
}

const products: Readonly<Record<string, Operator>> = {
  ConvInteger: (call) => integers(convolution(call, 0, 1, 2, 3)),
  MatMulInteger: (call) => integers(matrixProduct(call, 0, 1, 2, 3)),
  QLinearConv: qLinearConv,
  QLinearMatMul: qLinearMatMul,
};

const zeroOf = (call: Call, index: number) =>
  call.has(index) ? spread(call, call.tensor(0), call.tensor(index)) : undefined;

function quantizeLinear(call: Call): Value {
  const x = call.tensor(0);
  const kind = call.has(2) ? call.kind(2) : kindOf(call, "output_dtype", "uint8");
  return quantized(ratioOf(x, spread(call, x, call.tensor(1))), zeroOf(call, 2), kind);
}

function dequantizeLinear(call: Call): Value {
  const scale = spread(call, call.tensor(0), call.tensor(1));
  return { tensor: dequantized(call.operand(0), scale, zeroOf(call, 2)), kind: call.kind(1) };
}

/** The range from the least to the largest number, with zero in it, becomes that of uint8. */
function dynamicQuantizeLinear(call: Call): readonly Value[] {
  const x = call.tensor(0);
  const [low, high] = [minimum(min(x), 0), maximum(max(x), 0)];
  const width = sub(high, low);
  // Zeros alone have no range: ONNX Runtime takes the scale 1.
  const scale = where(greater(width, 0), ratioOf(width, fillLike(low, 255)), 1);
  const zero = quantized(ratioOf(neg(low), scale), undefined, "uint8");
  const y = quantized(ratioOf(x, scale), cast(zero.tensor, x.dtype), "uint8");
  return [y, { tensor: scale, kind: "float32" }, zero];
}

export const quantization: Readonly<Record<string, Operator>> = {
  DequantizeLinear: dequantizeLinear,
  DynamicQuantizeLinear: dynamicQuantizeLinear,
  QuantizeLinear: quantizeLinear,
  ...products,
};
