// The NPY format of arrays: NumPy Enhancement Proposal 1 and numpy.lib.format, versions 1.0 to 3.0.
import {
  allocate,
  astype,
  type DType,
  dtypeOf,
  type NdArray,
  requireArray,
  requireDType,
  sizeOf,
} from "../array.js";
import { halfToNumber, requireBytes, writeElements } from "../bytes.js";
import { DataError } from "../errors.js";
import { requireKnown } from "../options.js";
import { type NpyHeader, readNpyHeader } from "./npy-header.js";

interface ElementType {
  readonly bytes: number;
  /** Holds every value exactly. */
  readonly dtype: DType;
  readonly read: (view: DataView, at: number, isLittle: boolean) => number | bigint;
}

/** Element types by kind and size, as in `<f4`. */
const types: ReadonlyMap<string, ElementType> = new Map<string, ElementType>([
  ["b1", { bytes: 1, dtype: "bool", read: (v, at) => (v.getUint8(at) === 0 ? 0 : 1) }],
  ["u1", { bytes: 1, dtype: "int64", read: (v, at) => v.getUint8(at) }],
  ["u2", { bytes: 2, dtype: "int64", read: (v, at, little) => v.getUint16(at, little) }],
  ["u4", { bytes: 4, dtype: "int64", read: (v, at, little) => v.getUint32(at, little) }],
  ["u8", { bytes: 8, dtype: "int64", read: (v, at, little) => signed(v.getBigUint64(at, little)) }],
  ["i1", { bytes: 1, dtype: "int64", read: (v, at) => v.getInt8(at) }],
  ["i2", { bytes: 2, dtype: "int64", read: (v, at, little) => v.getInt16(at, little) }],
  ["i4", { bytes: 4, dtype: "int64", read: (v, at, little) => v.getInt32(at, little) }],
  ["i8", { bytes: 8, dtype: "int64", read: (v, at, little) => v.getBigInt64(at, little) }],
  ["f2", { bytes: 2, dtype: "float32", read: (v, at, little) => halfToNumber(v.getUint16(at, little)) }],
  ["f4", { bytes: 4, dtype: "float32", read: (v, at, little) => v.getFloat32(at, little) }],
  ["f8", { bytes: 8, dtype: "float64", read: (v, at, little) => v.getFloat64(at, little) }],
]);

/** Arrays whose memory is that of a file in the order of this computer, by element type and bytes. */
const floatsOf: Partial<Record<DType, Readonly<Record<number, typeof Float32Array | typeof Float64Array>>>> =
  {
    float32: { 4: Float32Array },
    float64: { 8: Float64Array },
  };
const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** What to save instead, by the kind of elements that are not numbers. */
const instead: Readonly<Record<string, string>> = {
  O: "Python objects, which only Python reads. Save an array of numbers: np.save(path, np.asarray(values, dtype=np.float32))",
  c: "complex numbers. Save both parts: np.save(path, np.stack([a.real, a.imag]))",
  S: "text. Save numbers, such as the indices of np.unique(a, return_inverse=True)",
  U: "text. Save numbers, such as the indices of np.unique(a, return_inverse=True)",
  V: "raw bytes. Save numbers: np.save(path, a.view(np.uint8))",
  M: "dates. Save numbers: np.save(path, a.astype(np.int64))",
  m: "times. Save numbers: np.save(path, a.astype(np.int64))",
};

export interface NpyOptions {
  /** Element type of the result; default float32, float64, int64 or bool: that which holds the file's values exactly. */
  readonly dtype?: DType | undefined;
}

/**
 * Reads a `.npy` file, as `np.save` writes it: versions 1 to 3, either byte order, C or Fortran order.
 *
 * f2 and f4 become float32, f8 float64, integers int64, b1 bool: all values are kept exactly, unless `dtype` names
 * another type. The result is row-major in every case.
 *
 * @param bytes the whole file
 * @throws DataError for another format, missing or trailing bytes, and for elements that are not real numbers, with
 *   what to save instead
 *
 * @example
 * decodeNpy(encodeNpy(array([[1, 2], [3, 4]]))).shape; // [2, 2]
 */
export function decodeNpy(bytes: Uint8Array, options: NpyOptions = {}): NdArray {
  requireBytes("decodeNpy", bytes);
  requireKnown("decodeNpy", options, ["dtype"], 'decodeNpy(bytes, { dtype: "float32" })');
  const { dtype } = options;
  if (dtype !== undefined) requireDType("decodeNpy", dtype);
  const header = readNpyHeader(bytes);
  requireNpySize(header, bytes.length);
  return npyElements(header, bytes.subarray(header.dataStart), dtype);
}

