// The safetensors format, version 0.x: https://github.com/huggingface/safetensors, section "Format".
import { allocate, type DType, dtypeOf, isNdArray, type NdArray, requireArray, sizeOf } from "../array.js";
import { bfloatToNumber, halfToNumber, requireBytes, writeElements } from "../bytes.js";
import { DataError, describeValue, isPlainObject } from "../errors.js";

/** The limit of the reference implementation. */
const LARGEST_HEADER = 100_000_000;
const METADATA = "__metadata__";

interface Codec {
  readonly bytes: number;
  readonly dtype: DType;
  readonly read: (view: DataView, at: number) => number | bigint;
}

/** How each element type is read. A type without an equal dtype is widened to one that holds every value. */
const codecs: ReadonlyMap<string, Codec> = new Map<string, Codec>([
  ["F64", { bytes: 8, dtype: "float64", read: (v, at) => v.getFloat64(at, true) }],
  ["F32", { bytes: 4, dtype: "float32", read: (v, at) => v.getFloat32(at, true) }],
  ["F16", { bytes: 2, dtype: "float32", read: (v, at) => halfToNumber(v.getUint16(at, true)) }],
  ["BF16", { bytes: 2, dtype: "float32", read: (v, at) => bfloatToNumber(v.getUint16(at, true)) }],
  ["I64", { bytes: 8, dtype: "int64", read: (v, at) => v.getBigInt64(at, true) }],
  ["I32", { bytes: 4, dtype: "int64", read: (v, at) => BigInt(v.getInt32(at, true)) }],
  ["I16", { bytes: 2, dtype: "int64", read: (v, at) => BigInt(v.getInt16(at, true)) }],
  ["I8", { bytes: 1, dtype: "int64", read: (v, at) => BigInt(v.getInt8(at)) }],
  ["U32", { bytes: 4, dtype: "int64", read: (v, at) => BigInt(v.getUint32(at, true)) }],
  ["U16", { bytes: 2, dtype: "int64", read: (v, at) => BigInt(v.getUint16(at, true)) }],
  ["U8", { bytes: 1, dtype: "int64", read: (v, at) => BigInt(v.getUint8(at)) }],
  ["BOOL", { bytes: 1, dtype: "bool", read: (v, at) => v.getUint8(at) }],
]);

const names: Readonly<Record<DType, string>> = { float64: "F64", float32: "F32", int64: "I64", bool: "BOOL" };

/** The arrays of a safetensors file by name, in the order of its header, and its free-form strings. */
export interface Safetensors {
  readonly tensors: Record<string, NdArray>;
  readonly metadata: Record<string, string>;
}

/**
 * Writes arrays as a safetensors file.
 *
 * float32, float64, int64 and bool become F32, F64, I64 and BOOL. The header keeps the order of `tensors`; the data is
 * laid out by descending element size, so that each array is aligned.
 *
 * @throws DataError for the reserved name `__metadata__`, for metadata that is not text and for sizes that disagree
 *
 * @example
 * encodeSafetensors({ "layers.0.weight": zeros([4, 8]) }, { step: "100" });
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, NdArray>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  for (const [what, entriesOf] of [["arrays", tensors] as const, ["texts", metadata] as const]) {
    if (!isPlainObject(entriesOf) || isNdArray(entriesOf)) {
      throw new DataError(
        `encodeSafetensors takes arrays by name, then texts by name; got ${describeValue(entriesOf)} for the ${what}. ` +
          'Write encodeSafetensors({ weight }, { step: "100" }).',
      );
    }
  }
  const entries = Object.entries(tensors).map(([name, a]) => {
    requireArray(`encodeSafetensors ("${name}")`, a);
    if (name === METADATA) throw new DataError(`The tensor name "${METADATA}" is reserved by the format.`);
    if (a.data.length !== sizeOf(a.shape)) {
      throw new DataError(
        `Tensor "${name}" of shape [${a.shape.join(", ")}] needs ${sizeOf(a.shape)} elements; it has ${a.data.length}.`,
      );
    }
    return { name, a, dtype: names[dtypeOf(a)], begin: 0 };
  });
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string") {
      throw new DataError(`Metadata values must be strings; "${key}" is a ${typeof value}.`);
    }
  }
  let total = 0;
  for (const entry of [...entries].sort((x, y) => elementBytes(y.a) - elementBytes(x.a))) {
    entry.begin = total;
    total += entry.a.data.byteLength;
  }
  const fields: [string, unknown][] = entries.map(({ name, a, dtype, begin }) => [
    name,
    { dtype, shape: a.shape, data_offsets: [begin, begin + a.data.byteLength] },
  ]);
  if (Object.keys(metadata).length > 0) fields.unshift([METADATA, metadata]);
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(fields)));
  const headerLength = Math.ceil(json.length / 8) * 8;

  const bytes = new Uint8Array(8 + headerLength + total);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, 8, 8 + headerLength);
  bytes.set(json, 8);
  for (const { a, begin } of entries) writeElements(view, 8 + headerLength + begin, a);
  return bytes;
}

function elementBytes(a: NdArray): number {
  return a.data.BYTES_PER_ELEMENT;
}

/**
 * Reads a safetensors file; the arrays are copies.
 *
 * F32, F64, I64 and BOOL keep their type; F16 and BF16 become float32, the smaller integers int64, all
 * exactly.
 *
 * @throws DataError for a truncated file, a malformed header, an unknown element type, sizes that disagree, and data
 *   ranges that overlap or leave holes
 *
 * @example
 * const { tensors, metadata } = decodeSafetensors(bytes);
 */
