import type { OnnxGraph, OnnxNode } from "isoloss/internal";

/** Which nodes of a graph make and read its values. */
export class Uses {
  readonly #makers = new Map<string, OnnxNode>();
  readonly #readers = new Map<string, OnnxNode[]>();
  /** How many graphs inside nodes have a value of each name. */
  readonly #captured = new Map<string, number>();

  constructor(nodes: readonly OnnxNode[]) {
    for (const node of nodes) this.add(node);
  }

  add(node: OnnxNode): void {
    for (const name of node.outputs) if (name !== "") this.#makers.set(name, node);
    for (const name of node.inputs) {
      const list = this.#readers.get(name);
      if (list === undefined) this.#readers.set(name, [node]);
      else list.push(node);
    }
    for (const name of innerNames(node)) this.#captured.set(name, (this.#captured.get(name) ?? 0) + 1);
  }

  remove(node: OnnxNode): void {
    for (const name of node.outputs) if (this.#makers.get(name) === node) this.#makers.delete(name);
    for (const name of new Set(node.inputs)) {
      this.#readers.set(
        name,
        this.readers(name).filter((other) => other !== node),
      );
    }
    for (const name of innerNames(node)) this.#captured.set(name, (this.#captured.get(name) ?? 0) - 1);
  }

  maker(value: string): OnnxNode | undefined {
    return this.#makers.get(value);
  }

  /** The nodes that read a value, each as often as it does. */
  readers(value: string): readonly OnnxNode[] {
    return this.#readers.get(value) ?? [];
  }

  /** Whether a graph inside a node has a value of this name: its own, or that of the graph around it. */
  isCaptured(value: string): boolean {
    return (this.#captured.get(value) ?? 0) > 0;
  }

  isRead(value: string): boolean {
    return this.readers(value).length > 0 || this.isCaptured(value);
  }

  /** Whether a node makes or reads a value of this name. */
  isKnown(value: string): boolean {
    return this.isRead(value) || this.#makers.has(value);
  }
}

/** The names of values in the graphs inside a node. */
function innerNames({ attributes }: OnnxNode): ReadonlySet<string> {
  const names = new Set<string>();
  for (const attribute of Object.values(attributes)) {
    if (attribute.kind === "graph") collectNames(attribute.value, names);
  }
  return names;
}

function collectNames({ nodes, outputs }: OnnxGraph, into: Set<string>): void {
  for (const { name } of outputs) into.add(name);
  for (const node of nodes) {
    for (const name of [...node.inputs, ...node.outputs, ...innerNames(node)]) into.add(name);
  }
}
