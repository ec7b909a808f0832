// The IDX format: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", "File formats".
import { astype, type DType, type NdArray, requireDType, sizeOf } from "../array.js";
import { requireBytes } from "../bytes.js";
import { DataError } from "../errors.js";
import { requireKnown } from "../options.js";
import { gunzip, isGzip } from "./gzip.js";

interface IdxType {
  readonly bytes: number;
  /** The default dtype for each type of the format; it holds every value exactly. */
  readonly dtype: DType;
  readonly read: (view: DataView, at: number) => number;
}

const types: ReadonlyMap<number, IdxType> = new Map([
  [0x08, { bytes: 1, dtype: "int64", read: (view, at) => view.getUint8(at) }],
  [0x09, { bytes: 1, dtype: "int64", read: (view, at) => view.getInt8(at) }],
  [0x0b, { bytes: 2, dtype: "int64", read: (view, at) => view.getInt16(at) }],
  [0x0c, { bytes: 4, dtype: "int64", read: (view, at) => view.getInt32(at) }],
  [0x0d, { bytes: 4, dtype: "float32", read: (view, at) => view.getFloat32(at) }],
  [0x0e, { bytes: 8, dtype: "float64", read: (view, at) => view.getFloat64(at) }],
]);

export interface IdxOptions {
  /** Element type of the result; default int64 for integers, the file's own type for floats. */
  readonly dtype?: DType | undefined;
}

/** {@link readIdx} of a file that is not compressed. */
export function parseIdx(bytes: Uint8Array, options: IdxOptions = {}): NdArray {
  const { dtype } = options;
  if (dtype !== undefined) requireDType("readIdx", dtype);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) throw new DataError(`An IDX file starts with 4 bytes; got ${bytes.length} in all.`);
  const type = types.get(bytes[2]);
  if (bytes[0] !== 0 || bytes[1] !== 0 || type === undefined) {
    const magic = Array.from(bytes.subarray(0, 4), (b) => b.toString(16).padStart(2, "0")).join(" ");
    const hint = isGzip(bytes) ? " It is compressed by gzip twice: decompress it once." : "";
    throw new DataError(
      `An IDX file starts with 00 00, a type of 08, 09, 0b, 0c, 0d or 0e, and the rank; got ${magic}.${hint}`,
    );
  }
  const rank = bytes[3];
  const header = 4 + 4 * rank;
  if (bytes.length < header) {
    throw new DataError(`The IDX header of rank ${rank} needs ${header} bytes; got ${bytes.length}.`);
  }
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const size = sizeOf(shape);
  const expected = header + size * type.bytes;
  if (bytes.length !== expected) {
    const what = bytes.length < expected ? "The file is truncated" : "The file has trailing bytes";
    throw new DataError(
      `IDX data of shape [${shape.join(", ")}] needs ${expected} bytes; got ${bytes.length}. ${what}.`,
    );
  }
  const target = dtype ?? type.dtype;
  // float64 holds every number of the format, but needs too much memory for images.
  const data = target === "float32" ? new Float32Array(size) : new Float64Array(size);
  // Images are bytes, and millions of them.
  if (bytes[2] === 0x08) data.set(bytes.subarray(header));
  else for (let i = 0; i < size; i++) data[i] = type.read(view, header + i * type.bytes);
  return astype({ shape, data }, target);
}

/**
 * Reads an IDX file, which may be gzip-compressed: two zero bytes, a type byte, the rank, one big-endian uint32 a dimension, the elements
 * big-endian.
 *
 * @param bytes the whole file
 * @throws DataError for a wrong magic number, and for missing or trailing bytes; DTypeError for numbers that the dtype does not
 *   hold
 *
 * @example
 * await readIdx(new Uint8Array(await (await fetch("train-labels-idx1-ubyte.gz")).arrayBuffer()));
 */
export async function readIdx(bytes: Uint8Array, options: IdxOptions = {}): Promise<NdArray> {
  requireKnown("readIdx", options, ["dtype"], 'readIdx(bytes, { dtype: "float32" })');
  requireBytes("readIdx", bytes);
  return parseIdx(isGzip(bytes) ? await gunzip(bytes) : bytes, options);
}
