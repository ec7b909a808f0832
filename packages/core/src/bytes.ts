import type { NdArray } from "./array.js";
import { DataError, describeValue } from "./errors.js";

/**
 * Throws unless `bytes` is a Uint8Array with the bytes of a file.
 *
 * @throws DataError, which says how to get the bytes
 */
export function requireBytes(op: string, bytes: unknown): asserts bytes is Uint8Array {
  // Also accepts a Uint8Array of another realm (a worker, a vm context), and the subclass Buffer.
  if (Object.prototype.toString.call(bytes) === "[object Uint8Array]") return;
  throw new DataError(
    `${op} takes the bytes of a file, a Uint8Array; got ${describeValue(bytes)}. ${adviceFor(bytes)}`,
  );
}

function adviceFor(value: unknown): string {
  if (typeof value === "string") return "Read the file first: await readFile(path), of node:fs/promises.";
  if (value instanceof ArrayBuffer) return "Write new Uint8Array(buffer).";
  if (value instanceof Promise) return "Await it first.";
  if (typeof Response !== "undefined" && value instanceof Response) {
    return "Write new Uint8Array(await response.arrayBuffer()).";
  }
  return "In Node await readFile(path) gives them, in a page new Uint8Array(await (await fetch(url)).arrayBuffer()).";
}

/** An IEEE 754 binary16 number from its bits: 1 of sign, 5 of exponent, 10 of fraction. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new DataView(new ArrayBuffer(4));

/** A bfloat16 number from its bits: the upper half of a float32. */
export function bfloatToNumber(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

/**
 * The first bytes of a file, for messages.
 *
 * @example
 * firstBytes(Uint8Array.of(0x47, 0x49, 0x46)); // "47 49 46"
 */
export const firstBytes = (bytes: Uint8Array): string =>
  bytes.length === 0
    ? "no bytes"
    : Array.from(bytes.subarray(0, 8), (b) => b.toString(16).padStart(2, "0")).join(" ");

/** Numbers of any type in float64. Without a function for each element, which takes a hundred times as long. */
export function float64Of(data: ArrayLike<number> | ArrayLike<bigint>): Float64Array {
  if (!(data instanceof BigInt64Array || data instanceof BigUint64Array)) {
    return new Float64Array(data as ArrayLike<number>);
  }
  // Not by `from`, which takes several times as long for a single number.
  const out = new Float64Array(data.length);
  for (let i = 0; i < data.length; i++) out[i] = Number(data[i]);
  return out;
}

/** Writes the elements of an array in order, little endian; those of a bool array as bytes of 0 and 1. */
export function writeElements(view: DataView, start: number, { data }: NdArray): void {
  for (let i = 0, at = start; i < data.length; i++, at += data.BYTES_PER_ELEMENT) {
    if (data instanceof Float32Array) view.setFloat32(at, data[i], true);
    else if (data instanceof Float64Array) view.setFloat64(at, data[i], true);
    else if (data instanceof BigInt64Array) view.setBigInt64(at, data[i], true);
    else view.setUint8(at, data[i] === 0 ? 0 : 1);
  }
}

// IEEE 754 binary16 (1 sign, 5 exponent, 10 fraction bits) and bfloat16 (1, 8, 7): from a double, rounded once.

/** The bits of a number as float16, rounded to the nearest, ties to even; beyond 65520 infinity. */
export const toFloat16Bits = (value: number): number => floatBits(value, 5, 10);

/** The bits of a number as bfloat16, rounded to the nearest, ties to even. */
export const toBfloat16Bits = (value: number): number => floatBits(value, 8, 7);

function floatBits(value: number, exponentBits: number, fractionBits: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 1 << (exponentBits + fractionBits) : 0;
  const infinity = (2 ** exponentBits - 1) << fractionBits;
  if (Number.isNaN(value)) return infinity | (1 << (fractionBits - 1));
  const magnitude = Math.abs(value);
  if (magnitude === Infinity) return sign | infinity;
  const least = 2 - 2 ** (exponentBits - 1);
  const exponent = Math.max(exponentOf(magnitude), least);
  // Normal numbers bring a 1 in front of the fraction, which raises the exponent's field from 0 to 1.
  const steps = roundToEven(magnitude / 2 ** (exponent - fractionBits));
  return sign | Math.min(((exponent - least) << fractionBits) + steps, infinity);
}

const double = new DataView(new ArrayBuffer(8));

/** floor(log2 x) of the exponent's field, exactly; -1023 of numbers below the normal doubles. */
function exponentOf(x: number): number {
  double.setFloat64(0, x);
  return ((double.getUint16(0) >> 4) & 0x7ff) - 1023;
}

function roundToEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}
