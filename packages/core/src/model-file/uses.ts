import type { OnnxGraph, OnnxNode } from "../runtime/onnx/schema.js";

/** Which nodes of a graph make and read its values. */
export interface Uses {
  maker(value: string): OnnxNode | undefined;
  /** The nodes that read a value, each as often as it does. */
  readers(value: string): readonly OnnxNode[];
  /** Whether a graph inside a node reads the value. */
  isCaptured(value: string): boolean;
  isRead(value: string): boolean;
  /** Whether a node makes, reads or captures a value of this name. */
  isKnown(value: string): boolean;
}

export function usesOf(nodes: readonly OnnxNode[]): Uses {
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const readers = new Map<string, OnnxNode[]>();
  const captured = new Set<string>();
  for (const node of nodes) {
    for (const name of node.inputs) {
      const list = readers.get(name);
      if (list === undefined) readers.set(name, [node]);
      else list.push(node);
    }
    for (const attribute of Object.values(node.attributes)) {
      if (attribute.kind === "graph") collectNames(attribute.value, captured);
    }
  }
  const isRead = (name: string) => readers.has(name) || captured.has(name);
  return {
    maker: (name) => (name === "" ? undefined : makers.get(name)),
    readers: (name) => readers.get(name) ?? [],
    isCaptured: (name) => captured.has(name),
    isRead,
    isKnown: (name) => isRead(name) || makers.has(name),
  };
}

/** All names in a graph inside a node; those that it makes itself hide none of the outer graph. */
function collectNames({ nodes, outputs }: OnnxGraph, into: Set<string>): void {
  for (const { name } of outputs) into.add(name);
  for (const { inputs, outputs: made, attributes } of nodes) {
    for (const name of [...inputs, ...made]) into.add(name);
    for (const attribute of Object.values(attributes)) {
      if (attribute.kind === "graph") collectNames(attribute.value, into);
    }
  }
}
