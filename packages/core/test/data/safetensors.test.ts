import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { array, type NdArray, ndarray } from "../../src/array.js";
import { decodeSafetensors, encodeSafetensors } from "../../src/data/safetensors.js";
import { DataError } from "../../src/errors.js";

interface Golden {
  base64: string;
  metadata: Record<string, string>;
  values: Record<string, { shape: number[]; values: (number | string)[] }>;
}

/** A file of the reference implementation, with the values that were put in. */
const golden: Golden = JSON.parse(
  readFileSync(new URL("../golden/safetensors.json", import.meta.url), "utf8"),
);

/** A file from a header (text or object) and data, without any check. */
function file(header: unknown, data: number[] = []): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

const entry = (begin: number, end: number, dtype = "BOOL", shape: unknown = [end - begin]) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe("decodeSafetensors", () => {
  it("reads a file of the reference implementation, all element types widened exactly", () => {
    const { tensors, metadata } = decodeSafetensors(Buffer.from(golden.base64, "base64"));
    expect(metadata).toEqual(golden.metadata);
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(golden.values).sort());
    for (const [name, { shape, values }] of Object.entries(golden.values)) {
      expect(tensors[name].shape).toEqual(shape);
      const expected = values.map((x) => (x === "inf" ? Infinity : x === "-inf" ? -Infinity : x));
      expect(Array.from(tensors[name].data, Number)).toEqual(expected);
    }
    const dtypes = Object.fromEntries(Object.entries(tensors).map(([k, a]) => [k, a.data.constructor.name]));
    expect(dtypes).toEqual({
      "layers.0.weight": "Float32Array",
      double: "Float64Array",
      step: "BigInt64Array",
      mask: "Uint8Array",
      half: "Float32Array",
      brain: "Float32Array",
      i32: "BigInt64Array",
      i16: "BigInt64Array",
      i8: "BigInt64Array",
      u8: "BigInt64Array",
      empty: "Float32Array",
    });
  });

  it("reads NaN of every float type", () => {
    const bytes = file(
      { a: entry(0, 2, "F16", [1]), b: entry(2, 4, "BF16", [1]), c: entry(4, 8, "F32", [1]) },
      [0x00, 0x7e, 0xc0, 0x7f, 0, 0, 0xc0, 0x7f],
    );
    const { tensors } = decodeSafetensors(bytes);
    expect(Object.values(tensors).map((a) => a.data[0])).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  });

  it("reads data that is not aligned in memory", () => {
    const bytes = encodeSafetensors({ a: array([1, 2, 3], "float64") });
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(decodeSafetensors(shifted.subarray(3)).tensors.a.data).toEqual(Float64Array.from([1, 2, 3]));
  });

  it.each<[string, Uint8Array, string]>([
    ["an empty file", new Uint8Array(0), "8-byte header length; got 0 bytes"],
    [
      "a header longer than the file",
      Uint8Array.from([200, 0, 0, 0, 0, 0, 0, 0, 0x7b]),
      "200 bytes, but 1 follow",
    ],
    ["an absurd header length", new Uint8Array(16).fill(255), "has another format"],
    ["a header that is not JSON", file("{nonsense}"), "not JSON"],
    ["a header that is not UTF-8", Uint8Array.from([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff]), "not JSON"],
    ["a header that is a list", file("[]"), 'starts with "{"'],
    ["a header with leading space", file(" {}"), 'starts with "{"'],
    ["an entry that is not an object", file({ a: 3 }), 'Tensor "a" has element type undefined'],
    [
      "an unknown element type",
      file({ a: entry(0, 1, "F8_E4M3") }, [0]),
      'element type "F8_E4M3"; known are F64',
    ],
    [
      "a negative dimension",
      file({ a: entry(0, 1, "BOOL", [-1]) }, [0]),
      "shape must be a list of counts; got [-1]",
    ],
    [
      "a shape that is not a list",
      file({ a: entry(0, 1, "BOOL", 1) }, [0]),
      "shape must be a list of counts",
    ],
    [
      "offsets that are not two counts",
      file({ a: { dtype: "BOOL", shape: [1], data_offsets: [0] } }, [0]),
      "two counts",
    ],
    ["offsets in the wrong order", file({ a: entry(1, 0, "BOOL", [1]) }, [0]), "bytes 1..0"],
    [
      "truncated data",
      file({ a: entry(0, 8, "F64", [1]) }, [0, 0]),
      "which has 2. The file may be truncated",
    ],
    [
      "a range that does not fit the shape",
      file({ a: entry(0, 4, "F32", [2]) }, [0, 0, 0, 0]),
      "needs 8 bytes; its range has 4",
    ],
    [
      "a shape whose size overflows",
      file({ a: entry(0, 4, "F32", [2 ** 52, 2 ** 52]) }, [0, 0, 0, 0]),
      "its range has 4",
    ],
    [
      "overlapping ranges",
      file({ a: entry(0, 2), b: entry(1, 3) }, [0, 0, 0]),
      'Tensor "b" overlaps another tensor',
    ],
    ["a hole", file({ a: entry(0, 1), b: entry(2, 3) }, [0, 0, 0]), 'Tensor "b" leaves a hole before it'],
    ["trailing data", file({ a: entry(0, 1) }, [0, 0]), "describes 1 bytes of data; the file has 2"],
    [
      "a repeated name",
      file(
        '{"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"BOOL","shape":[1],"data_offsets":[1,2]}}',
        [0, 0],
      ),
      "leaves a hole",
    ],
    ["a bool byte other than 0 and 1", file({ a: entry(0, 1) }, [2]), "must be 0 or 1"],
    ["metadata that is not text", file({ __metadata__: { step: 3 } }), "must map strings to strings"],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes)).toThrow(DataError);
    expect(() => decodeSafetensors(bytes)).toThrow(message);
  });

  it("refuses every proper prefix of a file", () => {
    const bytes = encodeSafetensors({ a: array([1, 2]), b: array([true], "bool") }, { k: "v" });
    for (let n = 0; n < bytes.length; n++)
      expect(() => decodeSafetensors(bytes.subarray(0, n))).toThrow(DataError);
  });
});

