// Reads event files back, strictly: each length and checksum must fit.
import { crc32c } from "../../../core/src/node/history/tensorboard.js";

/** A protobuf message without its schema: values by field number. */
export type Fields = Record<number, (number | bigint | Buffer)[]>;

/** @throws Error for a record with a wrong checksum or that ends too soon */
export function readRecords(file: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    checkCrc(file.subarray(at, at + 8), file.readUInt32LE(at + 8));
    const data = file.subarray(at + 12, at + 12 + length);
    if (data.length < length) throw new Error(`A record of ${length} bytes ends after ${data.length}.`);
    checkCrc(data, file.readUInt32LE(at + 12 + length));
    records.push(data);
    at += 16 + length;
  }
  return records;
}

function checkCrc(bytes: Buffer, masked: number): void {
  const rotated = (masked - 0xa282ead8) >>> 0;
  const crc = ((rotated >>> 17) | (rotated << 15)) >>> 0;
  if (crc !== crc32c(bytes)) throw new Error(`Checksum ${crc} stored, ${crc32c(bytes)} computed.`);
}

export function readFields(message: Buffer): Fields {
  const fields: Fields = {};
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Buffer => {
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = Number(varint());
    const read = {
      0: varint,
      1: () => take(8).readDoubleLE(),
      2: () => take(Number(varint())),
      5: () => take(4).readFloatLE(),
    }[tag & 7];
    if (!read) throw new Error(`Wire type ${tag & 7} at ${at}`);
    fields[tag >> 3] = [...(fields[tag >> 3] ?? []), read()];
  }
  return fields;
}
