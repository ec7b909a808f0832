// A checksum of the examples that a run has seen: a chain over its batches, so that a stream can be verified when it is read again.
import type { Batch } from "../batch.js";
import { hash32 } from "../math/rng.js";

/** What a run has seen of a stream, as plain data. */
export interface Seen {
  /** Checksum of all batches before the epoch that is under way. */
  readonly epochStart: number;
  /** Checksum of all batches so far. */
  readonly now: number;
}

/** Nothing. */
export const nothingSeen: Seen = { epochStart: 0, now: 0 };

/** The checksum after another batch. */
export function seenAfter(before: number, batch: Batch): number {
  let hash = before;
  for (const name of Object.keys(batch).sort()) hash = hash32(hash ^ wordsHash(batch[name].data));
  return hash;
}

/** A checksum of elements; four chains, since a single one would wait for each product. */
function wordsHash(data: ArrayBufferView & ArrayLike<unknown>): number {
  const { buffer, byteOffset, byteLength } = data;
  const words =
    byteLength % 4 === 0 && byteOffset % 4 === 0
      ? new Int32Array(buffer, byteOffset, byteLength / 4)
      : new Uint8Array(buffer, byteOffset, byteLength);
  const { length } = words;
  let [a, b, c, d] = [1, 2, 3, 4];
  let i = 0;
  for (; i + 3 < length; i += 4) {
    a = Math.imul(a ^ words[i], 0x01000193) ^ (a >>> 15);
    b = Math.imul(b ^ words[i + 1], 0x01000193) ^ (b >>> 15);
    c = Math.imul(c ^ words[i + 2], 0x01000193) ^ (c >>> 15);
    d = Math.imul(d ^ words[i + 3], 0x01000193) ^ (d >>> 15);
  }
  for (; i < length; i++) a = Math.imul(a ^ words[i], 0x01000193) ^ (a >>> 15);
  return hash32(a ^ hash32(b ^ hash32(c ^ hash32(d))));
}
