import { type Graph, topologicalOrder } from "../graph.js";
import { apply, type KeptResults, type Tensor } from "../tensor.js";
import { isResult, resultOf } from "./result.js";

/** The same graph, in which loops and branches compute only those of their results that something uses. */
export function dropUnusedResults(graph: Graph): Graph {
  const { inputs, outputs } = graph;
  const order = topologicalOrder(outputs.map(({ tensor }) => tensor));
  if (!order.some(({ results }) => results)) return graph;
  const reduced = new Map<Tensor, KeptResults>();
  const used = new Set<Tensor>(outputs.map(({ tensor }) => tensor));
  // Users come before what they use: an operation that leaves out a result may leave out an input, too.
  for (const node of [...order].reverse()) {
    if (!used.has(node)) continue;
    if (node.op.keepResults) reduced.set(node, reduce(node, order, used));
    for (const x of (reduced.get(node)?.node ?? node).inputs) used.add(x);
  }
  const forms = new Map<Tensor, Tensor>();
  const formOf = (x: Tensor): Tensor => forms.get(x) as Tensor;
  for (const node of order) if (used.has(node)) forms.set(node, rebuilt(node, reduced, formOf));
  return { inputs, outputs: outputs.map(({ name, tensor }) => ({ name, tensor: formOf(tensor) })) };
}

function reduce(node: Tensor, order: readonly Tensor[], used: ReadonlySet<Tensor>): KeptResults {
  const indices = new Set(
    order.flatMap((x) => (isResult(x) && x.inputs[0] === node && used.has(x) ? [x.attrs.index] : [])),
  );
  const all = (node.results ?? []).map((_, k) => k);
  if (indices.size === all.length) return { node, kept: all };
  return node.op.keepResults?.(node, (k) => indices.has(k), node.attrs) as KeptResults;
}

function rebuilt(
  node: Tensor,
  reduced: ReadonlyMap<Tensor, KeptResults>,
  formOf: (x: Tensor) => Tensor,
): Tensor {
  if (isResult(node)) {
    const [source] = node.inputs;
    return resultOf(formOf(source), (reduced.get(source) as KeptResults).kept.indexOf(node.attrs.index));
  }
  const { op, inputs, attrs } = reduced.get(node)?.node ?? node;
  const forms = inputs.map(formOf);
  return forms.every((x, k) => x === node.inputs[k]) && attrs === node.attrs ? node : apply(op, forms, attrs);
}
