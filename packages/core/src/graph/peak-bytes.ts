import { type Graph, nodesOf } from "./graph.js";
import { bytesOf, type Tensor, type Type } from "./tensor.js";

/** Operations whose results need no memory of their own: they are other views of their operand. */
const views: ReadonlySet<string> = new Set([
  "reshape",
  "transpose",
  "broadcast",
  "alias",
  "stopGradient",
  "result",
]);

const ownBytes = (node: Tensor): number => {
  if (node.inputs.length === 0 || views.has(node.op.name)) return 0;
  return (node.results ?? [node as Type]).reduce((total, type) => total + bytesOf(type), 0);
};

/**
 * The most bytes of results that are alive at once, if nodes are computed in their order and each result is freed after its
 * last use. Inputs and constants are not counted, and neither are views; outputs stay.
 */
export function peakBytes(graph: Graph): number {
  const nodes = nodesOf(graph);
  const lastUse = new Map<Tensor, number>();
  // What a view is used for uses the operand: from the last node on, each operand lives as long as its views.
  for (const [place, node] of [...nodes.entries()].reverse()) {
    const until = views.has(node.op.name) ? (lastUse.get(node) ?? place) : place;
    for (const x of node.inputs) lastUse.set(x, Math.max(lastUse.get(x) ?? 0, until));
  }
  const keep = (x: Tensor): void => {
    lastUse.set(x, nodes.length);
    if (views.has(x.op.name)) x.inputs.forEach(keep);
  };
  for (const { tensor } of graph.outputs) keep(tensor);
  const freed = new Map<number, number>();
  let [now, most] = [0, 0];
  for (const [place, node] of nodes.entries()) {
    now += ownBytes(node);
    most = Math.max(most, now);
    const end = lastUse.get(node) ?? place;
    freed.set(end, (freed.get(end) ?? 0) + ownBytes(node));
    now -= freed.get(place) ?? 0;
  }
  return most;
}
