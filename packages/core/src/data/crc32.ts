// CRC-32 of ISO 3309 and ITU-T V.42, section 8.1.1.6.2, as in gzip and PNG.

/** Remainder of each byte modulo the reflected polynomial. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let r = byte;
  for (let bit = 0; bit < 8; bit++) r = r & 1 ? 0xedb88320 ^ (r >>> 1) : r >>> 1;
  return r;
});

/**
 * The CRC-32 of bytes, an integer in [0, 2^32).
 *
 * @param previous CRC-32 of the bytes before these: a long input can be passed in parts
 *
 * @example
 * crc32(new TextEncoder().encode("123456789")); // 0xcbf43926
 */
export function crc32(bytes: Uint8Array, previous = 0): number {
  let r = ~previous;
  for (let i = 0; i < bytes.length; i++) r = table[(r ^ bytes[i]) & 255] ^ (r >>> 8);
  return ~r >>> 0;
}
