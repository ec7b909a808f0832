import type { NdArray } from "../array.js";
import { dtypeOf } from "../array.js";
import { crc32 } from "../data/crc32.js";
import { decodeSafetensors, encodeSafetensors } from "../data/safetensors.js";
import { DataError } from "../errors.js";
import { packData, unpackData } from "./plain-data.js";

/** The parts of a checkpoint, of one task or of several. */
export interface CheckpointParts<D> {
  /** Steps done. */
  readonly step: number;
  /** Parameters, state and optimizer's state under their paths. */
  readonly tensors: Readonly<Record<string, NdArray>>;
  /** Lists of the history with one entry per step. */
  readonly columns: Readonly<Record<string, ArrayLike<number>>>;
  /** Everything else. */
  readonly plain: D;
}

/** Prefixes of arrays that do not belong to the run's state. */
const prefixes = { history: "history.", plain: "rest." };

/**
 * The bytes of one safetensors file, with a checksum in its metadata.
 *
 * @throws DataError unless the rest is plain data
 */
export function encodeParts<D>(
  format: string,
  { step, tensors, columns, plain }: CheckpointParts<D>,
): Uint8Array {
  const { text, arrays } = packData(plain, "rest");
  const history = Object.entries(columns).map(([name, list]): [string, NdArray] => [
    `${prefixes.history}${name}`,
    { shape: [list.length], data: Float64Array.from(list) },
  ]);
  const all = { ...tensors, ...arrays, ...Object.fromEntries(history) };
  const crc = checksum(`${step}`, text, all);
  return encodeSafetensors(all, { format, step: `${step}`, rest: text, crc32: crc });
}

/**
 * Restores the argument of {@link encodeParts}.
 *
 * @param what name of the format's content, for error messages
 * @throws DataError when the bytes have another format or are damaged
 */
export function decodeParts<D>(format: string, what: string, bytes: Uint8Array): CheckpointParts<D> {
  const { tensors: all, metadata } = decodeSafetensors(bytes);
  const { rest: text = "", step = "" } = metadata;
  if (metadata.format !== format) {
    throw new DataError(
      `Expected ${what} (metadata format "${format}"); got "${metadata.format ?? "none"}". Does the file contain weights only?`,
    );
  }
  if (metadata.crc32 !== checksum(step, text, all)) {
    throw new DataError("The checkpoint's checksum does not match its content: the file is damaged.");
  }
  const columns: Record<string, ArrayLike<number>> = {};
  const tensors: Record<string, NdArray> = {};
  for (const [name, a] of Object.entries(all)) {
    if (name.startsWith(prefixes.history))
      columns[name.slice(prefixes.history.length)] = a.data as Float64Array;
    else if (!name.startsWith(prefixes.plain)) tensors[name] = a;
  }
  return { step: Number(step), tensors, columns, plain: unpackData({ text, arrays: all }) as D };
}

/** CRC-32 over step and text, the names and types of the arrays, and their elements. */
function checksum(step: string, text: string, tensors: Readonly<Record<string, NdArray>>): string {
  const header = Object.entries(tensors).map(([name, a]) => [name, dtypeOf(a), a.shape]);
  const start = crc32(new TextEncoder().encode(JSON.stringify([step, header, text])));
  const crc = Object.values(tensors).reduce(
    (sum, { data }) => crc32(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), sum),
    start,
  );
  return crc.toString(16).padStart(8, "0");
}
