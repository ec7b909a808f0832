import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allocate, array, type DType, type NdArray, sizeOf } from "../../src/array.js";
import { decodeNpy, encodeNpy } from "../../src/data/npy.js";
import { DataError } from "../../src/errors.js";

/** A file of the format with a header and elements as given. */
function file(header: string, elements: readonly number[], version = 1, order = 64): Uint8Array {
  const start = version === 1 ? 10 : 12;
  const text = new TextEncoder().encode(header);
  const length = Math.ceil((start + text.length + 1) / order) * order - start;
  const bytes = new Uint8Array(start + length + elements.length).fill(0x20);
  bytes.set([0x93, ...new TextEncoder().encode("NUMPY"), version, 0]);
  const view = new DataView(bytes.buffer);
  if (version === 1) view.setUint16(8, length, true);
  else view.setUint32(8, length, true);
  bytes.set(text, start);
  bytes[start + length - 1] = 0x0a;
  bytes.set(elements, start + length);
  return bytes;
}

const header = (descr: string, shape: string, order = "False") =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;

/** The bytes of the text that Python prints for a file of NumPy 2.4.6. */
const numpy = (head: string, elements: string) =>
  Uint8Array.from(
    Buffer.concat([
      Buffer.from(`\x93NUMPY\x01\x00v\x00${head.padEnd(117)}\n`, "latin1"),
      Buffer.from(elements, "hex"),
    ]),
  );

