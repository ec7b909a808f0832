// Matrix products and convolutions of quantized numbers.

import type { Tensor } from "isoloss";
import type { FloatDType } from "isoloss/nn";
import { add, cast, div, mul, reshape, sub } from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import { asEntry, isSequence, type Value } from "../../value.js";
import { matrices } from "../matrices.js";
import { windows } from "../windows/windows.js";
import { alongAxis, quantized } from "./scales.js";

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
  return applied(call, windows.Conv, operands, dtype);
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

export const products: Readonly<Record<string, Operator>> = {
  ConvInteger: (call) => integers(convolution(call, 0, 1, 2, 3)),
  MatMulInteger: (call) => integers(matrixProduct(call, 0, 1, 2, 3)),
  QLinearConv: qLinearConv,
  QLinearMatMul: qLinearMatMul,
};
