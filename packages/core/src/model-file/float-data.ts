import type { NdArray } from "../array.js";
import { DataError } from "../errors.js";
import { dtypeOfCode } from "../runtime/onnx/dtypes.js";
import { isRaw, type TensorHeader, withData, withRawData } from "../runtime/onnx/raw-tensor.js";
import type { OnnxDType } from "../runtime/onnx/schema.js";
import { toFloat16Bits } from "../runtime/onnx/small-floats.js";

type FloatBits = Float32Array | Float64Array | Uint16Array;

/** How the numbers of each float type of a file are made from those of an array. */
const encoders: Partial<Record<OnnxDType, (data: ArrayLike<number>) => FloatBits>> = {
  float32: (data) => Float32Array.from(data),
  float64: (data) => Float64Array.from(data),
  float16: (data) => Uint16Array.from(data, toFloat16Bits),
};

const limits: Partial<Record<OnnxDType, number>> = { float16: 65504, float32: 3.4028234663852886e38 };

export const isFloatCode = (code: number): boolean => code === 1 || code === 10 || code === 11;

/**
 * A tensor of a file with other numbers, in the type and in the form (raw bytes or a list of numbers) that it had.
 *
 * @throws DataError for a NaN, or a number beyond the type's range
 */
export function withFloats(tensor: Uint8Array, { name, code }: TensorHeader, value: NdArray): Uint8Array {
  const what = `The tensor "${name}"`;
  const bits = floatsOf(value, dtypeOfCode(code, what), what);
  if (isRaw(tensor)) return withRawData(tensor, new Uint8Array(bits.buffer));
  if (bits instanceof Float32Array)
    return withData(tensor, 4, (w, field) => w.packedFloats(field, [...bits]));
  if (bits instanceof Uint16Array) return withData(tensor, 5, (w, field) => w.packedInts(field, [...bits]));
  // Doubles packed are their bytes, as in raw data.
  return withData(tensor, 10, (w, field) => w.bytes(field, new Uint8Array(bits.buffer)));
}

/** Numbers of an array in a float type of a file, rounded to the nearest; `what` names their owner in errors. */
export function floatsOf({ data }: NdArray, dtype: OnnxDType, what: string): FloatBits {
  const numbers = Float64Array.from({ length: data.length }, (_, i) => Number(data[i]));
  const bits = encoders[dtype]?.(numbers);
  if (bits === undefined) throw new DataError(`${what} of ${dtype} holds no floats.`);
  const wrong = firstLost(numbers, bits);
  if (wrong < 0) return bits;
  const limit = limits[dtype];
  const range = limit === undefined ? "" : ` The largest finite ${dtype} is ${limit}.`;
  throw new DataError(
    `${what} of ${dtype} cannot hold ${numbers[wrong]}, its element ${wrong}.${range} Nothing was written.`,
  );
}

/** Whether a float type of a file has all the numbers in its range. */
export function canHold(dtype: OnnxDType, numbers: Float64Array): boolean {
  const bits = encoders[dtype]?.(numbers);
  return bits !== undefined && firstLost(numbers, bits) < 0;
}

/** The first number that is NaN, or was finite and is no more. */
const firstLost = (numbers: Float64Array, bits: FloatBits): number =>
  numbers.findIndex((x, i) => Number.isNaN(x) || (Number.isFinite(x) && !isFiniteAt(bits, i)));

/** Whether an element is finite; float16 is infinite or NaN where all bits of its exponent are set. */
const isFiniteAt = (bits: FloatBits, i: number): boolean =>
  bits instanceof Uint16Array ? (bits[i] & 0x7c00) !== 0x7c00 : Number.isFinite(bits[i]);
