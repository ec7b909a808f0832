// The Protocol Buffers wire format (protobuf.dev, "Encoding"): varint, fixed 32 and 64, length-delimited.
import { DataError } from "../../errors.js";

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** The limit of the reference implementation's parsers; it keeps a malicious file from overflowing the stack. */
export const MAX_DEPTH = 100;

const encoder = new TextEncoder();
// `ignoreBOM` keeps a leading U+FEFF, which is part of the string here.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Writes one message. Small fields are collected in a list of bytes; large ones are kept by reference and
 * copied once, by {@link finish}, so that nesting a large tensor costs nothing.
 */
export class ProtoWriter {
  readonly #chunks: Uint8Array[] = [];
  #open: number[] = [];
  #closedSize = 0;

  get size(): number {
    return this.#closedSize + this.#open.length;
  }

  /** An integer as a signed 64-bit varint, which is also the encoding of int32, bool and enum fields. */
  int(field: number, value: number | bigint): void {
    this.#tag(field, VARINT);
    this.#varint(value);
  }

  float(field: number, value: number): void {
    this.#tag(field, FIXED32);
    this.#append(new Uint8Array(Float32Array.of(value).buffer));
  }

  double(field: number, value: number): void {
    this.#tag(field, FIXED64);
    this.#append(new Uint8Array(Float64Array.of(value).buffer));
  }

  string(field: number, value: string): void {
    this.bytes(field, encoder.encode(value));
  }

  bytes(field: number, value: Uint8Array): void {
    this.#tag(field, BYTES);
    this.#varint(value.length);
    this.#append(value);
  }

  packedInts(field: number, values: readonly number[]): void {
    this.message(field, (w) => {
      for (const value of values) w.#varint(value);
    });
  }

  packedFloats(field: number, values: readonly number[]): void {
    this.bytes(field, new Uint8Array(Float32Array.from(values).buffer));
  }

  message(field: number, write: (w: ProtoWriter) => void): void {
    const inner = new ProtoWriter();
    write(inner);
    this.#tag(field, BYTES);
    this.#varint(inner.size);
    for (const chunk of inner.#chunks) this.#append(chunk);
    for (const byte of inner.#open) this.#open.push(byte);
  }

  finish(): Uint8Array {
    this.#close();
    const out = new Uint8Array(this.#closedSize);
    let at = 0;
    for (const chunk of this.#chunks) {
      out.set(chunk, at);
      at += chunk.length;
    }
    return out;
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number | bigint): void {
    if (typeof value === "bigint" || value < 0) {
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest > 127n; rest >>= 7n) this.#open.push(Number(rest & 127n) | 128);
      this.#open.push(Number(rest));
    } else {
      let rest = value;
      for (; rest > 127; rest = Math.floor(rest / 128)) this.#open.push((rest % 128) | 128);
      this.#open.push(rest);
    }
  }

  #append(bytes: Uint8Array): void {
    if (bytes.length <= 64) {
      for (const byte of bytes) this.#open.push(byte);
    } else {
      this.#close();
      this.#chunks.push(bytes);
      this.#closedSize += bytes.length;
    }
  }

  #close(): void {
    if (this.#open.length === 0) return;
    this.#chunks.push(Uint8Array.from(this.#open));
    this.#closedSize += this.#open.length;
    this.#open = [];
  }
}

/**
 * Reads one message, field by field. Every read checks that the bytes are there.
 *
 * @example
 * for (let field = r.next(); field !== 0; field = r.next()) {
 *   if (field === 1) name = r.string();
 *   else r.skip();
 * }
 */
export class ProtoReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  readonly #depth: number;
  #at: number;
  #wireType = VARINT;

