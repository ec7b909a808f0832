// TensorProto of the ONNX schema (onnx.in.proto): the data is raw little-endian bytes, or a repeated field by type.
import { sizeOf } from "../../array.js";
import { DataError } from "../../errors.js";
import { arrayClasses, dtypeOfCode } from "./dtypes.js";
import { type ProtoReader, readEntry } from "./protobuf.js";
import type { OnnxData, OnnxDType, OnnxTensor } from "./schema.js";

/** Where a tensor's external data is. */
export interface ExternalPlace {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** The place of a tensor, whose shape and type give the length where its entries do not. */
export function externalPlace(
  { name, shape, code }: { readonly name: string; readonly shape: readonly number[]; readonly code: number },
  entries: ReadonlyMap<string, string>,
): ExternalPlace {
  const what = `The tensor "${name}"`;
  const count = (key: string, otherwise: number) => countOf(entries.get(key) ?? String(otherwise), what);
  return {
    location: entries.get("location") ?? "",
    offset: count("offset", 0),
    length: count("length", bytesOf(sizeOf(shape), dtypeOfCode(code, what))),
  };
}

const bytesOf = (size: number, dtype: OnnxDType): number =>
  dtype.endsWith("int4") ? Math.ceil(size / 2) : size * arrayClasses[dtype].BYTES_PER_ELEMENT;

/** Reads the external data of tensors. The bytes of a part are shared with nothing else. */
export type ReadExternal = (name: string, place: ExternalPlace) => { bytes: Uint8Array; isPart: boolean };

function countOf(text: string, what: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count)) return count;
  throw new DataError(`${what} has external data at "${text}"; an offset or length is an integer >= 0.`);
}

/** @param r with what reads external data as its context, or without */
export function readTensor(r: ProtoReader): OnnxTensor {
  let name = "";
  let code = 0;
  let external = false;
  const entries = new Map<string, string>();
  let raw: Uint8Array | undefined;
  const shape: number[] = [];
  const numbers: number[] = [];
  const bigints: bigint[] = [];
  for (let field = r.next(); field !== 0; field = r.next()) {
    if (field === 1) r.ints(shape);
    else if (field === 2) code = r.int();
    else if (field === 4) r.floats(numbers);
    else if (field === 5) r.ints(numbers);
    else if (field === 7 || field === 11) r.int64s(bigints);
    else if (field === 8) name = r.string();
    else if (field === 9) raw = r.bytes();
    else if (field === 10) r.doubles(numbers);
    else if (field === 13) entries.set(...readEntry(r.message()));
    else if (field === 14) external = r.int() === 1;
    else r.skip();
  }
  const what = `The tensor "${name}"`;
  const readExternal = r.context as ReadExternal | undefined;
  if (external && readExternal === undefined) {
    throw new DataError(
      `${what} keeps its data in another file. Give the file's bytes: fromOnnx(bytes, { external }), or inlineExternalData(bytes, external) first.`,
    );
  }
  if (shape.some((n) => n < 0)) throw new DataError(`${what} has a negative size: [${shape.join(", ")}].`);
  const dtype = dtypeOfCode(code, what);
  const size = sizeOf(shape);
  const part = external ? readExternal?.(name, externalPlace({ name, shape, code }, entries)) : undefined;
  const bytes = part?.bytes ?? raw;
  const data =
    bytes === undefined
      ? fromFields(dtype, size, numbers, bigints, what)
      : fromRaw(dtype, size, bytes, what, part?.isPart);
  if (data.length !== size) {
    throw new DataError(
      `${what} of shape [${shape.join(", ")}] needs ${size} elements; the file has ${data.length}.`,
    );
  }
  return { name, dtype, shape, data };
}

/** @param isOwn whether nothing else has the bytes, which then are not copied */
function fromRaw(dtype: OnnxDType, size: number, raw: Uint8Array, what: string, isOwn = false): OnnxData {
  if (dtype === "int4" || dtype === "uint4") return fromNibbles(dtype, size, raw);
  const ArrayClass = arrayClasses[dtype];
  if (raw.length % ArrayClass.BYTES_PER_ELEMENT !== 0) {
    throw new DataError(
      `${what} has ${raw.length} bytes of data; ${dtype} needs a multiple of ${ArrayClass.BYTES_PER_ELEMENT}.`,
    );
  }
  if (isOwn && raw.byteOffset % ArrayClass.BYTES_PER_ELEMENT === 0) {
    return new ArrayClass(
      raw.buffer as ArrayBuffer,
      raw.byteOffset,
      raw.length / ArrayClass.BYTES_PER_ELEMENT,
    );
  }
  // The copy is aligned, which a view into the file need not be, and does not keep the file in memory. The slice() of a Node
  // Buffer would be a view.
  return new ArrayClass(new Uint8Array(raw).buffer);
}

/** The repeated field of floats, doubles and small integers is `numbers`, that of 64 bits or uint32 is `bigints`. */
function fromFields(
  dtype: OnnxDType,
  size: number,
  numbers: readonly number[],
  bigints: readonly bigint[],
  what: string,
): OnnxData {
  if (dtype === "int64") return BigInt64Array.from(bigints);
  if (dtype === "uint64") return BigUint64Array.from(bigints);
  if (dtype === "float32") return Float32Array.from(numbers);
  if (dtype === "float64") return Float64Array.from(numbers);
  const integers = dtype === "uint32" ? bigints.map(Number) : numbers;
  const stored =
    dtype === "int4" || dtype === "uint4" ? Uint8Array.from(integers) : arrayClasses[dtype].from(integers);
  const wrong = integers.findIndex((x, i) => stored[i] !== x);
  if (wrong !== -1) {
    throw new DataError(`${what} of type ${dtype} holds ${integers[wrong]}, which is out of range.`);
  }
  return dtype === "int4" || dtype === "uint4" ? fromNibbles(dtype, size, stored) : stored;
}

/** Two numbers a byte, the first in the low half; an odd number of them leaves the last half unused. */
function fromNibbles(dtype: "int4" | "uint4", size: number, bytes: ArrayLike<number>): OnnxData {
  const count = 2 * bytes.length - (size === 2 * bytes.length - 1 ? 1 : 0);
  const numbers = Array.from({ length: count }, (_, i) => {
    const x = (bytes[i >> 1] >> (4 * (i % 2))) & 15;
    return dtype === "int4" && x > 7 ? x - 16 : x;
  });
  return arrayClasses[dtype].from(numbers);
}
