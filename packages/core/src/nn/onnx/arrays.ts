import { type DType, type NdArray, sizeOf, type TypedArray } from "../../array.js";
import { constant } from "../../graph/ops/leaf.js";
import { reshape } from "../../graph/ops/reshape.js";
import type { Tensor } from "../../graph/tensor.js";
import type { OnnxDType, OnnxTensor } from "../../runtime/onnx/schema.js";
import type { FloatDType } from "../model.js";

/** The dtype of an ONNX element type: one type for all floats, int64 for all integers. */
export function importedDType(dtype: OnnxDType, float: FloatDType): DType {
  if (dtype === "bool") return "bool";
  return dtype === "float16" || dtype === "float32" || dtype === "float64" ? float : "int64";
}

/** A tensor of a file as an array, which shares its data where the element type is the same. */
export function arrayOf({ dtype, shape, data }: OnnxTensor, float: FloatDType): NdArray {
  return { shape, data: converted(data, dtype, importedDType(dtype, float)) };
}

function converted(data: OnnxTensor["data"], from: OnnxDType, to: DType): TypedArray {
  if (to === "int64") return BigInt64Array.from(data as BigInt64Array, safeInteger);
  if (to === from) return data as TypedArray;
  const numbers = from === "float16" ? Float64Array.from(data as Uint16Array, halfToNumber) : data;
  const ArrayClass = to === "float64" ? Float64Array : Float32Array;
  return new ArrayClass(numbers as Float64Array);
}

/** An int64 clamped to the safe integers: the ends of int64, which mean "to the end" in files, are outside. */
const safeInteger = (value: number | bigint): bigint =>
  BigInt(Math.min(Math.max(Number(value), Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER));

/** IEEE 754 binary16 from its bits: 1 sign, 5 exponent, 10 fraction. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A tensor of a file as a constant; a single number becomes a number, which simplification can use. */
export function constantOf(tensor: OnnxTensor, float: FloatDType): Tensor {
  const value = arrayOf(tensor, float);
  const dtype = importedDType(tensor.dtype, float);
  if (sizeOf(value.shape) !== 1) return constant(value, dtype);
  return reshape(constant(Number(value.data[0]), dtype), value.shape);
}
