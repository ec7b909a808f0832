import { createHash } from "node:crypto";
import { type Batch, dtypeOf, type NdArray } from "isoloss";

/** Types, shapes and hashes of arrays, which are equal where all bits are: comparing long arrays takes tests long. */
export const bitsOf = (batch: Batch) =>
  Object.fromEntries(
    Object.entries(batch).map(([name, { shape, data }]) => [
      name,
      [
        dtypeOf({ shape, data } as NdArray),
        shape,
        createHash("sha256")
          .update(Buffer.from(data.buffer, data.byteOffset, data.byteLength))
          .digest("hex"),
      ],
    ]),
  );

export const valuesOf = (a: NdArray): number[] => Array.from<number | bigint, number>(a.data, Number);
