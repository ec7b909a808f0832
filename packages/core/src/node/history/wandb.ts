// The file of a Weights & Biases run that `wandb sync` sends: LevelDB's log format (github.com/google/leveldb,
// doc/log_format.md) with CRC-32 for CRC-32C and a header of its own, around messages of wandb_internal.proto
// (github.com/wandb/wandb, Apache 2.0).
import { createHash } from "node:crypto";
import { crc32 } from "../../data/crc32.js";
import { ProtoWriter } from "../../runtime/onnx/protobuf.js";
import { lengthOf, type RecordedRun, type RunFiles, secondsAt, shownRecords } from "./recorded.js";

const blockLength = 32768;
const headerLength = 7;

/** ":W&B", the low half of the CRC-32 of "Weights & Biases", and version 0. */
const fileHeader = Buffer.from([0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe, 0]);

/** How a fragment lies in its record. */
const [FULL, FIRST, MIDDLE, LAST] = [1, 2, 3, 4];

/** Records as a log: a record that does not fit into a block of 32 KiB goes on in the next. */
export function wandbLog(records: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [fileHeader];
  let at = fileHeader.length;
  const append = (bytes: Uint8Array) => {
    parts.push(bytes);
    at += bytes.length;
  };
  for (const record of records) {
    let rest = record;
    let isFirst = true;
    for (let isOver = false; !isOver; ) {
      const left = blockLength - (at % blockLength);
      if (left < headerLength) {
        append(new Uint8Array(left));
        continue;
      }
      const data = rest.subarray(0, left - headerLength);
      rest = rest.subarray(data.length);
      isOver = rest.length === 0;
      const type = isFirst ? (isOver ? FULL : FIRST) : isOver ? LAST : MIDDLE;
      isFirst = false;
      const header = Buffer.alloc(headerLength);
      header.writeUInt32LE(crc32(data, crc32(Uint8Array.of(type))), 0);
      header.writeUInt16LE(data.length, 4);
      header[6] = type;
      append(header);
      append(data);
    }
  }
  return Buffer.concat(parts);
}

/** Field numbers of wandb_internal.proto. */
const record = { num: 1, history: 2, summary: 3, run: 17, exit: 18, final: 20, header: 21 } as const;
const runField = { id: 1, project: 3, config: 4, displayName: 8, startTime: 17 } as const;

/** A value by its name, as JSON: items of history, summary and config. */
function writeItem(w: ProtoWriter, field: number, key: string, value: unknown): void {
  w.message(field, (item) => {
    item.string(1, key);
    item.string(16, JSON.stringify(value));
  });
}

/** What W&B calls a run: 8 letters and digits of its names, so that a run that is saved again replaces itself. */
const wandbId = ({ experiment, name }: Pick<RecordedRun, "experiment" | "name">): string =>
  createHash("sha256").update(`${experiment}\n${name}`).digest("hex").slice(0, 8);

/** A run as W&B keeps one that was made offline. */
export function wandbFiles(run: RecordedRun): RunFiles {
  const id = wandbId(run);
  const [date, time] = run.startedAt.toISOString().replaceAll(/[-:]/g, "").split(/[T.]/);
  const path = `offline-run-${date}_${time}-${id}`;
  return {
    path,
    files: { [`${path}/run-${id}.wandb`]: wandbLog(messagesOf(run, id)) },
    earlier: new RegExp(`^offline-run-\\d{8}_\\d{6}-${id}$`),
  };
}

function messagesOf(run: RecordedRun, id: string): Uint8Array[] {
  const messages: Uint8Array[] = [];
  const add = (field: number, write: (w: ProtoWriter) => void) => {
    const w = new ProtoWriter();
    w.int(record.num, messages.length + 1);
    w.message(field, write);
    messages.push(w.finish());
  };
  add(record.header, () => {});
  add(record.run, (w) => {
    w.string(runField.id, id);
    w.string(runField.project, run.experiment);
    w.message(runField.config, (config) => {
      for (const [key, value] of Object.entries(run.settings)) writeItem(config, 1, key, value ?? null);
    });
    w.string(runField.displayName, run.name);
    w.message(runField.startTime, (timestamp) => timestamp.int(1, Math.floor(secondsAt(run))));
  });
  const summary: Record<string, number> = {};
  for (const [step, { seconds, values }] of byStep(run)) {
    const items = { ...values, _step: step, _runtime: seconds, _timestamp: secondsAt(run, seconds) };
    Object.assign(summary, items);
    add(record.history, (w) => {
      for (const [key, value] of Object.entries(items)) writeItem(w, 1, key, value);
      w.message(2, (s) => s.int(1, step));
    });
  }
  add(record.summary, (w) => {
    for (const [key, value] of Object.entries(summary)) writeItem(w, 1, key, value);
  });
  add(record.exit, (w) => {
    w.int(1, run.status === "completed" || run.status === "stopped" ? 0 : 1);
    w.int(2, Math.round(lengthOf(run)));
  });
  add(record.final, () => {});
  return messages;
}

/** The numbers of each step together, in order: W&B takes a step once. */
function byStep(run: RecordedRun) {
  const steps = new Map<number, { seconds: number; values: Record<string, number> }>();
  for (const { step, seconds, values } of shownRecords(run)) {
    const before = steps.get(step);
    steps.set(step, {
      seconds: Math.max(before?.seconds ?? 0, seconds),
      values: { ...before?.values, ...values },
    });
  }
  return steps;
}
