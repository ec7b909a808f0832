import { type DType, type NdArray, sizeOf, type TypedArray } from "../../array.js";
import { halfToNumber } from "../../bytes.js";
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

/** A tensor of a file as a separate array. */
export function arrayOf({ dtype, shape, data }: OnnxTensor, float: FloatDType): NdArray {
  return { shape, data: converted(data, dtype, importedDType(dtype, float)) };
}

function converted(data: OnnxTensor["data"], from: OnnxDType, to: DType): TypedArray {
  if (to === "bool") return Uint8Array.from(data as Uint8Array);
  if (to === "int64") return BigInt64Array.from(data as BigInt64Array, safeInteger);
  const number = from === "float16" ? halfToNumber : Number;
  const numbers = Float64Array.from(data as Float64Array, number);
  return to === "float64" ? numbers : Float32Array.from(numbers);
}

/** An int64 clamped to the safe integers: the ends of int64, which mean "to the end" in files, are outside. */
const safeInteger = (value: number | bigint): bigint =>
  BigInt(Math.min(Math.max(Number(value), Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER));

/** A tensor of a file as a constant; a single number becomes a number, which simplification can use. */
export function constantOf(tensor: OnnxTensor, float: FloatDType): Tensor {
  const value = arrayOf(tensor, float);
  const dtype = importedDType(tensor.dtype, float);
  if (sizeOf(value.shape) !== 1) return constant(value, dtype);
  return reshape(constant(Number(value.data[0]), dtype), value.shape);
}