describe("decodeNpy", () => {
  it("reads files that NumPy wrote: Fortran order with big endian, and a scalar", () => {
    // np.asfortranarray(np.arange(6, dtype='>i2').reshape(2, 3)), np.array(3.5)
    const fortran = numpy(header(">i2", "(2, 3)", "True"), "000000030001000400020005");
    expect(decodeNpy(fortran)).toEqual({ shape: [2, 3], data: BigInt64Array.from([0n, 1n, 2n, 3n, 4n, 5n]) });
    const scalar = numpy(header("<f8", "()"), "0000000000000c40");
    expect(decodeNpy(scalar)).toEqual({ shape: [], data: Float64Array.from([3.5]) });
  });

  // Two's complement and IEEE 754 by hand; f2 of 1.5, -65504, 6e-8 and inf as NumPy writes them.
  it.each([
    ["|b1", [0, 1, 7], Uint8Array.from([0, 1, 1])],
    ["|u1", [0, 255], BigInt64Array.from([0n, 255n])],
    ["|i1", [0x7f, 0x80], BigInt64Array.from([127n, -128n])],
    ["<u2", [1, 255], BigInt64Array.from([65281n])],
    [">u2", [1, 255], BigInt64Array.from([511n])],
    ["<i2", [0xfe, 0xff], BigInt64Array.from([-2n])],
    ["<u4", [0xff, 0xff, 0xff, 0xff], BigInt64Array.from([4294967295n])],
    [">i4", [0xff, 0xff, 0xff, 0xfe], BigInt64Array.from([-2n])],
    ["<u8", [1, 0, 0, 0, 0, 0, 0, 0x40], BigInt64Array.from([2n ** 62n + 1n])],
    [">i8", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], BigInt64Array.from([-2n])],
    [
      "<f2",
      [0x00, 0x3e, 0xff, 0xfb, 0x01, 0x00, 0x00, 0x7c],
      Float32Array.from([1.5, -65504, 2 ** -24, Infinity]),
    ],
    ["=f4", [0, 0, 0xc0, 0x3f], Float32Array.from([1.5])],
    [">f4", [0x3f, 0xc0, 0, 0], Float32Array.from([1.5])],
    [">f8", [0x3f, 0xf0, 0, 0, 0, 0, 0, 1], Float64Array.from([1 + 2 ** -52])],
  ])("reads elements of type %s exactly", (descr, elements, data) => {
    expect(decodeNpy(file(header(descr, `(${data.length},)`), elements))).toEqual({
      shape: [data.length],
      data,
    });
  });

  it("reads into the element type asked for", () => {
    const bytes = file(header("|u1", "(3,)"), [0, 1, 255]);
    expect(decodeNpy(bytes, { dtype: "float32" }).data).toEqual(Float32Array.from([0, 1, 255]));
    expect(decodeNpy(bytes, { dtype: "float64" }).data).toEqual(Float64Array.from([0, 1, 255]));
    expect(decodeNpy(bytes, { dtype: "bool" }).data).toEqual(Uint8Array.from([0, 1, 1]));
    const large = file(header("<f8", "(1,)"), [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
    expect(decodeNpy(large, { dtype: "float32" }).data).toEqual(Float32Array.from([1]));
  });

  it.each([
    ["version 2", file(header("|u1", "(1,)"), [5], 2)],
    ["version 3", file(header("|u1", "(1,)"), [5], 3)],
    ["data that starts at a multiple of 16", file(header("|u1", "(1,)"), [5], 1, 16)],
    [
      "keys in another order, double quotes, no last comma",
      file('{"shape":(1,),"descr":"|u1","fortran_order":False}', [5]),
    ],
    ["the integers of Python 2", file(header("|u1", "(1L,)"), [5])],
  ])("reads a header of %s", (_, bytes) => {
    expect(decodeNpy(bytes)).toEqual({ shape: [1], data: BigInt64Array.from([5n]) });
  });

  it("reads arrays without elements, and a part of a larger buffer", () => {
    expect(decodeNpy(file(header("<f4", "(2, 0, 3)", "True"), []))).toEqual({
      shape: [2, 0, 3],
      data: new Float32Array(0),
    });
    const bytes = file(header("<f4", "(1,)"), [0, 0, 0xc0, 0x3f]);
    const padded = new Uint8Array(bytes.length + 7);
    padded.set(bytes, 3);
    expect(decodeNpy(padded.subarray(3, 3 + bytes.length))).toEqual(decodeNpy(bytes));
  });

  it.each([
    ["|O", /Python objects.*dtype=np\.float32/],
    ["<U5", /text.*return_inverse/],
    ["|S3", /text/],
    ["<c8", /complex numbers.*a\.real, a\.imag/],
    ["|V4", /raw bytes/],
    ["<M8[ns]", /dates/],
    ["<f16", /type <f16; known are b1, .*f8\. Save it as float64/],
    ["f4", /type f4; known are/],
  ])("says of elements of type %s what to save instead", (descr, message) => {
    const read = () => decodeNpy(file(header(descr, "(1,)"), [0]));
    expect(read).toThrow(DataError);
    expect(read).toThrow(message);
  });

  it("refuses records with named fields, and integers beyond int64", () => {
    const records = "{'descr': [('a', '<f4'), ('b', '<i4', (2,))], 'fortran_order': False, 'shape': (3,), }";
    expect(() => decodeNpy(file(records, []))).toThrow(/records with named fields.*a\["field"\]/);
    const huge = file(header("<u8", "(1,)"), [0, 0, 0, 0, 0, 0, 0, 0x80]);
    expect(() => decodeNpy(huge)).toThrow(/9223372036854775808, which int64 cannot hold/);
  });

  it("says what is wrong with a damaged file", () => {
    const bytes = file(header("<f4", "(2,)"), [0, 0, 0, 0, 0, 0, 0, 0]);
    expect(() => decodeNpy(bytes.subarray(0, bytes.length - 1))).toThrow(
      /needs 8 bytes; got 7\. The file is truncated/,
    );
    expect(() => decodeNpy(Uint8Array.of(...bytes, 0))).toThrow(/got 9\. The file has trailing bytes/);
    expect(() => decodeNpy(Uint8Array.from([0x89, 0x50]))).toThrow(
      /starts with 93 4e 55 4d 50 59; got 89 50\./,
    );
    expect(() => decodeNpy(new Uint8Array(0))).toThrow(/got no bytes/);
    expect(() => decodeNpy(bytes.subarray(0, 9))).toThrow(/truncated: it has 9 bytes/);
    expect(() => decodeNpy(bytes.subarray(0, 40))).toThrow(/should have \d+ bytes, but 30 follow/);
    expect(() => decodeNpy(Uint8Array.from(bytes, (b, i) => (i === 6 ? 4 : b)))).toThrow(/version 4\.0/);
    for (const wrong of [
      "{",
      "{'descr': '<f4'}",
      "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
      "exit()",
      "[(1]",
    ]) {
      expect(() => decodeNpy(file(wrong, []))).toThrow(/The header of the \.npy file must be/);
    }
    expect(() => decodeNpy(file(header("<f4", "(99999999999, 99999999999)"), []))).toThrow(/truncated/);
  });

  it("never crashes on damaged bytes", () => {
    const bytes = encodeNpy(
      array([
        [1, 2],
        [3, 4],
      ]),
    );
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length), (at, value, length) => {
        const damaged = bytes.slice(0, length);
        if (at < length) damaged[at] = value;
        try {
          decodeNpy(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
        }
      }),
    );
  });
});

describe("encodeNpy", () => {
  it("writes what NumPy writes", () => {
    const ramp = array([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    const bytes = numpy(
      header("<f4", "(2, 3)"),
      "000000000000803f00000040000040400000804000 00a040".replace(" ", ""),
    );
    expect(encodeNpy(ramp)).toEqual(bytes);
  });

  it("is read back as the same array, of every type and shape", () => {
    const shapes = fc.array(fc.nat(3), { maxLength: 4 });
    const dtypes = fc.constantFrom<DType>("float32", "float64", "int64", "bool");
    fc.assert(
      fc.property(shapes, dtypes, (shape, dtype) => {
        const a: NdArray = { shape, data: allocate(dtype, sizeOf(shape)) };
        for (let i = 0; i < a.data.length; i++) {
          if (a.data instanceof BigInt64Array) a.data[i] = BigInt(i) - 2n ** 62n;
          else a.data[i] = dtype === "bool" ? i % 2 : i / 3;
        }
        expect(decodeNpy(encodeNpy(a))).toEqual(a);
      }),
    );
  });
});
