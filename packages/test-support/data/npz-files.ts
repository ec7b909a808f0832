// Files as NumPy 2.4.6 writes them, in base64; and further ones of arrays that a test has.
import type { NdArray } from "isoloss";
import { encodeNpy } from "isoloss/data";
import { crc32 } from "../../core/src/data/crc32.js";

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, "base64"));

/** np.savez(f, w=np.arange(6, dtype=np.float32).reshape(2, 3), n=np.array([1, -2])) */
export const stored = (): Uint8Array =>
  bytesOf(
    "UEsDBC0AAAAAAAAAIQBP6QAq//////////8FABQAdy5ucHkBABAAmAAAAAAAAACYAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxmNCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCAzKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAAAAAAAAgD8AAABAAABAQAAAgEAAAKBAUEsDBC0AAAAAAAAAIQCa+/Uj//////////8FABQAbi5ucHkBABAAkAAAAAAAAACQAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxpOCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAQAAAAAAAAD+/////////1BLAQItAy0AAAAAAAAAIQBP6QAqmAAAAJgAAAAFAAAAAAAAAAAAAACAAQAAAAB3Lm5weVBLAQItAy0AAAAAAAAAIQCa+/UjkAAAAJAAAAAFAAAAAAAAAAAAAACAAc8AAABuLm5weVBLBQYAAAAAAgACAGYAAACWAQAAAAA=",
  );

/** The same by np.savez_compressed. */
export const deflated = (): Uint8Array =>
  bytesOf(
    "UEsDBC0AAAAIAAAAIQBP6QAq//////////8FABQAdy5ucHkBABAAmAAAAAAAAABVAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CsaaOgq1CmQDLgYwaLAHEg5ABMQNQLzAAQBQSwMELQAAAAgAAAAhAJr79SP//////////wUAFABuLm5weQEAEACQAAAAAAAAAEsAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNpoa6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaRjqaOgq1ChQALkYGCPj3HwIAUEsBAi0DLQAAAAgAAAAhAE/pACpVAAAAmAAAAAUAAAAAAAAAAAAAAIABAAAAAHcubnB5UEsBAi0DLQAAAAgAAAAhAJr79SNLAAAAkAAAAAUAAAAAAAAAAAAAAIABjAAAAG4ubnB5UEsFBgAAAAACAAIAZgAAAA4BAAAAAA==",
  );

/** np.savez_compressed(f, x=np.arange(6, dtype=np.float32).reshape(3, 2), state=np.zeros((2, 3, 1), dtype=np.float32), rate=np.array(8)) */
export const stateful = (): Uint8Array =>
  bytesOf(
    "UEsDBC0AAAAIAAAAIQDMypy9//////////8FABQAeC5ucHkBABAAmAAAAAAAAABVAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GsY6CkaaOgq1CmQDLgYwaLAHEg5ABMQNQLzAAQBQSwMELQAAAAgAAAAhAGpt98L//////////wkAFABzdGF0ZS5ucHkBABAAmAAAAAAAAABMAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CsY6CoaaOgq1CuQBLgYcAABQSwMELQAAAAgAAAAhAI+q0LX//////////wgAFAByYXRlLm5weQEAEACIAAAAAAAAAEYAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNpoa6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkamjoKtQoUAS4OBggAAFBLAQItAy0AAAAIAAAAIQDMypy9VQAAAJgAAAAFAAAAAAAAAAAAAACAAQAAAAB4Lm5weVBLAQItAy0AAAAIAAAAIQBqbffCTAAAAJgAAAAJAAAAAAAAAAAAAACAAYwAAABzdGF0ZS5ucHlQSwECLQMtAAAACAAAACEAj6rQtUYAAACIAAAACAAAAAAAAAAAAAAAgAETAQAAcmF0ZS5ucHlQSwUGAAAAAAMAAwCgAAAAkwEAAAAA",
  );

/** np.savez(f, o=np.array([None])) */
export const objects = (): Uint8Array =>
  bytesOf(
    "UEsDBC0AAAAAAAAAIQACZgkb//////////8FABQAby5ucHkBABAAFQEAAAAAAAAVAQAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJ3xPJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKgASVigAAAAAAAACMFm51bXB5Ll9jb3JlLm11bHRpYXJyYXmUjAxfcmVjb25zdHJ1Y3SUk5SMBW51bXB5lIwHbmRhcnJheZSTlEsAhZRDAWKUh5RSlChLAUsBhZRoA4wFZHR5cGWUk5SMAk84lImIh5RSlChLA4wBfJROTk5K/////0r/////Sz90lGKJXZROYXSUYi5QSwECLQMtAAAAAAAAACEAAmYJGxUBAAAVAQAABQAAAAAAAAAAAAAAgAEAAAAAby5ucHlQSwUGAAAAAAEAAQAzAAAATAEAAAAA",
  );

/** Arrays in the form of np.savez: entries that are not compressed, by APPNOTE.TXT of PKWARE, sections 4.3.7 to 4.3.16. */
export function npzOf(arrays: Readonly<Record<string, NdArray>>): Uint8Array {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [key, value] of Object.entries(arrays)) {
    const [name, body] = [Buffer.from(`${key}.npy`), Buffer.from(encodeNpy(value))];
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(body), 10);
    common.writeUInt32LE(body.length, 14);
    common.writeUInt32LE(body.length, 18);
    common.writeUInt16LE(name.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    const file = Buffer.concat([Buffer.from("PK\x03\x04"), common, name, body]);
    files.push(file);
    directory.push(Buffer.from("PK\x01\x02\x14\x00"), common, place, name);
    offset += file.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(entries.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...files, entries, Buffer.from("PK\x05\x06"), end]);
}
