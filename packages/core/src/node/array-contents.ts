// The contents of .npy files, and of those in .npz files, as bytes in order.
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { pipeline, type Readable } from "node:stream";
import { createInflateRaw } from "node:zlib";
import { crc32 } from "../data/crc32.js";
import {
  contentStart,
  endOfZip,
  localHeaderLength,
  longestEnd,
  requireContent,
  type ZipDirectoryEntry,
  zipDirectory,
} from "../data/zip.js";
import { DataError } from "../errors.js";
import { reasonOf } from "./system-error.js";

/** A file, or one in an archive. */
export interface Content {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** All bytes in order, as often as they are asked for. */
  bytes(): AsyncIterable<Uint8Array>;
}

/** Bytes that are read at once. */
const highWaterMark = 2 ** 18;

/** @throws DataError when the file cannot be read */
export async function fileContent(path: string): Promise<Content> {
  const size = await withFile(path, async (file) => (await file.stat()).size);
  return { name: path, size, bytes: () => readable(path, () => createReadStream(path, { highWaterMark })) };
}

/**
 * The files of a ZIP archive, of which only the directory is read here.
 *
 * @throws DataError when it cannot be read or is damaged
 */
export async function zipContents(path: string): Promise<Content[]> {
  return withFile(path, async (file) => {
    const { size } = await file.stat();
    const tailStart = Math.max(0, size - longestEnd);
    const { count, at } = endOfZip(await bytesAt(file, tailStart, size), tailStart);
    const contents: Content[] = [];
    for (const entry of zipDirectory(await bytesAt(file, at, size), count)) {
      const start = contentStart(entry, await bytesAt(file, entry.local, entry.local + localHeaderLength));
      contents.push(zipContent(path, entry, start));
    }
    return contents;
  });
}

function zipContent(path: string, entry: ZipDirectoryEntry, start: number): Content {
  const raw = () => createReadStream(path, { highWaterMark, start, end: start + entry.packed - 1 });
  // An error of the file ends the decompression, too.
  const content = () => (entry.method === 0 ? raw() : pipeline(raw(), createInflateRaw(), () => {}));
  let isVerified = false;
  return {
    name: entry.name,
    size: entry.size,
    async *bytes() {
      let [length, crc] = [0, 0];
      for await (const bytes of readable(path, content)) {
        length += bytes.length;
        if (!isVerified) crc = crc32(bytes, crc);
        yield bytes;
      }
      if (!isVerified) requireContent(entry, length, crc);
      isVerified = true;
    },
  };
}

/** The bytes of a stream; its errors name the file. */
async function* readable(path: string, start: () => Readable): AsyncGenerator<Uint8Array> {
  try {
    for await (const bytes of start()) yield bytes as Uint8Array;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    return await use(file);
  } catch (cause) {
    throw unreadable(path, cause);
  } finally {
    await file?.close();
  }
}

const unreadable = (path: string, cause: unknown): DataError =>
  new DataError(
    `Cannot read ${path}: ${cause instanceof DataError ? cause.message : `${reasonOf(cause)}.`}`,
    { cause },
  );

/** The bytes of a range, as far as the file goes. */
async function bytesAt(file: FileHandle, from: number, to: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(Math.max(0, to - from));
  const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
  return bytes.subarray(0, bytesRead);
}
