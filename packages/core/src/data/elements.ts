import type { NdArray } from "../array.js";

/** Writes the elements of an array in order, little endian; those of a bool array as bytes of 0 and 1. */
export function writeElements(view: DataView, start: number, { data }: NdArray): void {
  for (let i = 0, at = start; i < data.length; i++, at += data.BYTES_PER_ELEMENT) {
    if (data instanceof Float32Array) view.setFloat32(at, data[i], true);
    else if (data instanceof Float64Array) view.setFloat64(at, data[i], true);
    else if (data instanceof BigInt64Array) view.setBigInt64(at, data[i], true);
    else view.setUint8(at, data[i] === 0 ? 0 : 1);
  }
}
