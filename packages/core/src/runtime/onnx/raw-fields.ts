// Editing of Protocol Buffers messages field by field: what is not changed keeps its bytes, also where the codec does
// not know the field.
import { ProtoReader, ProtoWriter } from "./protobuf.js";

/** A field of a message as its bytes, tag included. */
export interface RawField {
  readonly number: number;
  readonly bytes: Uint8Array;
}

export function rawFields(message: Uint8Array): readonly RawField[] {
  const r = new ProtoReader(message);
  const fields: RawField[] = [];
  let start = 0;
  for (let number = r.next(); number !== 0; number = r.next()) {
    r.skip();
    fields.push({ number, bytes: message.subarray(start, r.position) });
    start = r.position;
  }
  return fields;
}

export function rawMessage(fields: readonly RawField[]): Uint8Array {
  const message = new Uint8Array(fields.reduce((size, { bytes }) => size + bytes.length, 0));
  let at = 0;
  for (const { bytes } of fields) {
    message.set(bytes, at);
    at += bytes.length;
  }
  return message;
}

/** The content of a field that is a message, a string or bytes, as a view. */
export function contentOf({ bytes }: RawField): Uint8Array {
  const r = new ProtoReader(bytes);
  r.next();
  return r.bytes();
}

export function textOf(field: RawField): string {
  const r = new ProtoReader(field.bytes);
  r.next();
  return r.string();
}

/** A field whose value `write` writes under the number that it is given. */
export function rawField(number: number, write: (w: ProtoWriter, number: number) => void): RawField {
  const w = new ProtoWriter();
  write(w, number);
  return { number, bytes: w.finish() };
}

/** Changes of the fields of a message, by number; a change returns its argument to leave the field as it is. */
export type FieldChanges = Readonly<Record<number, (content: Uint8Array) => Uint8Array>>;

/** A message with the content of some fields changed; the message itself if nothing changes. */
export function mapFields(message: Uint8Array, changes: FieldChanges): Uint8Array {
  let isChanged = false;
  const fields = rawFields(message).map((field) => {
    const change = changes[field.number];
    if (change === undefined) return field;
    const content = contentOf(field);
    const changed = change(content);
    if (changed === content) return field;
    isChanged = true;
    return rawField(field.number, (w, number) => w.bytes(number, changed));
  });
  return isChanged ? rawMessage(fields) : message;
}
