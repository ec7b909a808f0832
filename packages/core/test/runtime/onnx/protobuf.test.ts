import { describe, expect, it } from "vitest";
import { DataError } from "../../../src/errors.js";
import { ProtoReader, ProtoWriter } from "../../../src/runtime/onnx/protobuf.js";

const written = (write: (w: ProtoWriter) => void): Uint8Array => {
  const w = new ProtoWriter();
  write(w);
  return w.finish();
};
const reader = (...bytes: number[]): ProtoReader => new ProtoReader(Uint8Array.from(bytes));

describe("the wire format", () => {
  // The byte sequences of these cases are the examples of protobuf.dev/programming-guides/encoding.
  const examples: [string, number[], (w: ProtoWriter) => void, (r: ProtoReader) => unknown, unknown][] = [
    ["the varint 150", [0x08, 0x96, 0x01], (w) => w.int(1, 150), (r) => r.int(), 150],
    [
      "the negative integer -2 in ten bytes",
      [0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      (w) => w.int(1, -2),
      (r) => r.int(),
      -2,
    ],
    [
      "the string testing",
      [0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67],
      (w) => w.string(2, "testing"),
      (r) => r.string(),
      "testing",
    ],
    [
      "the packed integers 3, 270 and 86942",
      [0x32, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05],
      (w) => w.packedInts(6, [3, 270, 86942]),
      (r) => {
        const values: number[] = [];
        r.ints(values);
        return values;
      },
      [3, 270, 86942],
    ],
  ];

  it.each(examples)("writes and reads %s as the specification does", (_, bytes, write, read, value) => {
    expect([...written(write)]).toEqual(bytes);
    const r = reader(...bytes);
    expect(r.next()).toBe(bytes[0] >> 3);
    expect(read(r)).toEqual(value);
    expect(r.next()).toBe(0);
  });

  it.each([
    0n,
    127n,
    128n,
    2n ** 28n - 1n,
    2n ** 28n,
    2n ** 35n,
    2n ** 53n + 1n,
    2n ** 63n - 1n,
    -1n,
    -(2n ** 63n),
  ])("keeps the 64-bit integer %s", (value) => {
    const r = new ProtoReader(written((w) => w.int(1, value)));
    r.next();
    expect(r.int64()).toBe(value);
  });

  it.each([0, 127, 128, 2 ** 31, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])(
    "writes the number %s as it writes the bigint",
    (value) => {
      expect(written((w) => w.int(3, value))).toEqual(written((w) => w.int(3, BigInt(value))));
    },
  );

  it("keeps text with any character, a leading byte order mark included", () => {
    const r = new ProtoReader(written((w) => w.string(1, "\ufeffβ😀")));
    r.next();
    expect(r.string()).toBe("\ufeffβ😀");
  });

  it("nests messages, small and large, in any order", () => {
    const large = new Uint8Array(1000).map((_, i) => i);
    const bytes = written((w) => {
      w.int(1, 1);
      w.message(2, (inner) => {
        inner.int(1, 2);
        inner.message(2, (innermost) => innermost.bytes(1, large));
        inner.int(3, 3);
      });
      w.int(3, 4);
    });
    const r = new ProtoReader(bytes);
    expect([r.next(), r.int(), r.next()]).toEqual([1, 1, 2]);
    const inner = r.message();
    expect([inner.next(), inner.int(), inner.next()]).toEqual([1, 2, 2]);
    const innermost = inner.message();
    innermost.next();
    expect(innermost.bytes()).toEqual(large);
    expect([innermost.next(), inner.next(), inner.int(), inner.next()]).toEqual([0, 3, 3, 0]);
    expect([r.next(), r.int(), r.next()]).toEqual([3, 4, 0]);
  });

  it("reads a repeated field that is not packed element by element", () => {
    const r = reader(0x08, 0x05, 0x08, 0x06);
    const values: number[] = [];
    while (r.next() !== 0) r.ints(values);
    expect(values).toEqual([5, 6]);
  });

  it("skips fields of every wire type", () => {
    const r = reader(
      ...[0x08, 0x96, 0x01],
      ...[0x11, 1, 2, 3, 4, 5, 6, 7, 8],
      ...[0x1a, 0x02, 0xff, 0xff],
      ...[0x25, 1, 2, 3, 4],
      ...[0x28, 0x07],
    );
    for (const field of [1, 2, 3, 4]) {
      expect(r.next()).toBe(field);
      r.skip();
    }
    expect([r.next(), r.int(), r.next()]).toEqual([5, 7, 0]);
  });
});

describe("a damaged message", () => {
  const readInt = (r: ProtoReader) => r.int();
  const readBytes = (r: ProtoReader) => r.bytes();
  const cases: [string, number[], (r: ProtoReader) => unknown, RegExp][] = [
    ["a varint cut short", [0x08, 0x96], readInt, /truncated.* at byte 2/],
    ["a varint without end", [0x08, ...Array(11).fill(0xff)], readInt, /longer than 10 bytes at byte 1/],
    [
      "a length beyond the end",
      [0x0a, 0x05, 0x01],
      readBytes,
      /truncated.* at byte 2: expected 5 more bytes, got 1/,
    ],
    ["a length of 2^63", [0x0a, ...Array(9).fill(0x80), 0x01], readBytes, /truncated.* at byte 11/],
    ["a float cut short", [0x0d, 0x00, 0x00], (r) => r.float(), /truncated.* at byte 1: expected 4/],
    [
      "an integer beyond 2^53",
      [0x08, ...Array(8).fill(0xff), 0x7f],
      readInt,
      /9223372036854775807.*beyond 2\^53/,
    ],
    ["another wire type than expected", [0x0d, 0, 0, 0, 0], readInt, /Expected wire type 0.*got 5/],
    ["a group, which is not supported", [0x0b], (r) => r.skip(), /Unknown wire type 3/],
    ["text that is not UTF-8", [0x0a, 0x01, 0xff], (r) => r.string(), /UTF-8 text at byte 2/],
  ];

  it.each(cases)("is refused for %s", (_, bytes, read, message) => {
    const attempt = () => {
      const r = reader(...bytes);
      r.next();
      return read(r);
    };
    expect(attempt).toThrow(DataError);
    expect(attempt).toThrow(message);
  });

  it("is refused for the field number 0", () => {
    expect(() => reader(0x00).next()).toThrow(/Invalid field number 0 at byte 0/);
  });

  it("cannot make an inner message read past its own end", () => {
    const r = reader(0x0a, 0x02, 0x0a, 0x03, 1, 2, 3);
    r.next();
    const inner = r.message();
    inner.next();
    expect(() => inner.bytes()).toThrow(/truncated.* at byte 4: expected 3 more bytes, got 0/);
  });

  it("is refused when nested deeper than 100 messages", () => {
    const nested = (depth: number) => {
      let bytes: Uint8Array = new Uint8Array();
      for (let i = 0; i < depth; i++) bytes = written((w) => w.bytes(1, bytes));
      let r = new ProtoReader(bytes);
      while (r.next() !== 0) r = r.message();
    };
    expect(() => nested(100)).not.toThrow();
    expect(() => nested(101)).toThrow(/nested deeper than 100/);
  });
});
