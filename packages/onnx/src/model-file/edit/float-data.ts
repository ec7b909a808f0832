import { DataError, type NdArray } from "isoloss";
import {
  dtypeCode,
  float64Of,
  isRaw,
  type OnnxDType,
  type TensorHeader,
  toBfloat16Bits,
  toFloat16Bits,
  withData,
  withRawData,
} from "isoloss/internal";

type FloatBits = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

interface FloatFormat {
  readonly largest: number;
  /** The least number that is rounded to infinity: half a step above the largest. */
  readonly beyond: number;
  readonly encode: (numbers: Float64Array) => FloatBits;
}

/** The float types of files, and how numbers are stored in them. */
const formats: Readonly<Record<string, FloatFormat>> = {
  float32: {
    largest: 3.4028234663852886e38,
    beyond: 2 ** 128 - 2 ** 103,
    encode: (numbers) => new Float32Array(numbers),
  },
  float64: {
    largest: Number.MAX_VALUE,
    beyond: Number.POSITIVE_INFINITY,
    encode: (numbers) => new Float64Array(numbers),
  },
  float16: { largest: 65504, beyond: 65520, encode: (numbers) => bitsOf(numbers, toFloat16Bits) },
  bfloat16: {
    largest: 3.3895313892515355e38,
    beyond: 2 ** 128 - 2 ** 119,
    encode: (numbers) => bitsOf(numbers, toBfloat16Bits),
  },
};

/** By number: `from` with a function takes as long again for millions of weights. */
function bitsOf(numbers: Float64Array, toBits: (value: number) => number): Uint16Array<ArrayBuffer> {
  const bits = new Uint16Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) bits[i] = toBits(numbers[i]);
  return bits;
}

const typesByCode = new Map((Object.keys(formats) as OnnxDType[]).map((dtype) => [dtypeCode(dtype), dtype]));

export const isFloatCode = (code: number): boolean => typesByCode.has(code);

export const isFloatType = (dtype: string): boolean => Object.hasOwn(formats, dtype);

/**
 * A tensor of a file with other numbers, in the type and in the form (raw bytes or a list of numbers) that it had.
 *
 * @throws DataError for a NaN, or a number beyond the type's range
 */
export function withFloats(tensor: Uint8Array, { name, code }: TensorHeader, value: NdArray): Uint8Array {
  const what = `The tensor "${name}"`;
  const dtype = typesByCode.get(code);
  if (dtype === undefined) throw new DataError(`${what} holds no floats: its type has the number ${code}.`);
  const bits = floatsOf(value, dtype, what);
  const bytes = bytesOf(bits);
  if (isRaw(tensor)) return withRawData(tensor, bytes);
  if (bits instanceof Uint16Array) {
    return withData(tensor, 5, (w, field) => w.packedInts(field, Array.from(bits)));
  }
  // A packed list of floats or doubles is their bytes, as in raw data.
  return withData(tensor, bits instanceof Float32Array ? 4 : 10, (w, field) => w.bytes(field, bytes));
}

export const bytesOf = ({ buffer, byteOffset, byteLength }: FloatBits): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Numbers of an array in a float type of a file, the array's own where it has that type, rounded to the nearest; `what` names their owner in errors. */
export function floatsOf({ data }: NdArray, dtype: string, what: string): FloatBits {
  const format = formats[dtype];
  const isOwn = data instanceof Float32Array && dtype === "float32";
  const numbers = isOwn ? data : float64Of(data);
  const wrong = firstLost(numbers, format);
  if (wrong < 0) return isOwn ? (data as Float32Array<ArrayBuffer>) : format.encode(numbers as Float64Array);
  if (Number.isNaN(numbers[wrong])) {
    throw new DataError(`${what} holds NaN, its element ${wrong}. Nothing was written.`);
  }
  throw new DataError(
    `${what} of ${dtype} cannot hold ${numbers[wrong]}, its element ${wrong}. ` +
      `The largest finite ${dtype} is ${format.largest}. Nothing was written.`,
  );
}

/** Whether a float type of a file has all the numbers in its range. */
export const canHold = (dtype: string, numbers: Float64Array): boolean =>
  firstLost(numbers, formats[dtype]) < 0;

/** The first number that is NaN, or is finite and would be no more. */
function firstLost(numbers: Float64Array | Float32Array, { beyond }: FloatFormat): number {
  for (let i = 0; i < numbers.length; i++) {
    const size = Math.abs(numbers[i]);
    if (!(size < beyond) && size !== Number.POSITIVE_INFINITY) return i;
  }
  return -1;
}
