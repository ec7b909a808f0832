import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gunzip } from "../../src/data/gzip.js";
import { parseIdx, readIdx } from "../../src/data/idx.js";
import { DataError } from "../../src/errors.js";

/** The 3 x 2 matrix of unsigned bytes of the format's description, written out by hand. */
const matrix = Uint8Array.from([0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 2, 0, 1, 127, 128, 254, 255]);

describe("parseIdx", () => {
  it("reads unsigned bytes as exact integers by default", () => {
    expect(parseIdx(matrix)).toEqual({
      shape: [3, 2],
      data: BigInt64Array.from([0n, 1n, 127n, 128n, 254n, 255n]),
    });
  });

  it("reads straight into the element type asked for", () => {
    expect(parseIdx(matrix, { dtype: "float32" }).data).toEqual(
      Float32Array.from([0, 1, 127, 128, 254, 255]),
    );
    expect(parseIdx(matrix, { dtype: "float64" }).data).toEqual(
      Float64Array.from([0, 1, 127, 128, 254, 255]),
    );
    expect(parseIdx(matrix, { dtype: "bool" }).data).toEqual(Uint8Array.from([0, 1, 1, 1, 1, 1]));
  });

  // Big-endian two's complement and IEEE 754 bytes, by hand.
  it.each([
    [0x09, [0xff, 0x7f], BigInt64Array.from([-1n, 127n])],
    [0x0b, [0x80, 0x00, 0x01, 0x02], BigInt64Array.from([-32768n, 258n])],
    [0x0c, [0xff, 0xff, 0xff, 0xfe, 0x00, 0x01, 0x00, 0x00], BigInt64Array.from([-2n, 65536n])],
    [0x0d, [0x3f, 0xc0, 0x00, 0x00, 0xc0, 0x00, 0x00, 0x00], Float32Array.from([1.5, -2])],
    [
      0x0e,
      [0x3f, 0xf0, 0, 0, 0, 0, 0, 1, 0xc0, 0x24, 0, 0, 0, 0, 0, 0],
      Float64Array.from([1 + 2 ** -52, -10]),
    ],
  ])("reads type 0x%s", (type, elements, data) => {
    expect(parseIdx(Uint8Array.from([0, 0, type, 1, 0, 0, 0, 2, ...elements]))).toEqual({ shape: [2], data });
  });

  it("reads a part of a larger buffer", () => {
    const padded = new Uint8Array(matrix.length + 7);
    padded.set(matrix, 3);
    expect(parseIdx(padded.subarray(3, 3 + matrix.length))).toEqual(parseIdx(matrix));
  });

  it("reads rank 0 and an empty dimension", () => {
    expect(parseIdx(Uint8Array.from([0, 0, 8, 0, 42]))).toEqual({
      shape: [],
      data: BigInt64Array.from([42n]),
    });
    expect(parseIdx(Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 0])).shape).toEqual([0]);
  });

  it("says how many bytes it expected and got when some are missing or left over", () => {
    expect(() => parseIdx(matrix.subarray(0, 17))).toThrow(DataError);
    expect(() => parseIdx(matrix.subarray(0, 17))).toThrow(
      "[3, 2] needs 18 bytes; got 17. The file is truncated.",
    );
    expect(() => parseIdx(Uint8Array.from([...matrix, 0]))).toThrow(
      "needs 18 bytes; got 19. The file has trailing bytes.",
    );
    expect(() => parseIdx(matrix.subarray(0, 10))).toThrow("rank 2 needs 12 bytes; got 10");
    expect(() => parseIdx(matrix.subarray(0, 3))).toThrow("starts with 4 bytes; got 3 in all");
  });

  it("refuses other formats, with a hint for gzip", async () => {
    expect(() => parseIdx(Uint8Array.from([0, 1, 8, 1, 0, 0, 0, 0]))).toThrow("got 00 01 08 01");
    expect(() => parseIdx(Uint8Array.from([0, 0, 0x0a, 1, 0, 0, 0, 0]))).toThrow(DataError);
    await expect(readIdx(gzipSync(gzipSync(matrix)))).rejects.toThrow("compressed by gzip twice");
  });

  it("never reads beyond the file: any bytes give an array or a DataError", () => {
    fc.assert(
      fc.property(fc.constantFrom(8, 9, 11, 12, 13, 14), fc.uint8Array({ maxLength: 40 }), (type, rest) => {
        try {
          const a = parseIdx(Uint8Array.from([0, 0, type, ...rest]));
          expect(a.data.length).toBe(a.shape.reduce((x, y) => x * y, 1));
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
        }
      }),
    );
  });
});

describe("readIdx", () => {
  it("reads plain and gzip-compressed files alike", async () => {
    expect(await readIdx(matrix)).toEqual(parseIdx(matrix));
    expect(await readIdx(gzipSync(matrix), { dtype: "float32" })).toEqual(
      parseIdx(matrix, { dtype: "float32" }),
    );
  });

  it("refuses gzip data that is truncated or damaged", async () => {
    const zipped = Uint8Array.from(gzipSync(matrix));
    await expect(readIdx(zipped.subarray(0, zipped.length - 9))).rejects.toThrow(DataError);
    zipped[zipped.length - 6] ^= 1;
    await expect(readIdx(zipped)).rejects.toThrow(
      `gzip data of ${zipped.length} bytes is damaged or truncated`,
    );
  });
});

describe("gunzip", () => {
  it("undoes gzip for data of many blocks", async () => {
    const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >> 7);
    expect(Buffer.from(await gunzip(gzipSync(bytes))).equals(bytes)).toBe(true);
  });
});
