import { bodiesOf, type Graph, nodesOf } from "../../graph/graph.js";
import type { Tensor } from "../../graph/tensor.js";

const products: ReadonlySet<string> = new Set([
  "matmul",
  "conv2d",
  "conv2dInputGradient",
  "conv2dWeightGradient",
]);

/** Products that are added up, of matrix products and convolutions alone; those of a loop for all of its steps. */
export function multiplyAddsOf(node: Tensor): number {
  const { op, attrs } = node;
  if (products.has(op.name)) return (op.flops?.(node, attrs) ?? 0) / 2;
  const { length, most } = attrs as { readonly length?: number; readonly most?: number };
  const bodies = bodiesOf(node).map(multiplyAddsIn);
  return bodies.length === 0 ? 0 : (length ?? most ?? 1) * Math.max(...bodies);
}

const multiplyAddsIn = (graph: Graph): number =>
  nodesOf(graph).reduce((total, node) => total + multiplyAddsOf(node), 0);
