import type { OnnxNode } from "isoloss/internal";
import type { GraphItem } from "./graph-items.js";

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
