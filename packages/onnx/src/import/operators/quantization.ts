// Affine quantization: a real number r is stored as the integer q = r / scale + zero point, rounded half to even.
import type { Tensor } from "isoloss";
import { type OnnxDType, ratioOf, resolveAxis } from "isoloss/internal";
import type { FloatDType } from "isoloss/nn";
import {
  add,
  broadcastTo,
  cast,
  constant,
  div,
  equal,
  fillLike,
  gather,
  greater,
  matmul,
  max,
  maximum,
  min,
  minimum,
  mul,
  neg,
  reshape,
  round,
  stopGradient,
  sub,
  where,
} from "isoloss/ops";
import type { Call, Operator } from "../call.js";
import { clamped } from "../kinds.js";
import { knownValue } from "../known-value.js";
import { asEntry, isSequence, type Value } from "../value.js";
import { selfAttention } from "./attention.js";
import { convolutions } from "./conv.js";
import { arithmeticOperators, functions, kindOf, logic, requireWide } from "./elements.js";
import { matrices } from "./matrices.js";
import { pooling } from "./pool.js";
import { along, range, reductions } from "./reductions.js";
import { shapes } from "./shapes.js";

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
  return repeated(given, axis, size, x.shape[axis]);
}

/** Each element of an axis `size` times, the first `length` of them. */
function repeated(x: Tensor, axis: number, size: number, length: number): Tensor {
  const [before, after] = [x.shape.slice(0, axis + 1), x.shape.slice(axis + 1)];
  const apart = broadcastTo(reshape(x, [...before, 1, ...after]), [...before, size, ...after]);
  const joined = reshape(apart, [...before.slice(0, -1), x.shape[axis] * size, ...after]);
  return along(joined, axis, 0, length);
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

/** Sums of products of quantized numbers in units of the product of the scales, and an operand that may be left out. */
function inFloats(call: Call, sums: Tensor, scales: readonly (Tensor | undefined)[], bias: number): Tensor {
  const { dtype } = call;
  const y = scales.reduce<Tensor>(
    (x, scale) => mul(x, scale ?? call.fail("a scale is missing")),
    cast(sums, dtype),
  );
  return call.has(bias) ? add(y, call.tensor(bias)) : y;
}

/** The first operand is quantized by its range. */
function dynamicQuantizeMatMul(call: Call): Tensor {
  const [x, scale, zero] = dynamicQuantizeLinear(call);
  const left = cast(sub(x.tensor, zero.tensor), "float64");
  const right = centered(call, 1, ofMatrix(call, 1, 3, -1), "float64");
  const sums = applied(call, matrices.MatMul, [left, right], "float64");
  return inFloats(call, sums, [scale.tensor, ofMatrix(call, 1, 2, -1)], 4);
}

function matMulIntegerToFloat(call: Call): Tensor {
  const scales = [ofMatrix(call, 0, 2, -2), ofMatrix(call, 1, 3, -1)];
  return inFloats(call, matrixProduct(call, 0, 1, 4, 5), scales, 6);
}

function quantizedAttention(call: Call): readonly Tensor[] {
  const scales = [ofMatrix(call, 0, 3, -2), ofMatrix(call, 1, 4, -1)];
  const projected = inFloats(call, matrixProduct(call, 0, 1, 6, 7), scales, 2);
  return selfAttention(call, projected, { mask: 5, past: 8 });
}

function requireChannelsFirst(call: Call): void {
  if (call.int("channels_last", 0) === 1) call.fail("channels_last is not supported");
}

/**
 * An operator of floats on dequantized operands, whose result is quantized.
 *
 * @param operands places of those that are quantized, each followed by its scale and zero point
 * @param result the place of the result's scale, which the zero point follows
 * @param others places of operands that go before them
 */
const onFloats =
  (
    operator: Operator,
    operands: readonly number[],
    result: number,
    others: readonly number[] = [],
  ): Operator =>
  (call) => {
    requireChannelsFirst(call);
    const single = (index: number) => (call.has(index) ? reshape(call.tensor(index), []) : undefined);
    const scaleAt = (index: number) => single(index) ?? call.fail("a scale is missing");
    const floats = operands.map((i) => dequantized(call.operand(i), scaleAt(i + 1), single(i + 2)));
    const y = applied(call, operator, [...others.map((i) => call.tensor(i)), ...floats], call.dtype);
    return quantized(ratioOf(y, scaleAt(result)), single(result + 1), call.kind(operands[0]));
  };

const onDequantized: Readonly<Record<string, Operator>> = {
  "com.microsoft.QLinearAdd": onFloats(arithmeticOperators.Add, [0, 3], 6),
  "com.microsoft.QLinearAveragePool": onFloats(pooling.AveragePool, [0], 3),
  "com.microsoft.QLinearConcat": (call) => {
    const operands = range((call.operands.length - 2) / 3).map((k) => 2 + 3 * k);
    return onFloats(shapes.Concat, operands, 0)(call);
  },
  "com.microsoft.QLinearGlobalAveragePool": onFloats(pooling.GlobalAveragePool, [0], 3),
  "com.microsoft.QLinearLeakyRelu": onFloats(functions.LeakyRelu, [0], 3),
  "com.microsoft.QLinearMul": onFloats(arithmeticOperators.Mul, [0, 3], 6),
  "com.microsoft.QLinearSigmoid": onFloats(functions.Sigmoid, [0], 3),
  "com.microsoft.QLinearSoftmax": onFloats(reductions.Softmax, [0], 3),
  "com.microsoft.QLinearWhere": onFloats(logic.Where, [1, 4], 7, [0]),
};

// Weights of few bits that are dequantized.

/** The numbers of an operand in the file as floats. In uint8, each byte holds several along the last axis, lowest bits first. */
function levels(call: Call, index: number, bits: number): Tensor {
  const why = `operand ${index} (${call.node.inputs[index]}) must be stored in the file`;
  const { shape, data } = knownValue(call.tensor(index)) ?? call.fail(why);
  const count = call.kind(index) === "uint8" ? 8 / bits : 1;
  const numbers = new Float64Array(data.length * count);
  data.forEach((value: number | bigint, i: number) => {
    for (let k = 0; k < count; k++) {
      numbers[i * count + k] = count === 1 ? Number(value) : (Number(value) >> (bits * k)) & (2 ** bits - 1);
    }
  });
  const last = shape.length - 1;
  return constant({ shape: [...shape.slice(0, last), shape[last] * count], data: numbers }, call.dtype);
}

/** Bits of a number in the weights: they fill bytes. */
function bitsOf(call: Call): number {
  const bits = call.int("bits", 4);
  return [2, 4, 8].includes(bits) ? bits : call.fail(`bits must be 2, 4 or 8; it is ${bits}`);
}

/** The product with weights [N, K] that have a scale, and a zero point, for each block of the columns. */
function matMulNBits(call: Call): Tensor {
  if (call.has(4)) return call.fail("g_idx is not supported");
  const [rows, columns, size, bits] = [
    call.int("N", 0),
    call.int("K", 0),
    call.int("block_size", 0),
    bitsOf(call),
  ];
  const blocks = Math.ceil(columns / size);
  const byBlock = (x: Tensor) => reshape(x, [rows, blocks, 1]);
  const zero = () => {
    if (!call.has(3)) return 2 ** (bits - 1);
    if (call.kind(3) !== "uint8") return byBlock(call.tensor(3));
    const packed = levels(call, 3, bits);
    return byBlock(along(reshape(packed, [rows, packed.size / rows]), 1, 0, blocks));
  };
  const numbers = sub(reshape(levels(call, 1, bits), [rows, blocks, size]), zero());
  const weights = reshape(mul(numbers, byBlock(call.tensor(2))), [rows, blocks * size]);
  const y = matmul(call.tensor(0), along(weights, 1, 0, columns), { transposeB: true });
  return call.has(5) ? add(y, call.tensor(5)) : y;
}

/** Gathers weights that have a scale, and a zero point, for each block of an axis. */
function gatherBlockQuantized(call: Call): Tensor {
  const bits = bitsOf(call);
  const table = levels(call, 0, bits);
  const axisOf = (name: string, otherwise: number) =>
    resolveAxis(call.int(name, otherwise), table.rank, call.node.opType);
  const [axis, blocked] = [axisOf("gather_axis", 0), axisOf("quantize_axis", 1)];
  const indices = call.tensor(1);
  const read = (x: Tensor) => gather(x, indices, { axis });
  // A few rows are gathered before they are dequantized, unless the blocks are along the same axis.
  const isFirst = axis !== blocked;
  const [first, then] = isFirst ? [read, (x: Tensor) => x] : [(x: Tensor) => x, read];
  const at = isFirst && blocked > axis ? blocked + indices.rank - 1 : blocked;
  const numbers = first(table);
  const byBlock = (x: Tensor) => repeated(first(x), at, call.int("block_size", 128), numbers.shape[at]);
  const zero = call.has(3) ? byBlock(levels(call, 3, bits)) : call.kind(0) === "uint8" ? 2 ** (bits - 1) : 0;
  return then(mul(sub(numbers, zero), byBlock(call.tensor(2))));
}

const products: Readonly<Record<string, Operator>> = {
  ConvInteger: (call) => integers(convolution(call, 0, 1, 2, 3)),
  MatMulInteger: (call) => integers(matrixProduct(call, 0, 1, 2, 3)),
  QLinearConv: qLinearConv,
  QLinearMatMul: qLinearMatMul,
  "com.microsoft.DynamicQuantizeMatMul": dynamicQuantizeMatMul,
  "com.microsoft.GatherBlockQuantized": gatherBlockQuantized,
  "com.microsoft.MatMulIntegerToFloat": matMulIntegerToFloat,
  "com.microsoft.MatMulNBits": matMulNBits,
  "com.microsoft.QAttention": quantizedAttention,
  "com.microsoft.QLinearConv": (call) => {
    requireChannelsFirst(call);
    return qLinearConv(call);
  },
};

const zeroOf = (call: Call, index: number) =>
  call.has(index) ? spread(call, call.tensor(0), call.tensor(index)) : undefined;

function quantizeLinear(call: Call): Value {
  const x = call.tensor(0);
  const kind = call.has(2) ? call.kind(2) : kindOf(call, "output_dtype", "uint8");
  requireWide(call, kind);
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
  ...onDequantized,
  ...products,
};
