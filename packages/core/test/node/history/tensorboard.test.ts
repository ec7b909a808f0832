import { readFileSync } from "node:fs";
import { type Fields, readFields, readRecords } from "isoloss-test-support/node/history/read-events";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../../src/errors.js";
import { crc32c, encodeEvents, eventFileName, tfRecord } from "../../../src/node/history/tensorboard.js";

describe("crc32c", () => {
  // RFC 3720, appendix B.4, and the usual check value.
  it.each([
    [Buffer.from("123456789"), 0xe3069283],
    [Buffer.alloc(32), 0x8a9136aa],
    [Buffer.alloc(32, 255), 0x62a8ab43],
    [Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    [Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
    [Buffer.alloc(0), 0],
  ])("of %j is that of the standard", (bytes, crc) => {
    expect(crc32c(bytes)).toBe(crc);
  });
});

describe("tfRecord", () => {
  it("frames data with length and masked checksums, byte by byte", () => {
    // CRC-32C of "123456789" is e3069283: rotated right by 15 bits 2507c60d, plus a282ead8: c78ab0e5.
    const record = tfRecord(Buffer.from("123456789"));
    expect(record.subarray(0, 8).toString("hex")).toBe("0900000000000000");
    expect(record.subarray(12, 21).toString()).toBe("123456789");
    expect(record.subarray(21).toString("hex")).toBe("e5b08ac7");
    // The checksum of the length, as the golden file's writer computes it bit by bit.
    expect(record).toHaveLength(25);
    expect(readRecords(record)).toEqual([Buffer.from("123456789")]);
  });
});

describe("encodeEvents", () => {
  it("writes what Google's protobuf library writes", () => {
    const golden = readFileSync(new URL("golden/events.out.tfevents.0000000012.golden", import.meta.url));
    const bytes = encodeEvents([
      { step: 1, wallTime: 12.5, scalars: { "loss/train": 0.1, gradNormSq: 1e30 } },
      {
        step: 123456789012,
        wallTime: 1700000000.25,
        scalars: { "loss/train": Number.NaN },
        texts: { config: "# größe\n".repeat(40) },
      },
    ]);
    expect(bytes.toString("hex")).toBe(golden.toString("hex"));
  });

  it("can be read back: version first, then an event a step", () => {
    const events = Array.from({ length: 300 }, (_, step) => ({
      step,
      wallTime: 1.7e9 + step / 8,
      scalars: { loss: 1 / (step + 1) },
    }));
    const [version, ...rest] = readRecords(encodeEvents(events)).map(readFields);
    expect(version).toEqual({ 1: [1.7e9], 3: [Buffer.from("brain.Event:2")] });
    expect(rest).toHaveLength(300);
    rest.forEach((event, step) => {
      expect(event[1]).toEqual([1.7e9 + step / 8]);
      expect(event[2]).toEqual([BigInt(step)]);
      const value = inner(inner(event, 5), 1);
      expect(value).toEqual({ 1: [Buffer.from("loss")], 2: [Math.fround(1 / (step + 1))] });
    });
  });

  it("makes a file without events", () => {
    expect(readRecords(encodeEvents([]))).toHaveLength(1);
  });

  it.each([-1, 0.5, Number.NaN])("refuses the step %d", (step) => {
    expect(() => encodeEvents([{ step, wallTime: 0 }])).toThrow(OptionError);
  });
});

const inner = (fields: Fields, field: number): Fields => readFields(fields[field][0] as Buffer);

it("names files so that TensorBoard finds them", () => {
  expect(eventFileName({ startedAt: new Date("2023-11-14T22:13:20Z") })).toBe(
    "events.out.tfevents.1700000000.isoloss",
  );
});
