// ZIP archives: PKWARE's APPNOTE.TXT, sections 4.3 to 4.5; deflate (RFC 1951) by the web-standard DecompressionStream.
import { DataError } from "../errors.js";
import { crc32 } from "./crc32.js";
import { inflateRaw } from "./gzip.js";

/** A file of an archive. */
export interface ZipEntry {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const signature = {
  local: 0x04034b50,
  central: 0x02014b50,
  end: 0x06054b50,
  end64: 0x06064b50,
  locator: 0x07064b50,
} as const;
/** The fixed part of the record at the end; a comment of up to 65535 bytes follows. */
const endLength = 22;
/** Those of ZIP64 before it: where its own record is, and that record. */
const [locatorLength, end64Length] = [20, 56];
/** A size or offset that ZIP64 keeps elsewhere. */
const elsewhere = 0xffffffff;

/** A file of an archive as the directory describes it. */
export interface ZipDirectoryEntry {
  readonly name: string;
  /** 0: stored, 8: deflated. */
  readonly method: number;
  /** CRC-32 of the content. */
  readonly sum: number;
  /** Bytes in the archive, and of the content. */
  readonly packed: number;
  readonly size: number;
  /** Where its own header is. */
  readonly local: number;
}

/**
 * The files of a ZIP archive, stored or deflated, in the order of its directory. Checksums are verified.
 *
 * @throws DataError when the archive is damaged or encrypted
 */
export async function readZip(bytes: Uint8Array): Promise<ZipEntry[]> {
  const { count, at } = endOfZip(bytes, 0);
  const entries: ZipEntry[] = [];
  for (const entry of zipDirectory(bytes.subarray(at), count)) {
    entries.push({ name: entry.name, bytes: await contentOf(bytes, entry) });
  }
  return entries;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The most bytes that the records at the end may take: the last one, its comment, and those of ZIP64. */
export const longestEnd = endLength + 0xffff + locatorLength + end64Length;

/**
 * Where the directory of an archive is, and how many files it has.
 *
 * @param tail the end of the archive, of {@link longestEnd} bytes unless the archive is smaller
 * @param start where the tail begins
 */
export function endOfZip(tail: Uint8Array, start: number): { readonly count: number; readonly at: number } {
  const view = viewOf(tail);
  const end = endOf(view);
  const [count, at] = [view.getUint16(end + 10, true), view.getUint32(end + 16, true)];
  const locator = end - locatorLength;
  if (locator < 0 || view.getUint32(locator, true) !== signature.locator) return { count, at };
  const end64 = Number(view.getBigUint64(locator + 8, true)) - start;
  if (end64 < 0 || end64 + end64Length > tail.length || view.getUint32(end64, true) !== signature.end64) {
    throw new DataError("The records at the end of the zip archive are damaged.");
  }
  return {
    count: Number(view.getBigUint64(end64 + 32, true)),
    at: Number(view.getBigUint64(end64 + 48, true)),
  };
}

/** Where the record at the end starts. */
function endOf(view: DataView): number {
  for (let at = view.byteLength - endLength; at >= 0 && at >= view.byteLength - endLength - 0xffff; at--) {
    if (view.getUint32(at, true) === signature.end) return at;
  }
  throw new DataError(
    `No directory at the end of the ${view.byteLength} bytes: they are no zip archive, or it is truncated.`,
  );
}

/**
 * The files of a directory, without folders.
 *
 * @param bytes from the directory's beginning on
 * @throws DataError for a damaged directory, and for files that are encrypted or compressed in other ways
 */
export function zipDirectory(bytes: Uint8Array, count: number): ZipDirectoryEntry[] {
  const view = viewOf(bytes);
  const entries: ZipDirectoryEntry[] = [];
  for (let i = 0, at = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== signature.central) {
      throw new DataError(`The directory of the zip archive is damaged: entry ${i} of ${count} is missing.`);
    }
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) =>
      view.getUint16(at + field, true),
    );
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    if (!name.endsWith("/")) entries.push(entryAt(view, at, { name, nameLength, extraLength }));
    at += 46 + nameLength + extraLength + commentLength;
  }
  return entries;
}

function entryAt(
  view: DataView,
  at: number,
  { name, nameLength, extraLength }: { name: string; nameLength: number; extraLength: number },
): ZipDirectoryEntry {
  const what = `"${name}" in the zip archive`;
  const isEncrypted = (view.getUint16(at + 8, true) & 1) === 1;
  if (isEncrypted) throw new DataError(`${what} is encrypted. Write the archive without a password.`);
  const method = view.getUint16(at + 10, true);
  if (method !== 0 && method !== 8) {
    throw new DataError(`${what} is compressed by method ${method}; known are 0 (stored) and 8 (deflate).`);
  }
  const extra = at + 46 + nameLength;
  const large = largeNumbers(view, extra, extra + extraLength);
  // In this order, and only those that the directory itself has no room for (APPNOTE, 4.5.3).
  const [size, packed, local] = [24, 20, 42].map((field) => {
    const value = view.getUint32(at + field, true);
    if (value !== elsewhere) return value;
    const next = large.shift();
    if (next !== undefined) return next;
    throw new DataError(`${what} needs ZIP64, but has no sizes of it: the directory is damaged.`);
  });
  return { name, method, sum: view.getUint32(at + 16, true), packed, size, local };
}

/** The numbers of ZIP64's extra field. */
function largeNumbers(view: DataView, from: number, to: number): number[] {
  for (let at = from; at + 4 <= Math.min(to, view.byteLength); ) {
    const length = view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === 1 && at + 4 + length <= view.byteLength) {
      return Array.from({ length: length >> 3 }, (_, i) => Number(view.getBigUint64(at + 4 + 8 * i, true)));
    }
    at += 4 + length;
  }
  return [];
}

/** The fixed part of a file's own header. */
export const localHeaderLength = 30;

/**
 * Where the content of a file begins.
 *
 * @param header of the file's own, at least {@link localHeaderLength} bytes from `local` on
 * @throws DataError unless it is one
 */
export function contentStart({ name, local }: ZipDirectoryEntry, header: Uint8Array): number {
  const view = viewOf(header);
  if (header.length < localHeaderLength || view.getUint32(0, true) !== signature.local) {
    throw new DataError(
      `"${name}" in the zip archive is not where the directory says: the archive is damaged.`,
    );
  }
  return local + localHeaderLength + view.getUint16(26, true) + view.getUint16(28, true);
}

/** The content of a file. */
async function contentOf(bytes: Uint8Array, entry: ZipDirectoryEntry): Promise<Uint8Array> {
  const { name, method, packed } = entry;
  const start = contentStart(entry, bytes.subarray(entry.local, entry.local + localHeaderLength));
  const raw = bytes.subarray(start, start + packed);
  const content = method === 0 ? raw : await inflateRaw(raw, `"${name}" in the zip archive`);
  requireContent(entry, content.length, crc32(content));
  return content;
}

/** @throws DataError unless a content has the size and checksum of the directory */
export function requireContent({ name, size, sum }: ZipDirectoryEntry, length: number, crc: number): void {
  if (length === size && crc === sum) return;
  throw new DataError(
    `"${name}" in the zip archive does not have the size and checksum of the directory: it is damaged.`,
  );
}
