import type { NdArray } from "isoloss";
import {
  contentOf,
  type FieldChanges,
  mapFields,
  ProtoReader,
  type RawField,
  rawField,
  rawFields,
  rawMessage,
  type TensorHeader,
  tensorHeader,
  textOf,
} from "isoloss/internal";
import { floatsOf, isFloatCode, withFloats } from "./float-data.js";

/**
 * The new numbers of a float tensor, given with its message, which a number in an attribute does not have; undefined to leave it
 * as it is.
 */
export type Replacement = (header: TensorHeader, tensor?: Uint8Array) => NdArray | undefined;

/**
 * A model with other numbers in float tensors of its main graph: initializers, and Constant nodes under the name of
 * their output. Every other byte stays.
 */
export const replaceFloats = (model: Uint8Array, replacement: Replacement): Uint8Array =>
  mapFields(model, { 7: (graph) => mapFields(graph, changes(replacement)) });

/** A field of a graph with other numbers; the field itself where nothing changes. */
export function withOtherFloats(field: RawField, replacement: Replacement): RawField {
  const change = changes(replacement)[field.number];
  if (change === undefined) return field;
  const content = contentOf(field);
  const changed = change(content);
  return changed === content ? field : rawField(field.number, (w, n) => w.bytes(n, changed));
}

const changes = (replacement: Replacement): FieldChanges => ({
  1: (node) => inNode(node, replacement),
  5: (tensor) => inTensor(tensor, tensorHeader(tensor), replacement),
});

function inTensor(tensor: Uint8Array, header: TensorHeader, replacement: Replacement): Uint8Array {
  const value = isFloatCode(header.code) ? replacement(header, tensor) : undefined;
  return value === undefined ? tensor : withFloats(tensor, header, value);
}

function inNode(node: Uint8Array, replacement: Replacement): Uint8Array {
  const fields = rawFields(node);
  if (!fields.some((field) => field.number === 4 && textOf(field) === "Constant")) return node;
  const output = fields.find(({ number }) => number === 2);
  if (output === undefined) return node;
  const name = textOf(output);
  const value = (tensor: Uint8Array) => inTensor(tensor, { ...tensorHeader(tensor), name }, replacement);
  return mapFields(node, {
    5: (attribute) => inNumbers(mapFields(attribute, { 5: value }), name, replacement),
  });
}

/** An attribute with its float or list of floats replaced, if it has one. */
function inNumbers(attribute: Uint8Array, name: string, replacement: Replacement): Uint8Array {
  const fields = rawFields(attribute);
  const header = (shape: readonly number[]): TensorHeader => ({ name, shape, code: 1, isExternal: false });
  if (fields.some((field) => field.number === 1 && textOf(field) === "value_float")) {
    const value = replacement(header([]));
    if (value === undefined) return attribute;
    const [number] = floatsOf(value, "float32", `The constant "${name}"`) as Float32Array;
    return rawMessage([
      ...fields.filter((field) => field.number !== 2),
      rawField(2, (w, field) => w.float(field, number)),
    ]);
  }
  const list = fields.filter(({ number }) => number === 7);
  if (list.length === 0) return attribute;
  const floats: number[] = [];
  const r = new ProtoReader(rawMessage(list));
  while (r.next() !== 0) r.floats(floats);
  const value = replacement(header([floats.length]));
  if (value === undefined) return attribute;
  const numbers = floatsOf(value, "float32", `The constant "${name}"`);
  return rawMessage([
    ...fields.filter(({ number }) => number !== 7),
    rawField(7, (w, number) => w.bytes(number, new Uint8Array(numbers.buffer))),
  ]);
}
