// CRC-32C (Castagnoli): RFC 3720, section 12.1 and appendix B.4.

/** Remainders of all bytes by the reflected polynomial. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let r = byte;
  for (let bit = 0; bit < 8; bit++) r = r & 1 ? 0x82f63b78 ^ (r >>> 1) : r >>> 1;
  return r;
});

/**
 * The CRC-32C of bytes, an integer in [0, 2^32).
 *
 * @example
 * crc32c(Buffer.from("123456789")); // 0xe3069283
 */
export function crc32c(bytes: Uint8Array): number {
  let r = -1;
  for (const byte of bytes) r = table[(r ^ byte) & 255] ^ (r >>> 8);
  return ~r >>> 0;
}
