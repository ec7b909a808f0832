// GraphProto and ModelProto of the ONNX schema (onnx.in.proto), as fields of bytes.

import {
  contentOf,
  dtypeOfCode,
  type OnnxDType,
  type OnnxNode,
  ProtoReader,
  type RawField,
  type ReadExternal,
  rawField,
  rawFields,
  rawMessage,
  readNode,
  tensorHeader,
  textOf,
  writeNode,
} from "isoloss/internal";

/** Fields of GraphProto: onnx.in.proto. */
const NODE = 1;
export const INITIALIZER = 5;
export const INPUT = 11;
export const OUTPUT = 12;
export const VALUE_INFO = 13;

/** A field of the graph, with what it holds. */
export interface GraphItem {
  readonly field: RawField;
  readonly node?: OnnxNode;
  /** The name of a tensor or of a value. */
  readonly name?: string;
}

export function readerOf(field: RawField, external?: ReadExternal): ProtoReader {
  const content = contentOf(field);
  return new ProtoReader(content, 0, content.length, 0, external);
}

export function tensorType(
  field: RawField,
  what: string,
): { readonly dtype: OnnxDType; readonly shape: readonly number[] } {
  const { shape, code } = tensorHeader(contentOf(field));
  return { shape, dtype: dtypeOfCode(code, what) };
}

export function itemOf(field: RawField): GraphItem {
  if (field.number === NODE) return { field, node: readNode(readerOf(field)) };
  if (field.number === INITIALIZER) return { field, name: tensorHeader(contentOf(field)).name };
  if (field.number !== INPUT && field.number !== OUTPUT && field.number !== VALUE_INFO) return { field };
  return { field, name: nameOf(field) };
}

/** The name of a value, which may be of a type that the codec does not read. */
function nameOf(field: RawField): string {
  const name = rawFields(contentOf(field)).find(({ number }) => number === 1);
  return name === undefined ? "" : textOf(name);
}

export const writtenNode = (node: OnnxNode): RawField =>
  rawField(NODE, (w, number) => w.message(number, (n) => writeNode(n, node)));

export function rewired(field: RawField, { inputs, outputs }: OnnxNode): RawField {
  const others = rawFields(contentOf(field)).filter(({ number }) => number > 2);
  const named = (number: number, names: readonly string[]) =>
    names.map((name) => rawField(number, (w, n) => w.string(n, name)));
  const content = rawMessage([...named(1, inputs), ...named(2, outputs), ...others]);
  return rawField(NODE, (w, number) => w.bytes(number, content));
}

export function intOf(message: readonly RawField[], number: number): number {
  const field = message.filter((own) => own.number === number).at(-1);
  if (field === undefined) return 0;
  const r = new ProtoReader(field.bytes);
  r.next();
  return r.int();
}

const isStandardSet = (opset: RawField): boolean => {
  const domain = rawFields(contentOf(opset)).find(({ number }) => number === 1);
  return domain === undefined || ["", "ai.onnx"].includes(textOf(domain));
};

/** The version of the standard operator set. */
export function opsetOf(model: readonly RawField[]): number {
  const set = model.find((field) => field.number === 8 && isStandardSet(field));
  return set === undefined ? 1 : intOf(rawFields(contentOf(set)), 2);
}

/** A model of other versions of the standard operator set and of the format. */
export function withVersions(
  model: readonly RawField[],
  opset: number,
  irVersion: number,
): readonly RawField[] {
  const others = model.filter((field) => field.number !== 1 && !(field.number === 8 && isStandardSet(field)));
  return [
    rawField(1, (w, number) => w.int(number, irVersion)),
    ...others,
    rawField(8, (w, number) => w.message(number, (set) => set.int(2, opset))),
  ];
}

/** The fields of a graph in their order, with edits in a time that does not grow with the graph. */
export class ItemList {
  /** One cell for each field of the file, with what is in its place now. */
  readonly #cells: GraphItem[][];
  /** Numbers of the fields that the file has, by cell. */
  readonly #numbers: readonly number[];
  readonly #cellOf = new Map<OnnxNode, GraphItem[]>();
  readonly #added: GraphItem[] = [];
  readonly #named = new Map<number, Map<string, GraphItem>>();
  readonly #names = new Set<string>();

  constructor(items: readonly GraphItem[]) {
    this.#cells = items.map((item) => [item]);
    this.#numbers = items.map(({ field }) => field.number);
    items.forEach((item, i) => {
      this.#index(item);
      if (item.node !== undefined) this.#cellOf.set(item.node, this.#cells[i]);
    });
  }

  /** All fields; added ones after the last one of their number. */
  all(): readonly GraphItem[] {
    const added = new Map<number, GraphItem[]>();
    for (const number of new Set(this.#added.map(({ field }) => field.number))) {
      const last = this.#numbers.lastIndexOf(number);
      const place = last < 0 ? this.#cells.length - 1 : last;
      const own = this.#added.filter(({ field }) => field.number === number);
      added.set(place, [...(added.get(place) ?? []), ...own]);
    }
    return this.#cells.flatMap((cell, i) => [...cell, ...(added.get(i) ?? [])]);
  }

  /** The field of a number with the given name. */
  named(number: number, name: string): GraphItem | undefined {
    return this.#named.get(number)?.get(name);
  }

  hasName(name: string): boolean {
    return this.#names.has(name);
  }

  add(item: GraphItem): void {
    this.#added.push(item);
    this.#index(item);
  }

  /** The field of a node. */
  get(node: OnnxNode): GraphItem | undefined {
    return this.#cellOf.get(node)?.find((item) => item.node === node);
  }

  /** Puts fields in the place of a node's. */
  replace(node: OnnxNode, items: readonly GraphItem[]): void {
    const cell = this.#cellOf.get(node);
    const at = cell?.findIndex((item) => item.node === node) ?? -1;
    if (cell === undefined || at < 0) return;
    cell.splice(at, 1, ...items);
    this.#cellOf.delete(node);
    for (const item of items) if (item.node !== undefined) this.#cellOf.set(item.node, cell);
  }

  #index(item: GraphItem): void {
    const { field, name } = item;
    if (name === undefined) return;
    const own = this.#named.get(field.number) ?? new Map<string, GraphItem>();
    this.#named.set(field.number, own.set(name, item));
    this.#names.add(name);
  }
}
