import type { Tensor } from "../../graph/tensor.js";
import { mapValues } from "../../tree.js";
import { graph as graphAttribute, type OnnxGraph, type OnnxNode, type OnnxValueInfo } from "./schema.js";

/** The declaration of a graph's input or output; `lead`: sizes of axes before its own. */
export function valueInfo(
  name: string,
  { dtype, shape }: Tensor,
  ...lead: (number | string)[]
): OnnxValueInfo {
  return { name, dtype, shape: [...lead, ...shape] };
}

/** Gives the results of a graph their names: renames those that a node computes, and copies the others. */
export function nameResults(
  nodes: readonly OnnxNode[],
  results: readonly string[],
  names: readonly string[],
): readonly OnnxNode[] {
  const made = new Set(nodes.flatMap((n) => n.outputs));
  const renamed = new Map<string, string>();
  const copies: OnnxNode[] = [];
  results.forEach((result, i) => {
    if (made.has(result) && !renamed.has(result)) renamed.set(result, names[i]);
    else copies.push({ opType: "Identity", inputs: [result], outputs: [names[i]], attributes: {} });
  });
  return renameValues([...nodes, ...copies], (name) => renamed.get(name) ?? name);
}

/** Renames values, also where loops and branches use them. */
function renameValues(nodes: readonly OnnxNode[], nameOf: (name: string) => string): readonly OnnxNode[] {
  const inner = (graph: OnnxGraph) => graphAttribute({ ...graph, nodes: renameValues(graph.nodes, nameOf) });
  return nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(nameOf),
    outputs: node.outputs.map(nameOf),
    attributes: mapValues(node.attributes, (value) => (value.kind === "graph" ? inner(value.value) : value)),
  }));
}
