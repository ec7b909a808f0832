// JSON Lines (jsonlines.org): one JSON value a line, each line ended by "\n".
import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { DataError } from "isoloss";
import { readFileOrThrow, reasonOf } from "isoloss/node";

const NEWLINE = 0x0a;

/** A value that JSON can hold. NaN and infinities become null. */
export type Json =
  | number
  | string
  | boolean
  | null
  | undefined
  | readonly Json[]
  | { readonly [key: string]: Json };

/** One line of a run's records. */
export type JsonRecord = { readonly [key: string]: Json };

/** A file of records that only grows. */
export interface JsonLinesFile {
  /** Bytes of whole lines so far. */
  readonly length: number;
  /**
   * Appends records. They are with the operating system when the call returns: killing the process loses none of them.
   *
   * @throws DataError when they cannot be written; the file then ends after the last record of the call before
   */
  append(records: readonly JsonRecord[]): void;
  /** Waits until the disk has what was appended. */
  sync(): void;
  close(): void;
}

/**
 * Opens a file of records to append to, made when it is missing.
 *
 * @param length bytes to keep: what comes after them goes
 * @throws DataError when the file cannot be opened, is shorter, or does not have the end of a line there
 */
export function openJsonLines(path: string, length: number): JsonLinesFile {
  const failed = (cause: unknown) =>
    cause instanceof DataError
      ? cause
      : new DataError(`Cannot write ${path}: ${reasonOf(cause)}.`, { cause });
  let file: number;
  try {
    file = openSync(path, "a+");
  } catch (cause) {
    throw failed(cause);
  }
  try {
    const { size: present } = fstatSync(file);
    const last = Buffer.alloc(1, NEWLINE);
    if (length > 0) readSync(file, last, 0, 1, length - 1);
    if (length > present || last[0] !== NEWLINE) {
      throw new DataError(
        `${path} was changed after it was written: a line should end at byte ${length}; the file has ${present} bytes.`,
      );
    }
    if (present > length) ftruncateSync(file, length);
  } catch (cause) {
    closeSync(file);
    throw failed(cause);
  }
  let size = length;
  return {
    get length() {
      return size;
    },
    append(records) {
      const bytes = Buffer.from(records.map((r) => `${JSON.stringify(r)}\n`).join(""));
      try {
        for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
        size += bytes.length;
      } catch (cause) {
        try {
          ftruncateSync(file, size);
        } catch {
          // The reader leaves out half a line as well.
        }
        throw failed(cause);
      }
    },
    sync() {
      try {
        fdatasyncSync(file);
      } catch (cause) {
        throw failed(cause);
      }
    },
    close: () => closeSync(file),
  };
}

/**
 * The records of a file, without a last line that has no end; of one in `.gz`, unpacked.
 *
 * @param check takes each line as it stands there, before it is read
 * @throws DataError with the line that is not a JSON object
 */
export async function readJsonLines(
  path: string,
  check: (line: string, index: number) => void = () => {},
): Promise<JsonRecord[]> {
  const file = await readFileOrThrow(path, { what: "records" });
  const bytes = path.endsWith(".gz") ? unzipped(path, file) : file;
  const whole = bytes.subarray(0, bytes.lastIndexOf(NEWLINE) + 1);
  const lines = Buffer.from(whole).toString("utf8").split("\n");
  return lines.slice(0, -1).map((line, i) => {
    check(line, i);
    let record: unknown;
    try {
      record = JSON.parse(line);
    } catch {
      // Reported below.
    }
    if (typeof record === "object" && record !== null && !Array.isArray(record)) return record as JsonRecord;
    throw new DataError(
      `${path}:${i + 1}: expected a JSON object; got ${JSON.stringify(line.slice(0, 60))}.`,
    );
  });
}

/** @throws DataError */
export function unzipped(path: string, bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes);
  } catch (cause) {
    throw new DataError(`${path} is no whole gzip file: ${reasonOf(cause)}.`, { cause });
  }
}
