// Networks are long: where a single node connects all before it with all behind it, each part can be laid out by itself.
import type { ModelGraph } from "./model-graph.js";

/** Parts have at least so many nodes. */
const least = 40;

/** Parts of a graph in the order of computation, as ids of nodes; the last node of each is the first of the next. */
export function segmentsOf(graph: ModelGraph): readonly (readonly number[])[] {
  const order = orderOf(graph);
  const place = new Map(order.map((id, at) => [id, at]));
  const last = order.length - 1;
  /** How many edges pass over each place, as differences of neighbors. */
  const steps = new Int32Array(order.length + 1);
  for (const { from, to } of graph.edges) {
    const [a, b] = [place.get(from) as number, place.get(to) as number];
    steps[a + 1]++;
    steps[b]--;
  }
  const cuts: number[] = [];
  for (let at = 0, over = 0; at <= last; at++) {
    over += steps[at];
    if (over === 0 && at > 0 && at < last) cuts.push(at);
  }
  const isSource = (at: number) => graph.nodes[order[at]].inputs.every(({ nodes }) => nodes.length === 0);
  const isSink = (at: number) => graph.nodes[order[at]].outputs.every(({ nodes }) => nodes.length === 0);
  const some = (from: number, to: number, test: (at: number) => boolean) => {
    for (let at = from; at < to; at++) if (test(at)) return true;
    return false;
  };
  // What begins or ends inside a part would lie beside the node at which it is cut.
  const clean = cuts.filter((at, k) => {
    const [before, behind] = [cuts[k - 1] ?? -1, cuts[k + 1] ?? order.length];
    return !some(before + 1, at, isSink) && !some(at + 1, behind, isSource);
  });
  const parts: number[][] = [];
  let start = 0;
  for (const at of clean) {
    if (at - start < least) continue;
    parts.push(order.slice(start, at + 1));
    start = at;
  }
  return [...parts, order.slice(start)];
}

/** Ids in an order of computation, inputs before their first reader and outputs behind what makes them. */
function orderOf({ nodes }: ModelGraph): number[] {
  const placed = new Set<number>();
  const order: number[] = [];
  const put = (id: number) => {
    if (placed.has(id)) return;
    placed.add(id);
    order.push(id);
  };
  for (const { id, kind, inputs, outputs } of nodes) {
    if (kind !== "operator") continue;
    for (const { nodes: from } of inputs) for (const own of from) if (nodes[own].kind === "input") put(own);
    put(id);
    for (const { nodes: to } of outputs) for (const own of to) if (nodes[own].kind === "output") put(own);
  }
  for (const { id } of nodes) put(id);
  return order;
}
