import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import fc from "fast-check";
import { type Fields, readFields } from "isoloss-test-support/node/history/read-events";
import { expect, it } from "vitest";
import type { RecordedRun } from "../../../src/node/history/recorded.js";
import { saveRun } from "../../../src/node/history/save-run.js";
import { wandbLog } from "../../../src/node/history/wandb.js";

/** CRC-32 bit by bit, from its polynomial. */
function crc(bytes: Uint8Array): number {
  let r = 0xffffffff;
  for (const byte of bytes) {
    r ^= byte;
    for (let k = 0; k < 8; k++) r = r & 1 ? (r >>> 1) ^ 0xedb88320 : r >>> 1;
  }
  return ~r >>> 0;
}

/** Reads a log strictly, by LevelDB's description: blocks of 32 KiB, fragments, zeros at a block's end. */
function readLog(file: Buffer): Buffer[] {
  expect(file.subarray(0, 4).toString()).toBe(":W&B");
  // The header names its own source: the low half of a CRC-32.
  expect(file.readUInt16LE(4)).toBe(crc(Buffer.from("Weights & Biases")) & 0xffff);
  expect(file[6]).toBe(0);
  const records: Buffer[] = [];
  let open: Buffer | undefined;
  for (let at = 7; at < file.length; ) {
    const left = 32768 - (at % 32768);
    if (left < 7) {
      expect(file.subarray(at, at + left).every((byte) => byte === 0)).toBe(true);
      at += left;
      continue;
    }
    const length = file.readUInt16LE(at + 4);
    const type = file[at + 6];
    const data = file.subarray(at + 7, at + 7 + length);
    expect(7 + length).toBeLessThanOrEqual(left);
    expect(file.readUInt32LE(at)).toBe(crc(file.subarray(at + 6, at + 7 + length)));
    expect(type === 1 || type === 2).toBe(open === undefined);
    open = Buffer.concat([open ?? Buffer.alloc(0), data]);
    if (type === 1 || type === 4) {
      records.push(open);
      open = undefined;
    }
    at += 7 + length;
  }
  expect(open).toBeUndefined();
  return records;
}

it("divides records among blocks, wherever they end", () => {
  // The header takes 7 bytes, a record 7 more: 32,754 fill the first block, and a few less leave no room for a fragment.
  const sizes = fc.oneof(fc.integer({ min: 32735, max: 32760 }), fc.integer({ min: 0, max: 100000 }));
  fc.assert(
    fc.property(sizes, fc.integer({ min: 0, max: 40000 }), (first, second) => {
      const records = [first, second].map((size, i) => Buffer.alloc(size, i + 1));
      const back = readLog(wandbLog(records));
      expect(back.map((record) => record.length)).toEqual([first, second]);
      expect(back.every((record, i) => record.equals(records[i]))).toBe(true);
    }),
    { numRuns: 30 },
  );
});

const run: RecordedRun = {
  ...{ experiment: "digits", name: "first", status: "completed" },
  startedAt: new Date("2026-01-02T03:04:05Z"),
  settings: { batchSize: 20, sizes: [64, 10] },
  records: [
    { step: 0, seconds: 0.5, loss: 2 },
    { step: 1, seconds: 1, loss: 1.5 },
    { step: 1, seconds: 1, "validation.loss": 3, broken: Number.NaN },
  ],
  teleports: [{ step: 1, ...{ drift: 1e-9, accepted: true, reason: "steps" } }],
  results: { "validation.loss": 3 },
};

/** Items of history, summary and config by name. */
const items = (list: Fields[number]) =>
  Object.fromEntries(
    list.map((bytes) => {
      const { 1: key, 16: json } = readFields(bytes as Buffer);
      return [String(key), JSON.parse(String(json))];
    }),
  );

it("writes a run as W&B's client would offline: the run, its history step by step, its summary, its end", async () => {
  const folder = mkdtempSync(join(tmpdir(), "isoloss-wandb-"));
  try {
    const place = await saveRun(folder, run, { to: "wandb" });
    expect(basename(place)).toMatch(/^offline-run-20260102_030405-[0-9a-f]{8}$/);
    const id = place.slice(-8);
    expect(readdirSync(place)).toEqual([`run-${id}.wandb`]);
    const messages = readLog(readFileSync(join(place, `run-${id}.wandb`))).map(readFields);
    expect(messages.map(({ 1: number }) => Number(number[0]))).toEqual([1, 2, 3, 4, 5, 6, 7]);
    // Fields of Record in wandb_internal.proto: header, run, history, history, summary, exit, final.
    const kinds = messages.map((m) => Object.keys(m).find((key) => key !== "1"));
    expect(kinds).toEqual(["21", "17", "2", "2", "3", "18", "20"]);
    const body = (at: number, field: number) => readFields(messages[at][field][0] as Buffer);
    const about = body(1, 17);
    expect([about[1], about[3], about[8]].map(String)).toEqual([id, "digits", "first"]);
    expect(items(readFields(about[4][0] as Buffer)[1])).toEqual({ batchSize: 20, sizes: [64, 10] });
    expect(readFields(about[17][0] as Buffer)[1]).toEqual([1767323045n]);
    expect(items(body(2, 2)[1])).toEqual({ loss: 2, _step: 0, _runtime: 0.5, _timestamp: 1767323045.5 });
    const last = {
      ...{ loss: 1.5, "validation.loss": 3, "teleport.drift": 1e-9, "teleport.accepted": 1 },
      ...{ "result.validation.loss": 3, _step: 1, _runtime: 1, _timestamp: 1767323046 },
    };
    expect(items(body(3, 2)[1])).toEqual(last);
    expect(readFields(body(3, 2)[2][0] as Buffer)[1]).toEqual([1n]);
    expect(items(body(4, 3)[1])).toEqual(last);
    expect(body(5, 18)).toEqual({ 1: [0n], 2: [1n] });

    const later = await saveRun(folder, { ...run, startedAt: new Date("2026-01-03") }, { to: "wandb" });
    expect(readdirSync(folder)).toEqual([basename(later)]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
