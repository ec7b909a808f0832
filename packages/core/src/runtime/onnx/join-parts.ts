import { type Graph, mapBodies, nodesOf } from "../../graph/graph.js";
import { concat, isPlaced, type Placed } from "../../graph/ops/slice.js";
import { apply, type Tensor } from "../../graph/tensor.js";

/** A graph in which sums of tensors in zeros that lie side by side, as the gradients of a tensor's parts do, are these tensors joined. */
export function withPartsJoined(graph: Graph): Graph {
  const forms = new Map<Tensor, Tensor>(graph.inputs.map(({ tensor }) => [tensor, tensor]));
  const of = (x: Tensor): Tensor => forms.get(x) as Tensor;
  for (const node of nodesOf(graph)) {
    if (forms.has(node)) continue;
    const inputs = node.inputs.map(of);
    const attrs = mapBodies(node.attrs, withPartsJoined);
    const isSame = attrs === node.attrs && inputs.every((x, k) => x === node.inputs[k]);
    const form = isSame ? node : apply(node.op, inputs, attrs);
    forms.set(node, joined(form) ?? form);
  }
  const outputs = graph.outputs.map(({ name, tensor }) => ({ name, tensor: of(tensor) }));
  return outputs.every(({ tensor }, k) => tensor === graph.outputs[k].tensor) ? graph : { ...graph, outputs };
}

/** The tensors that lie side by side in a sum, joined. */
export function joined({ op, inputs, shape, size }: Tensor): Tensor | undefined {
  if (op.name !== "add") return undefined;
  // Of a sum of many only one partial sum gets further: it is not walked through again with each term.
  if (placedSize(inputs[0]) + placedSize(inputs[1]) !== size) return undefined;
  const parts = placedTerms(inputs);
  const axis = shape.findIndex((n, d) => n !== parts[0].inputs[0].shape[d]);
  const sorted = parts.sort((a, b) => a.attrs.starts[axis] - b.attrs.starts[axis]);
  const terms = sorted.map((part) => part.inputs[0]);
  const isSideBySide = terms.every(
    (x, k) =>
      x.shape.every((n, d) => d === axis || n === shape[d]) &&
      sorted[k].attrs.starts[axis] + x.shape[axis] === (sorted[k + 1]?.attrs.starts[axis] ?? shape[axis]),
  );
  return isSideBySide && sorted[0].attrs.starts[axis] === 0 ? concat(terms, { axis }) : undefined;
}

const placedSizes = new WeakMap<Tensor, number>();

/** Elements that a sum of tensors in zeros has from these tensors, counted with each; NaN if it is no such sum. */
function placedSize(x: Tensor): number {
  if (isPlaced(x)) return x.inputs[0].size;
  if (x.op.name !== "add") return Number.NaN;
  const size = placedSizes.get(x) ?? placedSize(x.inputs[0]) + placedSize(x.inputs[1]);
  placedSizes.set(x, size);
  return size;
}

/** The tensors in zeros of which `sum` are sums. */
function placedTerms(sum: readonly Tensor[]): Placed[] {
  const parts: Placed[] = [];
  const left = [...sum];
  for (let x = left.pop(); x; x = left.pop()) {
    if (isPlaced(x)) parts.push(x);
    else left.push(...x.inputs);
  }
  return parts;
}
