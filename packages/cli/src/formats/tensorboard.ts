// TensorBoard's event files: TFRecord framing (tensorflow.org, "TFRecord", format details) around Event messages
// (tensorflow/core/util/event.proto and framework/summary.proto).
import { OptionError } from "isoloss";
import type { StepRecord } from "../run/directory.js";
import { crc32c } from "./crc32c.js";
import { bytesField, doubleField, floatField, intField } from "./protobuf.js";
import { scalarsOf, timeOf } from "./scalars.js";

/** A scalar, or a text in Markdown, at a step. */
export interface TensorboardEvent {
  /** Steps done, an integer >= 0. */
  readonly step: number;
  /** Seconds since 1970. */
  readonly wallTime: number;
  /** Values by their tags; a "/" in a tag makes a group. Stored as float32. */
  readonly scalars?: Readonly<Record<string, number>>;
  readonly texts?: Readonly<Record<string, string>>;
}

/** TensorFlow's numbers for an element type and a class of data. */
const DT_STRING = 7;
const DATA_CLASS_TENSOR = 2;

/**
 * One record of a TFRecord file: length, its masked CRC-32C, data, their masked CRC-32C.
 *
 * @param data at most 2^53 bytes
 */
export function tfRecord(data: Uint8Array): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, maskedCrc(length), data, maskedCrc(data)]);
}

/** A CRC rotated by 15 bits, plus a constant: a checksum of data that holds checksums would be weak. */
function maskedCrc(bytes: Uint8Array): Buffer {
  const crc = crc32c(bytes);
  const out = Buffer.alloc(4);
  out.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  return out;
}

/**
 * An event file as bytes. TensorBoard shows it when its name holds "tfevents": see {@link eventFileName}.
 *
 * @throws OptionError for a step or time that the format cannot hold
 *
 * @example
 * encodeEvents([{ step: 0, wallTime: 1.7e9, scalars: { loss: 2.3 } }]);
 */
export function encodeEvents(events: readonly TensorboardEvent[]): Buffer {
  const version = Buffer.concat([doubleField(1, events[0]?.wallTime ?? 0), bytesField(3, "brain.Event:2")]);
  return Buffer.concat([version, ...events.map(encodeEvent)].map(tfRecord));
}

function encodeEvent({ step, wallTime, scalars = {}, texts = {} }: TensorboardEvent): Buffer {
  if (!Number.isSafeInteger(step) || step < 0 || !Number.isFinite(wallTime)) {
    throw new OptionError(`An event needs a step >= 0 and a finite time; got ${step} and ${wallTime}.`);
  }
  const values = [
    ...Object.entries(scalars).map(([tag, value]) => bytesField(1, bytesField(1, tag), floatField(2, value))),
    ...Object.entries(texts).map(([tag, text]) =>
      bytesField(1, bytesField(1, tag), textTensor(text), textPlugin),
    ),
  ];
  return Buffer.concat([doubleField(1, wallTime), intField(2, step), bytesField(5, ...values)]);
}

/** The tensor of a value: one string. */
const textTensor = (text: string): Buffer =>
  bytesField(8, intField(1, DT_STRING), bytesField(2, bytesField(2, intField(1, 1))), bytesField(8, text));

/** Metadata by which the text plugin shows a value. */
const textPlugin = bytesField(9, bytesField(1, bytesField(1, "text")), intField(4, DATA_CLASS_TENSOR));

/**
 * The events of a run's records: each number a scalar.
 *
 * @param startedAt of the run
 */
export function eventsOf(records: readonly StepRecord[], startedAt: Date): TensorboardEvent[] {
  return records.map((record) => ({
    step: record.step,
    wallTime: timeOf(record, startedAt.getTime()) / 1000,
    scalars: scalarsOf(record),
  }));
}

/**
 * A name by which TensorBoard finds an event file.
 *
 * @param startedAt of the run
 */
export function eventFileName(startedAt: Date): string {
  const seconds = String(Math.floor(startedAt.getTime() / 1000)).padStart(10, "0");
  return `events.out.tfevents.${seconds}.isoloss`;
}
