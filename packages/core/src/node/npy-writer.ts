// The NPY format of arrays in all the forms that NumPy writes, for files that readers are tried with.
import { sizeOf } from "../array.js";

export interface NpyForm {
  /** Element type; default f4. */
  readonly type?: "f4" | "f8" | "u1" | "i8" | undefined;
  /** Whether the first byte of a number is its largest; default false. */
  readonly isBigEndian?: boolean | undefined;
  /** Whether the first axis is the fastest; default false. */
  readonly isFortran?: boolean | undefined;
  /** Version of the header; default 1. */
  readonly version?: 1 | 2 | undefined;
}

/** The bytes that stand before the numbers. */
export function npyHeader(
  shape: readonly number[],
  { type = "f4", isBigEndian = false, isFortran = false, version = 1 }: NpyForm = {},
): Uint8Array {
  const order = type === "u1" ? "|" : isBigEndian ? ">" : "<";
  const sizes = `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
  const fields = `{'descr': '${order}${type}', 'fortran_order': ${isFortran ? "True" : "False"}, 'shape': ${sizes}, }`;
  const start = version === 1 ? 10 : 12;
  const length = Math.ceil((start + fields.length + 1) / 64) * 64;
  const bytes = new Uint8Array(length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  const view = new DataView(bytes.buffer);
  if (version === 1) view.setUint16(8, length - start, true);
  else view.setUint32(8, length - start, true);
  bytes.set(new TextEncoder().encode(`${fields.padEnd(length - start - 1)}\n`), start);
  return bytes;
}

/** An array as a file; `at` gives the element of an index. */
export function npyFile(
  shape: readonly number[],
  at: (index: readonly number[]) => number,
  form: NpyForm = {},
): Uint8Array {
  const { type = "f4", isBigEndian = false, isFortran = false } = form;
  const header = npyHeader(shape, form);
  const [count, bytes] = [sizeOf(shape), Number(type[1])];
  const file = new Uint8Array(header.length + count * bytes);
  file.set(header);
  const view = new DataView(file.buffer, header.length);
  const axes = isFortran ? shape.map((_, d) => d) : shape.map((_, d) => shape.length - 1 - d);
  const index = new Array<number>(shape.length).fill(0);
  for (let i = 0; i < count; i++) {
    const [place, value] = [i * bytes, at(index)];
    if (type === "f4") view.setFloat32(place, value, !isBigEndian);
    else if (type === "f8") view.setFloat64(place, value, !isBigEndian);
    else if (type === "i8") view.setBigInt64(place, BigInt(value), !isBigEndian);
    else view.setUint8(place, value);
    for (const axis of axes) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
  return file;
}
