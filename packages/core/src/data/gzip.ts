// Data compressed by gzip (RFC 1952) and deflate (RFC 1951), by the web-standard DecompressionStream, which browsers and Node share.
import { DataError } from "../errors.js";

/** Whether bytes start with gzip's magic number, 1f 8b. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * The decompressed bytes of a gzip file.
 *
 * @throws DataError when the file is damaged or truncated
 */
export function gunzip(bytes: Uint8Array): Promise<Uint8Array> {
  return decompress(bytes, "gzip", `The gzip data of ${bytes.length} bytes`);
}

/**
 * The decompressed bytes of raw deflate data (RFC 1951), such as a file of a ZIP archive.
 *
 * @param source names the data in the message
 * @throws DataError when the data are damaged or truncated
 */
export function inflateRaw(bytes: Uint8Array, source: string): Promise<Uint8Array> {
  return decompress(bytes, "deflate-raw", source);
}

async function decompress(
  bytes: Uint8Array,
  format: "gzip" | "deflate-raw",
  source: string,
): Promise<Uint8Array> {
  // Outside of `try`: a runtime without the format is not a damaged file.
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream(format));
  try {
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (cause) {
    throw new DataError(
      `${source} is damaged or truncated: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
}
