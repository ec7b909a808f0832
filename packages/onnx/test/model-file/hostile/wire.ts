// A file of Protocol Buffers as a tree that can be changed without knowing its schema.
import { ProtoReader, type RawField, rawField, rawFields, rawMessage } from "isoloss/internal";

/** A field with what it holds: an integer, bytes, or fields that its bytes can be read as. */
export interface Wire {
  readonly field: number;
  integer?: bigint;
  bytes?: Uint8Array;
  children?: Wire[];
  /** Of a field of 32 or 64 bits: all of it. */
  readonly fixed?: RawField;
}

const VARINT = 0;
const BYTES = 2;

/** The fields of a message; undefined if the bytes are none. */
export function wiresOf(message: Uint8Array, depth = 0): Wire[] | undefined {
  try {
    return rawFields(message).map((own): Wire => {
      const { number: field, bytes } = own;
      const r = new ProtoReader(bytes);
      r.next();
      if (bytes[0] % 8 === VARINT) return { field, integer: r.int64() };
      if (bytes[0] % 8 !== BYTES) return { field, fixed: own };
      const content = r.bytes();
      const isText = content.every((b) => b >= 32 && b < 127);
      const children =
        isText || depth > 20 || content.length > 4000 ? undefined : wiresOf(content, depth + 1);
      return { field, bytes: content, ...(children && { children }) };
    });
  } catch {
    return undefined;
  }
}

export const messageOf = (wires: readonly Wire[]): Uint8Array => rawMessage(wires.map(written));

function written({ field, integer, bytes, children, fixed }: Wire): RawField {
  if (integer !== undefined) return rawField(field, (w, n) => w.int(n, integer));
  if (fixed !== undefined) return fixed;
  return rawField(field, (w, n) => w.bytes(n, children ? messageOf(children) : (bytes ?? new Uint8Array())));
}

/** All fields of a tree. */
export const allWires = (wires: readonly Wire[]): Wire[] =>
  wires.flatMap((wire) => [wire, ...allWires(wire.children ?? [])]);