describe("encodeSafetensors", () => {
  it("writes the bytes of the format's description", () => {
    const bytes = encodeSafetensors({ t: array([1, -2]) });
    const header = '{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
    expect(bytes.length).toBe(8 + 56 + 8);
    expect(Array.from(bytes.subarray(0, 8))).toEqual([56, 0, 0, 0, 0, 0, 0, 0]);
    expect(new TextDecoder().decode(bytes.subarray(8, 64))).toBe(`${header}  `);
    expect(Array.from(bytes.subarray(64))).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
  });

  it("aligns each array to its element size and keeps the order of names", () => {
    const tensors = {
      mask: array([true, false, true], "bool"),
      weight: array([1, 2, 3], "float32"),
      moment: array([1, 2], "float64"),
    };
    const bytes = encodeSafetensors(tensors);
    const length = bytes[0] + 256 * bytes[1];
    expect(length % 8).toBe(0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    expect(Object.keys(header)).toEqual(["mask", "weight", "moment"]);
    expect(header.moment.data_offsets).toEqual([0, 16]);
    expect(header.weight.data_offsets).toEqual([16, 28]);
    expect(header.mask.data_offsets).toEqual([28, 31]);
    expect(Object.keys(decodeSafetensors(bytes).tensors)).toEqual(["mask", "weight", "moment"]);
  });

  it("is undone by decodeSafetensors, for any names, shapes, values and metadata", () => {
    const shape = fc.array(fc.nat(3), { maxLength: 3 });
    const tensor = fc
      .tuple(shape, fc.constantFrom("float32", "float64", "int64", "bool"), fc.infiniteStream(fc.double()))
      .map(([dims, dtype, values]): NdArray => {
        const size = dims.reduce((a, b) => a * b, 1);
        const numbers = Array.from({ length: size }, () => values.next().value as number);
        if (dtype === "float32") return ndarray(Float32Array.from(numbers), dims);
        if (dtype === "float64") return ndarray(Float64Array.from(numbers), dims);
        if (dtype === "bool")
          return ndarray(
            Uint8Array.from(numbers, (x) => (x > 0 ? 1 : 0)),
            dims,
          );
        return ndarray(
          BigInt64Array.from(numbers, (x) => BigInt(Math.trunc((x % 1) * 2 ** 62) || 0)),
          dims,
        );
      });
    const name = fc.string().filter((s) => s !== "__metadata__");
    fc.assert(
      fc.property(
        fc.dictionary(name, tensor),
        fc.dictionary(fc.string(), fc.string()),
        (tensors, metadata) => {
          const decoded = decodeSafetensors(encodeSafetensors(tensors, metadata));
          expect(Object.entries(decoded.tensors)).toEqual(Object.entries(tensors));
          expect(Object.entries(decoded.metadata)).toEqual(Object.entries(metadata));
        },
      ),
    );
  });

  it("refuses the reserved name, metadata that is not text and sizes that disagree", () => {
    expect(() => encodeSafetensors({ __metadata__: array([1]) })).toThrow(DataError);
    expect(() => encodeSafetensors({}, { step: 3 as unknown as string })).toThrow('"step" is a number');
    expect(() => encodeSafetensors({ a: { shape: [3], data: new Float32Array(2) } })).toThrow(
      'Tensor "a" of shape [3] needs 3 elements; it has 2',
    );
  });
});
