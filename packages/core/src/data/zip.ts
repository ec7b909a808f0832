// ZIP archives: PKWARE's APPNOTE.TXT, sections 4.3 to 4.5; deflate (RFC 1951) by the web-standard DecompressionStream.
import { DataError } from "../errors.js";
import { crc32 } from "./crc32.js";
import { inflateRaw } from "./gzip.js";

/** A file of an archive. */
export interface ZipEntry {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const signature = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50 } as const;
/** The fixed part of the record at the end; a comment of up to 65535 bytes follows. */
const endLength = 22;
/** A size or offset that ZIP64 keeps elsewhere. */
const elsewhere = 0xffffffff;

/** Whether bytes start as a ZIP archive does: with a file, or with the end of an empty one. */
export function isZip(bytes: Uint8Array): boolean {
  if (bytes.length < 4) return false;
  const first = viewOf(bytes).getUint32(0, true);
  return first === signature.local || first === signature.end;
}

/**
 * The files of a ZIP archive, stored or deflated, in the order of its directory. Checksums are verified.
 *
 * @throws DataError when the archive is damaged, encrypted or of more than 4 GB
 */
export async function readZip(bytes: Uint8Array): Promise<ZipEntry[]> {
  const view = viewOf(bytes);
  const end = endOf(view);
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  const entries: ZipEntry[] = [];
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== signature.central) {
      throw new DataError(`The directory of the zip archive is damaged: entry ${i} of ${count} is missing.`);
    }
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) =>
      view.getUint16(at + field, true),
    );
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    if (!name.endsWith("/")) entries.push({ name, bytes: await contentOf(bytes, at, name) });
    at += 46 + nameLength + extraLength + commentLength;
  }
  return entries;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Where the record at the end starts. */
function endOf(view: DataView): number {
  for (let at = view.byteLength - endLength; at >= 0 && at >= view.byteLength - endLength - 0xffff; at--) {
    if (view.getUint32(at, true) === signature.end) return at;
  }
  throw new DataError(
    `No directory at the end of the ${view.byteLength} bytes: they are no zip archive, or it is truncated.`,
  );
}

/** The content of the file that an entry of the directory describes. */
async function contentOf(bytes: Uint8Array, entry: number, name: string): Promise<Uint8Array> {
  const view = viewOf(bytes);
  const what = `"${name}" in the zip archive`;
  const [isEncrypted, method] = [
    (view.getUint16(entry + 8, true) & 1) === 1,
    view.getUint16(entry + 10, true),
  ];
  const [sum, packed, size] = [16, 20, 24].map((field) => view.getUint32(entry + field, true));
  const local = view.getUint32(entry + 42, true);
  if (isEncrypted) throw new DataError(`${what} is encrypted. Write the archive without a password.`);
  if ([packed, size, local].includes(elsewhere)) {
    throw new DataError(`${what} needs ZIP64, for more than 4 GB. Save each array in a file of its own.`);
  }
  if (local + 30 > bytes.length || view.getUint32(local, true) !== signature.local) {
    throw new DataError(`${what} is not where the directory says: the archive is damaged.`);
  }
  const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  const raw = bytes.subarray(start, start + packed);
  if (method !== 0 && method !== 8) {
    throw new DataError(`${what} is compressed by method ${method}; known are 0 (stored) and 8 (deflate).`);
  }
  const content = method === 0 ? raw : await inflateRaw(raw, what);
  if (content.length !== size || crc32(content) !== sum) {
    throw new DataError(`${what} does not have the size and checksum of the directory: it is damaged.`);
  }
  return content;
}