  /** @param context what readers of messages inside have, too */
  constructor(
    bytes: Uint8Array,
    start = 0,
    end = bytes.length,
    depth = 0,
    readonly context?: unknown,
  ) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = end;
    this.#depth = depth;
  }

  /** Offset in the bytes of what is read next. */
  get position(): number {
    return this.#at;
  }

  /** The number of the next field; the next call reads or skips its value. 0 at the end of the message. */
  next(): number {
    if (this.#at === this.#end) return 0;
    const start = this.#at;
    const tag = this.#uint();
    const field = Math.floor(tag / 8);
    this.#wireType = tag % 8;
    if (field < 1 || field >= 2 ** 29) throw new DataError(`Invalid field number ${field} at byte ${start}.`);
    return field;
  }

  skip(): void {
    switch (this.#wireType) {
      case VARINT:
        this.#varint();
        return;
      case FIXED64:
        this.#take(8);
        return;
      case BYTES:
        this.#length();
        return;
      case FIXED32:
        this.#take(4);
        return;
      default:
        throw new DataError(`Unknown wire type ${this.#wireType} at byte ${this.#at}.`);
    }
  }

  /** A signed 64-bit integer. */
  int64(): bigint {
    this.#expect(VARINT);
    return BigInt.asIntN(64, this.#varint());
  }

  /** An integer as a number. */
  int(): number {
    this.#expect(VARINT);
    return this.#safeInt();
  }

  float(): number {
    this.#expect(FIXED32);
    return this.#view.getFloat32(this.#take(4), true);
  }

  /** The bytes of a field, as a view of the input. */
  bytes(): Uint8Array {
    this.#expect(BYTES);
    const start = this.#length();
    return this.#bytes.subarray(start, this.#at);
  }

  string(): string {
    const bytes = this.bytes();
    try {
      return decoder.decode(bytes);
    } catch {
      throw new DataError(`Expected UTF-8 text at byte ${this.#at - bytes.length}; the bytes are not UTF-8.`);
    }
  }

  message(): ProtoReader {
    this.#expect(BYTES);
    if (this.#depth === MAX_DEPTH) {
      throw new DataError(`Messages nested deeper than ${MAX_DEPTH} at byte ${this.#at}.`);
    }
    const start = this.#length();
    return new ProtoReader(this.#bytes, start, this.#at, this.#depth + 1, this.context);
  }

  /** Appends one element of a repeated field, or all of a packed one. */
  ints(into: number[]): void {
    this.#repeated(VARINT, (r) => into.push(r.#safeInt()));
  }

  int64s(into: bigint[]): void {
    this.#repeated(VARINT, (r) => into.push(BigInt.asIntN(64, r.#varint())));
  }

  floats(into: number[]): void {
    this.#repeated(FIXED32, (r) => into.push(r.#view.getFloat32(r.#take(4), true)));
  }

  doubles(into: number[]): void {
    this.#repeated(FIXED64, (r) => into.push(r.#view.getFloat64(r.#take(8), true)));
  }

  #repeated(wireType: number, read: (r: ProtoReader) => void): void {
    if (this.#wireType === BYTES) {
      const packed = this.message();
      while (packed.#at < packed.#end) read(packed);
    } else {
      this.#expect(wireType);
      read(this);
    }
  }

  #expect(wireType: number): void {
    if (this.#wireType !== wireType) {
      throw new DataError(
        `Expected wire type ${wireType} before byte ${this.#at}; got ${this.#wireType}. This is not the expected kind of file, or it is damaged.`,
      );
    }
  }

  #take(size: number): number {
    const start = this.#at;
    if (size > this.#end - start) {
      throw new DataError(
        `File truncated or damaged at byte ${start}: expected ${size} more bytes, got ${this.#end - start}.`,
      );
    }
    this.#at += size;
    return start;
  }

  /** Reads a length and moves past that many bytes; returns where they start. */
  #length(): number {
    return this.#take(this.#uint());
  }

  #safeInt(): number {
    const start = this.#at;
    const value = BigInt.asIntN(64, this.#varint());
    const number = Number(value);
    if (!Number.isSafeInteger(number)) {
      throw new DataError(`The integer ${value} at byte ${start} is beyond 2^53 and has no exact number.`);
    }
    return number;
  }

  #uint(): number {
    const start = this.#at;
    const byte = this.#bytes[this.#take(1)];
    if (byte < 128) return byte;
    this.#at = start;
    return Number(this.#varint());
  }

  #varint(): bigint {
    const start = this.#at;
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#bytes[this.#take(1)];
      low |= (byte & 127) << shift;
      if (byte < 128) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#take(1)];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asUintN(64, value);
    }
    throw new DataError(`A varint longer than 10 bytes at byte ${start}.`);
  }
}

/** An entry of a map: a key and its value. */
export function readEntry(r: ProtoReader): [string, string] {
  let key = "";
  let value = "";
  for (let field = r.next(); field !== 0; field = r.next()) {
    if (field === 1) key = r.string();
    else if (field === 2) value = r.string();
    else r.skip();
  }
  return [key, value];
}
