// TensorBoard's event files: TFRecord framing (tensorflow.org, "TFRecord", format details) around Event messages
// (tensorflow/core/util/event.proto and framework/summary.proto).
import { OptionError } from "../../errors.js";
import { ProtoWriter } from "../../runtime/onnx/protobuf.js";
import { folderOf, type RecordedRun, type RunFiles, secondsAt, shownRecords } from "./recorded.js";

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
  const version = new ProtoWriter();
  version.double(1, events[0]?.wallTime ?? 0);
  version.string(3, "brain.Event:2");
  return Buffer.concat([version.finish(), ...events.map(encodeEvent)].map(tfRecord));
}

function encodeEvent({ step, wallTime, scalars = {}, texts = {} }: TensorboardEvent): Uint8Array {
  if (!Number.isSafeInteger(step) || step < 0 || !Number.isFinite(wallTime)) {
    throw new OptionError(`An event needs a step >= 0 and a finite time; got ${step} and ${wallTime}.`);
  }
  const event = new ProtoWriter();
  event.double(1, wallTime);
  event.int(2, step);
  event.message(5, (summary) => {
    for (const [tag, value] of Object.entries(scalars)) {
      summary.message(1, (w) => {
        w.string(1, tag);
        w.float(2, value);
      });
    }
    for (const [tag, text] of Object.entries(texts)) {
      summary.message(1, (w) => {
        w.string(1, tag);
        w.message(8, (tensor) => writeText(tensor, text));
        w.message(9, writeTextPlugin);
      });
    }
  });
  return event.finish();
}

/** The tensor of a value: one string. */
function writeText(tensor: ProtoWriter, text: string): void {
  tensor.int(1, DT_STRING);
  tensor.message(2, (shape) => shape.message(2, (size) => size.int(1, 1)));
  tensor.string(8, text);
}

/** Metadata by which the text plugin shows a value. */
function writeTextPlugin(metadata: ProtoWriter): void {
  metadata.message(1, (plugin) => plugin.string(1, "text"));
  metadata.int(4, DATA_CLASS_TENSOR);
}

/** The events of a run: its numbers, and its settings as a text. */
function eventsOf(run: RecordedRun): TensorboardEvent[] {
  const settings = JSON.stringify(run.settings, undefined, 2).replaceAll(/^/gm, "    ");
  return [
    { step: 0, wallTime: secondsAt(run, 0), texts: { settings } },
    ...shownRecords(run).map(({ step, seconds, values }) => ({
      step,
      wallTime: secondsAt(run, seconds),
      scalars: values,
    })),
  ];
}

/** A run as a folder with an event file. */
export function tensorboardFiles(run: RecordedRun): RunFiles {
  const path = `${folderOf(run)}/${eventFileName(run)}`;
  return {
    path,
    files: { [path]: encodeEvents(eventsOf(run)) },
    earlier: /^events\.out\.tfevents\.\d{10}\.isoloss$/,
  };
}

/** A name by which TensorBoard finds an event file: as TensorFlow's, with the time when the run began. */
export function eventFileName({ startedAt }: Pick<RecordedRun, "startedAt">): string {
  const seconds = String(Math.floor(startedAt.getTime() / 1000)).padStart(10, "0");
  return `events.out.tfevents.${seconds}.isoloss`;
}

// CRC-32C (Castagnoli): RFC 3720, section 12.1 and appendix B.4.

/** Remainders of all bytes by the reflected polynomial. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let r = byte;
  for (let bit = 0; bit < 8; bit++) r = r & 1 ? 0x82f63b78 ^ (r >>> 1) : r >>> 1;
  return r;
});

/**
 * The CRC-32C of bytes, an integer in [0, 2^32).
 *
 * @example
 * crc32c(Buffer.from("123456789")); // 0xe3069283
 */
export function crc32c(bytes: Uint8Array): number {
  let r = -1;
  for (const byte of bytes) r = table[(r ^ byte) & 255] ^ (r >>> 8);
  return ~r >>> 0;
}