/**
 * The bytes of an element of a `.npy` file.
 *
 * @throws DataError unless the file has as many bytes as its header says, and elements that are real numbers
 */
export function requireNpySize({ descr, shape, dataStart }: NpyHeader, length: number): number {
  const { bytes } = typeOf(descr);
  const [expected, available] = [sizeOf(shape) * bytes, length - dataStart];
  if (expected === available) return bytes;
  const what = available < expected ? "The file is truncated" : "The file has trailing bytes";
  throw new DataError(
    `The .npy data of type ${descr} and shape [${shape.join(", ")}] needs ${expected} bytes; got ${available}. ${what}.`,
  );
}

/** The array of some bytes of elements, which are copied. */
export function npyElements(
  { descr, isFortran, shape }: Omit<NpyHeader, "dataStart">,
  bytes: Uint8Array,
  dtype?: DType,
): NdArray {
  const type = typeOf(descr);
  const size = sizeOf(shape);
  const isLittle = descr?.[0] !== ">";
  const target = dtype ?? type.dtype;
  const memory = floatsOf[type.dtype]?.[type.bytes];
  if (memory && isLittle && !isFortran && isLittleEndian) {
    // A copy, aligned: the bytes may be a part of a larger buffer.
    const data = new memory(new Uint8Array(bytes).buffer);
    return astype({ shape, data } as NdArray, target);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // An image of bytes as int64 first would need eight times its memory.
  const isDirect = target === "float32" && type.bytes <= 4;
  const data = allocate(isDirect ? "float32" : type.dtype, size);
  const position = isFortran ? fortranPositions(shape) : (i: number) => i;
  for (let i = 0; i < size; i++) {
    const value = type.read(view, position(i) * type.bytes, isLittle);
    if (data instanceof BigInt64Array) data[i] = BigInt(value);
    else data[i] = Number(value);
  }
  return astype({ shape, data }, target);
}

function typeOf(descr: string | null): ElementType {
  if (descr === null) {
    throw new DataError(
      'The .npy file holds records with named fields. Save each field as an array of its own: np.save(path, a["field"]).',
    );
  }
  const [, kind = "", size = ""] = /^[<>|=]([a-zA-Z])(\d*)/.exec(descr) ?? [];
  const type = types.get(`${kind}${size}`);
  if (type !== undefined) return type;
  if (Object.hasOwn(instead, kind)) {
    throw new DataError(`The .npy file holds elements of type ${descr}: ${instead[kind]}.`);
  }
  throw new DataError(
    `The .npy file holds elements of type ${descr}; known are ${[...types.keys()].join(", ")}. Save it as float64: np.save(path, a.astype(np.float64)).`,
  );
}

function signed(value: bigint): bigint {
  if (value < 2n ** 63n) return value;
  throw new DataError(
    `The .npy file holds ${value}, which int64 cannot hold. Save it as float64: np.save(path, a.astype(np.float64)).`,
  );
}

/** Maps an index in row-major order, asked for in turn, to that of the same element with the first axis fastest. */
function fortranPositions(shape: readonly number[]): (i: number) => number {
  const index = new Array<number>(shape.length).fill(0);
  const strides = shape.map((_, d) => sizeOf(shape.slice(0, d)));
  let next = 0;
  return () => {
    const position = next;
    for (let d = shape.length - 1; d >= 0; d--) {
      next += strides[d];
      if (++index[d] < shape[d]) break;
      next -= strides[d] * shape[d];
      index[d] = 0;
    }
    return position;
  };
}

const descriptions = { float32: "<f4", float64: "<f8", int64: "<i8", bool: "|b1" } as const;

/**
 * Writes an array as a `.npy` file (version 1, C order, little endian), which `np.load` reads.
 *
 * @example
 * encodeNpy(array([1, 2, 3], "float64")).length; // 128 of header, 24 of numbers
 */
export function encodeNpy(a: NdArray): Uint8Array {
  requireArray("encodeNpy", a);
  const { shape, data } = a;
  const tuple = `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
  const fields = `{'descr': '${descriptions[dtypeOf(a)]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const dataStart = Math.ceil((10 + fields.length + 1) / 64) * 64;
  const bytes = new Uint8Array(dataStart + data.byteLength);
  const view = new DataView(bytes.buffer);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
  view.setUint16(8, dataStart - 10, true);
  bytes.set(new TextEncoder().encode(`${fields.padEnd(dataStart - 11)}\n`), 10);
  writeElements(view, dataStart, a);
  return bytes;
}
