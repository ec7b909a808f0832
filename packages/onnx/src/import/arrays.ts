import { type DType, type NdArray, sizeOf, type Tensor, type TypedArray } from "isoloss";
import { bfloatToNumber, float64Of, halfToNumber, type OnnxDType, type OnnxTensor } from "isoloss/internal";
import type { FloatDType } from "isoloss/nn";
import { constant, reshape } from "isoloss/ops";
import { isFloatKind } from "./kinds.js";

/** The dtype of an ONNX element type: one type for all floats, int64 for all integers. */
export function importedDType(dtype: OnnxDType, float: FloatDType): DType {
  if (dtype === "bool") return "bool";
  return isFloatKind(dtype) ? float : "int64";
}

/** A tensor of a file as an array, which shares its data where both are floats of one type. */
export function arrayOf({ dtype, shape, data }: OnnxTensor, float: FloatDType): NdArray {
  const own = importedDType(dtype, float);
  if (dtype === own && isFloatKind(dtype)) return { shape, data: data as TypedArray };
  const read = numbersOf[dtype];
  const values = read ? float64Of(data).map(read) : float64Of(data);
  return { shape, data: dataOf(own, values) };
}

function dataOf(dtype: DType, values: Float64Array): TypedArray {
  switch (dtype) {
    case "bool":
      return Uint8Array.from(values, (x) => (x === 0 ? 0 : 1));
    case "int64":
      return BigInt64Array.from<number>(values, safeInteger);
    case "float32":
      return new Float32Array(values);
    case "float64":
      return values;
  }
}

/** The number that a float of 8 bits stands for, by P. Micikevicius et al., arXiv 2209.05433, and B. Noune et al., 2206.02915. */
const byteToNumber =
  (mantissa: number, bias: number, isSpecial: (bits: number) => boolean) =>
  (bits: number): number => {
    if (isSpecial(bits)) return bits === 0x7c ? Infinity : bits === 0xfc ? -Infinity : NaN;
    const [exponent, fraction] = [(bits & 127) >> mantissa, (bits & (2 ** mantissa - 1)) / 2 ** mantissa];
    const size = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
    return bits > 127 ? -size : size;
  };

const isMinusZero = (bits: number): boolean => bits === 128;

/** The element types that are kept as raw bits. */
const numbersOf: Partial<Record<OnnxDType, (bits: number) => number>> = {
  float16: halfToNumber,
  bfloat16: bfloatToNumber,
  float8e4m3fn: byteToNumber(3, 7, (bits) => (bits & 127) === 127),
  float8e4m3fnuz: byteToNumber(3, 8, isMinusZero),
  float8e5m2: byteToNumber(2, 15, (bits) => (bits & 124) === 124),
  float8e5m2fnuz: byteToNumber(2, 16, isMinusZero),
};

/** An integer clamped to the safe ones: the ends of int64, which mean "to the end" in files, are outside. */
const safeInteger = (value: number): bigint =>
  BigInt(Math.min(Math.max(value, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER));

/** A tensor of a file as a constant; a single number becomes a number, which simplification can use. */
export function constantOf(tensor: OnnxTensor, float: FloatDType): Tensor {
  const value = arrayOf(tensor, float);
  const dtype = importedDType(tensor.dtype, float);
  if (sizeOf(value.shape) !== 1) return constant(value, dtype);
  return reshape(constant(Number(value.data[0]), dtype), value.shape);
}
