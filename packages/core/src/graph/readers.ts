import { type Graph, nodesOf } from "./graph.js";
import type { Tensor } from "./tensor.js";

/** The nodes that read each node, each as often as it does; undefined stands for an output of the graph. */
export type Readers = ReadonlyMap<Tensor, readonly (Tensor | undefined)[]>;

/**
 * Finds which nodes read each node of a graph.
 *
 * @param order the graph's nodes, where they are known
 */
export function readersOf(graph: Graph, order: readonly Tensor[] = nodesOf(graph)): Readers {
  const readers = new Map<Tensor, (Tensor | undefined)[]>(order.map((node) => [node, []]));
  for (const node of order) for (const x of node.inputs) readers.get(x)?.push(node);
  for (const { tensor } of graph.outputs) readers.get(tensor)?.push(undefined);
  return readers;
}