export function decodeSafetensors(bytes: Uint8Array): Safetensors {
  requireBytes("decodeSafetensors", bytes);
  const { header, dataStart } = readHeader(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const available = bytes.length - dataStart;
  const entries = Object.entries(header)
    .filter(([name]) => name !== METADATA)
    .map(([name, value]) => readEntry(name, value, available));
  // Checked before anything is allocated: overlapping ranges could need far more memory than the file has
  // bytes.
  requireTiling(entries, available);
  const tensors = entries.map(({ name, codec, shape, begin }): [string, NdArray] => {
    const data = allocate(codec.dtype, sizeOf(shape));
    for (let i = 0; i < data.length; i++) data[i] = codec.read(view, dataStart + begin + i * codec.bytes);
    if (codec.dtype === "bool" && data.some((x) => x > 1)) {
      throw new DataError(`Tensor "${name}": BOOL bytes must be 0 or 1.`);
    }
    return [name, { shape, data }];
  });
  return { tensors: Object.fromEntries(tensors), metadata: readMetadata(header) };
}

/** The range of a tensor according to the header, in bytes from the start of the data. */
interface Entry {
  readonly name: string;
  readonly codec: Codec;
  readonly shape: number[];
  readonly begin: number;
  readonly end: number;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readHeader(bytes: Uint8Array): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.length < 8) {
    throw new DataError(
      `A safetensors file starts with an 8-byte header length; got ${bytes.length} bytes in all.`,
    );
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > LARGEST_HEADER || 8 + Number(length) > bytes.length) {
    throw new DataError(
      `The safetensors header should have ${length} bytes, but ${bytes.length - 8} follow ` +
        `(and ${LARGEST_HEADER} is the limit). The file is truncated or has another format.`,
    );
  }
  const dataStart = 8 + Number(length);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, dataStart)));
  } catch (cause) {
    throw new DataError(
      `The safetensors header is not JSON: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
  if (!isRecord(header) || bytes[8] !== 0x7b) {
    throw new DataError('The safetensors header must be a JSON object that starts with "{".');
  }
  return { header, dataStart };
}

function readEntry(name: string, value: unknown, available: number): Entry {
  const { dtype, shape, data_offsets: offsets } = isRecord(value) ? value : {};
  const codec = typeof dtype === "string" ? codecs.get(dtype) : undefined;
  if (codec === undefined) {
    throw new DataError(
      `Tensor "${name}" has element type ${JSON.stringify(dtype)}; known are ${[...codecs.keys()].join(", ")}.`,
    );
  }
  const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && Number(n) >= 0;
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    throw new DataError(`Tensor "${name}": shape must be a list of counts; got ${JSON.stringify(shape)}.`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw new DataError(`Tensor "${name}": data_offsets must be two counts; got ${JSON.stringify(offsets)}.`);
  }
  const [begin, end] = offsets;
  if (begin > end || end > available) {
    throw new DataError(
      `Tensor "${name}" lies at bytes ${begin}..${end} of the data, which has ${available}. The file may be truncated.`,
    );
  }
  const needed = sizeOf(shape) * codec.bytes;
  if (end - begin !== needed) {
    throw new DataError(
      `Tensor "${name}" of type ${dtype} and shape [${shape.join(", ")}] needs ${needed} bytes; ` +
        `its range has ${end - begin}.`,
    );
  }
  return { name, codec, shape, begin, end };
}

/** The format requires that each byte of the data belongs to exactly one tensor. */
function requireTiling(entries: readonly Entry[], available: number): void {
  let at = 0;
  for (const { name, begin, end } of [...entries].sort((x, y) => x.begin - y.begin || x.end - y.end)) {
    if (begin !== at) {
      const what = begin < at ? "overlaps another tensor" : "leaves a hole before it";
      throw new DataError(
        `Tensor "${name}" ${what}: it begins at byte ${begin} of the data, expected ${at}.`,
      );
    }
    at = end;
  }
  if (at !== available) {
    throw new DataError(`The safetensors header describes ${at} bytes of data; the file has ${available}.`);
  }
}

function readMetadata(header: Record<string, unknown>): Record<string, string> {
  const metadata = header[METADATA] ?? {};
  if (!isRecord(metadata) || !Object.values(metadata).every((v) => typeof v === "string")) {
    throw new DataError(`"${METADATA}" must map strings to strings; got ${JSON.stringify(metadata)}.`);
  }
  return metadata as Record<string, string>;
}
