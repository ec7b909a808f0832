// Files of arrays that are read part by part.

import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { extname } from "node:path";
import { pipeline, type Readable } from "node:stream";
import { createInflateRaw } from "node:zlib";
import { type NdArray, sizeOf } from "../array.js";
import { crc32 } from "../data/crc32.js";
import type { Dataset } from "../data/dataset.js";
import { npyElements, requireNpySize } from "../data/npy.js";
import { readNpyHeader } from "../data/npy-header.js";
import type { DataStream } from "../data/stream.js";
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
import {
  type ArrayFileOptions,
  arrayStreamOptions,
  inputsAndLabels,
  requireSameCount,
} from "./array-files.js";
import { reasonOf } from "./system-error.js";

/** Bytes and examples of a part, at most. */
const [largestPart, mostExamples] = [2 ** 20, 1024];

/** No header of a file of numbers comes near. */
const headerBytes = 2 ** 16;

/** An array whose rows are read one after another. */
interface StoredArray {
  readonly shape: readonly number[];
  readonly rowBytes: number;
  /** All rows, `count` at a time. */
  rows(count: number): AsyncGenerator<NdArray>;
}

/**
 * A data set from files of arrays as {@link loadArrays} takes them, `.npz` and `.npy`, read part by part in each epoch: they may be
 * larger than the memory. The order is that of the file: `shuffled` draws from a buffer. Checksums of an archive are verified in
 * the first epoch.
 *
 * @throws DataError for files that cannot be read or are malformed, and for arrays that are not there or whose examples do not
 *   lie one after another (Fortran order)
 *
 * @example
 * const stream = await openArrays("x.npy", { labelFile: "y.npy" });
 * const data = shuffled(stream, { buffer: 10000 });
 */
export async function openArrays(
  path: string,
  options: ArrayFileOptions = {},
): Promise<DataStream<Dataset> & { readonly length: number }> {
  const { inputs: own, labels: others, labelFile } = arrayStreamOptions.read(options);
  const first = await storedArrays(path);
  const second = labelFile === undefined ? first : await storedArrays(labelFile);
  const names = { inputs: own, labels: others };
  const found = inputsAndLabels({ path, labelFile, names }, first, second);
  const [inputs, labels] = [await found.inputs(), await found.labels()];
  requireSameCount(path, { inputs, labels });
  const size = Math.floor(largestPart / (inputs.rowBytes + labels.rowBytes));
  const partSize = Math.min(mostExamples, Math.max(1, size));
  return {
    length: inputs.shape[0],
    async *batches() {
      const [x, y] = [inputs.rows(partSize), labels.rows(partSize)];
      try {
        for (;;) {
          const [a, b] = await Promise.all([x.next(), y.next()]);
          if (a.done || b.done) return;
          yield { inputs: a.value, labels: b.value };
        }
      } finally {
        await Promise.all([x.return(undefined), y.return(undefined)]);
      }
    },
  };
}

/** The arrays of a file, each opened when it is asked for. */
async function storedArrays(path: string): Promise<Readonly<Record<string, () => Promise<StoredArray>>>> {
  const kind = extname(path).toLowerCase();
  if (kind === ".npy") {
    const content = await fileContent(path);
    return { array: () => storedArray(path, content) };
  }
  if (kind !== ".npz") {
    throw new DataError(`${path} must be a file .npy or .npz; loadArrays reads .safetensors, too.`);
  }
  const entries = (await zipContents(path)).map(
    (content) =>
      [
        content.name.replace(/\.npy$/, ""),
        () => storedArray(`${path}: ${content.name} in the .npz file`, content),
      ] as const,
  );
  return Object.fromEntries(entries);
}

async function storedArray(what: string, content: Content): Promise<StoredArray> {
  const told = (cause: unknown): unknown =>
    cause instanceof DataError ? new DataError(`${what}: ${cause.message}`, { cause }) : cause;
  try {
    const header = readNpyHeader(await firstOf(content.bytes(), headerBytes));
    const elementBytes = requireNpySize(header, content.size);
    const { shape, isFortran, dataStart } = header;
    const rowBytes = elementBytes * sizeOf(shape.slice(1));
    if (shape.length === 0 || rowBytes === 0) {
      throw new DataError(`The array of shape [${shape.join(", ")}] has no examples along its first axis.`);
    }
    if (isFortran && shape.length > 1) {
      throw new DataError(
        "The array is in Fortran order, whose examples are not one after another: np.save(path, np.ascontiguousarray(a)).",
      );
    }
    return {
      shape,
      rowBytes,
      async *rows(count) {
        const total = shape[0] * rowBytes;
        try {
          for await (const part of inParts(content.bytes(), {
            skip: dataStart,
            size: count * rowBytes,
            total,
          })) {
            const rows = [part.length / rowBytes, ...shape.slice(1)];
            yield npyElements({ ...header, isFortran: false, shape: rows }, part);
          }
        } catch (cause) {
          throw told(cause);
        }
      },
    };
  } catch (cause) {
    throw told(cause);
  }
}

/** The first bytes, at most so many. */
async function firstOf(source: AsyncIterable<Uint8Array>, most: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const bytes of source) {
    parts.push(bytes);
    length += bytes.length;
    if (length >= most) break;
  }
  return Buffer.concat(parts);
}

/** Bytes in parts of one size, the last one smaller, in memory that is used again. */
async function* inParts(
  source: AsyncIterable<Uint8Array>,
  { skip, size, total }: { readonly skip: number; readonly size: number; readonly total: number },
): AsyncGenerator<Uint8Array> {
  const part = new Uint8Array(Math.min(size, total));
  let [toSkip, filled, left] = [skip, 0, total];
  for await (const piece of source) {
    let bytes = piece.subarray(Math.min(toSkip, piece.length));
    toSkip -= piece.length - bytes.length;
    while (bytes.length > 0) {
      if (left === 0) throw new DataError("The file has grown while it was read.");
      const some = bytes.subarray(0, Math.min(size, left) - filled);
      part.set(some, filled);
      filled += some.length;
      bytes = bytes.subarray(some.length);
      if (filled < Math.min(size, left)) continue;
      yield part.subarray(0, filled);
      left -= filled;
      filled = 0;
    }
  }
  if (left > 0) throw new DataError(`The file ended ${left - filled} bytes too soon while it was read.`);
}

// The contents of .npy files, and of those in .npz files, as bytes in order.

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
async function fileContent(path: string): Promise<Content> {
  const size = await withFile(path, async (file) => (await file.stat()).size);
  return { name: path, size, bytes: () => readable(path, () => createReadStream(path, { highWaterMark })) };
}

/**
 * The files of a ZIP archive, of which only the directory is read here.
 *
 * @throws DataError when it cannot be read or is damaged
 */
async function zipContents(path: string): Promise<Content[]> {
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
