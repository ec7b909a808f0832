import type { Graph } from "../../../graph/graph.js";
import { matmul } from "../../../graph/ops/matmul.js";
import { reshape, transpose } from "../../../graph/ops/reshape.js";
import type { Tensor } from "../../../graph/tensor.js";
import { rewrite } from "./rewrite.js";

/**
 * Rewrites sums of products of elements along one axis as matrix products: only then does it show that the
 * inner product of two vectors, or the length of one, does not see a rotation of the axis.
 */
export const nameDots = (graph: Graph): Graph => rewrite(graph, namedDot);

function namedDot(node: Tensor): Tensor {
  const [product] = node.inputs;
  if (node.op.name !== "sum" || product.op.name !== "mul") return node;
  const { axes } = node.attrs as { axes: readonly number[] };
  const [axis] = axes;
  const n = product.shape[axis];
  if (axes.length !== 1 || n === 1) return node;
  const others = product.shape.flatMap((_, d) => (d === axis ? [] : [d]));
  const lead = others.map((d) => product.shape[d]);
  const [row, column] = product.inputs.map((x) => transpose(x, [...others, axis]));
  return reshape(matmul(reshape(row, [...lead, 1, n]), reshape(column, [...lead, n, 1])), node.shape);
}
