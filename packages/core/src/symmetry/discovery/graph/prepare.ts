import { inlined } from "../../../graph/control/body.js";
import { isResult } from "../../../graph/control/result.js";
import type { ScanAttributes } from "../../../graph/control/scan-op.js";
import { type Graph, nodesOf } from "../../../graph/graph.js";
import { matmul } from "../../../graph/ops/matmul.js";
import { reshape, transpose } from "../../../graph/ops/reshape.js";
import { concat, slice } from "../../../graph/ops/slice.js";
import type { Tensor } from "../../../graph/tensor.js";
import type { ParameterRef } from "../layout.js";
import { separateChannels } from "./average-pooling.js";
import { splitJoins } from "./joins.js";
import { separateParts } from "./parts.js";
import { rewrite } from "./rewrite.js";
import { nameUnpoolings } from "./unpooling.js";

// Loops of few steps, written out: a hidden unit of a recurrent network is then followed from step to step.
/** Loops that would become more nodes stay loops, as the search takes longer than in proportion to the nodes. */
const mostNodes = 4000;

/** A graph of the same function without its shorter loops. */
function unrolled(graph: Graph): Graph {
  const results = new Map<Tensor, readonly (Tensor | undefined)[]>();
  return rewrite(graph, (node) => {
    if (isResult(node)) return results.get(node.inputs[0])?.[node.attrs.index] ?? node;
    if (node.op.name === "scan") {
      const attributes = node.attrs as unknown as ScanAttributes;
      const body = unrolled(attributes.body);
      if (nodesOf(body).length * attributes.length <= mostNodes) {
        results.set(node, steps(node, { ...attributes, body }));
      }
    }
    return node;
  });
}

/** The results of a loop: the last carried values, and what each step stacks. */
function steps(
  { inputs }: Tensor,
  { body, carries, sequences, length, reverse }: ScanAttributes,
): (Tensor | undefined)[] {
  const own = carries + sequences;
  const same = inputs.slice(own);
  let carried = inputs.slice(0, carries);
  const stacked: Tensor[][] = body.outputs.slice(carries).map(() => []);
  const order = Array.from({ length }, (_, k) => (reverse ? length - 1 - k : k));
  for (const t of order) {
    const elements = inputs.slice(carries, own).map((x) => element(x, t));
    const results = inlined(body, [...carried, ...elements, ...same]);
    carried = results.slice(0, carries);
    for (const [k, y] of results.slice(carries).entries()) stacked[k][t] = reshape(y, [1, ...y.shape]);
  }
  return [...carried, ...stacked.map((rows) => (rows.length > 0 ? concat(rows, { axis: 0 }) : undefined))];
}

const element = (x: Tensor, t: number): Tensor =>
  reshape(
    slice(x, {
      starts: x.shape.map((_, d) => (d === 0 ? t : 0)),
      ends: x.shape.map((n, d) => (d === 0 ? t + 1 : n)),
    }),
    x.shape.slice(1),
  );

/**
 * Rewrites sums of products of elements along one axis as matrix products: only then does it show that the
 * inner product of two vectors, or the length of one, does not see a rotation of the axis.
 */
const nameDots = (graph: Graph): Graph => rewrite(graph, namedDot);

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

/**
 * A graph of the same function whose axes show more: steps of loops, parts of parameters, joined values, pooled channels,
 * inner products.
 */
export const prepare = (
  graph: Graph,
  parameters: readonly ParameterRef[],
): { graph: Graph; parameters: readonly ParameterRef[] } =>
  separateParts(splitJoins(separateChannels(nameDots(nameUnpoolings(unrolled(graph))))), parameters);
