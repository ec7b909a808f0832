// The library's arrays and the tensors of ONNX Runtime, which has more types.
import type { NdArray } from "../../array.js";
import { float64Of, halfToNumber, toFloat16Bits } from "../../bytes.js";
import { DataError } from "../../errors.js";
import { arrayClasses } from "./dtypes.js";
import type { OnnxData, OnnxDType } from "./schema.js";

/** What is read of a tensor of ONNX Runtime. */
export interface OrtTensorLike {
  /** Such as float32, int8 or string. */
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/**
 * The numbers of an array as the data of an input of ONNX Runtime: floats of 16 bits and integers are converted.
 *
 * @param name of the input, for error messages
 * @param type of the input, as the session's `inputMetadata` has it
 * @throws DataError for a type that arrays cannot have, such as string
 *
 * @example
 * toOrtData("x", array([1, 2], "float64"), "float16"); // Uint16Array of 0x3c00 and 0x4000
 */
export function toOrtData(name: string, { data }: NdArray, type: string): OnnxData {
  if (!isKnown(type)) {
    throw new DataError(`The input "${name}" is of the type ${type}, which arrays cannot have.`);
  }
  const Class = arrayClasses[type];
  // A Uint8Array holds truth values here, which are the same for both.
  if (data instanceof Class) return data;
  const numbers = float64Of(data);
  if (Class === BigInt64Array || Class === BigUint64Array) return Class.from([...numbers].map(BigInt));
  const bits = type === "float16" ? numbers.map(toFloat16Bits) : numbers;
  return new (Class as Float64ArrayConstructor)(bits);
}

const isKnown = (type: string): type is OnnxDType => Object.hasOwn(arrayClasses, type);

/**
 * A result of ONNX Runtime as an array: numbers of other types than those of the library's arrays as float64.
 *
 * @throws DataError for strings
 *
 * @example
 * fromOrtTensor({ type: "int8", dims: [2], data: Int8Array.of(1, 2) }); // [1, 2], float64
 */
export function fromOrtTensor({ type, dims, data }: OrtTensorLike): NdArray {
  const shape = [...dims];
  if (data instanceof Float32Array || data instanceof Float64Array || data instanceof BigInt64Array) {
    return { shape, data };
  }
  if (data instanceof Uint8Array && type === "bool") return { shape, data };
  if (type === "string") throw new DataError("The file has a result of strings, which arrays cannot have.");
  const isBits = type === "float16" && data instanceof Uint16Array;
  const numbers = float64Of(data as ArrayLike<number>);
  return { shape, data: isBits ? numbers.map(halfToNumber) : numbers };
}
