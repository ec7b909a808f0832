import { inlined } from "../../../graph/control/body.js";
import { isResult } from "../../../graph/control/result.js";
import type { ScanAttributes } from "../../../graph/control/scan-op.js";
import { type Graph, nodesOf } from "../../../graph/graph.js";
import { broadcastTo } from "../../../graph/ops/broadcast.js";
import type { ConvAttributes } from "../../../graph/ops/conv-attributes.js";
import { constantValue } from "../../../graph/ops/leaf.js";
import { matmul } from "../../../graph/ops/matmul.js";
import { reshape, transpose } from "../../../graph/ops/reshape.js";
import { concat, slice } from "../../../graph/ops/slice.js";
import { apply, sameShape, Tensor } from "../../../graph/tensor.js";
import type { ParameterRef } from "../layout.js";
import { splitJoins } from "./joins.js";
import { separateParts } from "./parts.js";
import { analyzedOnly, rewrite } from "./rewrite.js";
import { nameSorted } from "./sorted.js";
import { nameTurns } from "./turns.js";

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

/** Two reshapes as one: what is joined and taken apart again, such as heads between operators of a file, shows its axes. */
const joinReshapes = (graph: Graph): Graph =>
  rewrite(graph, (node) => {
    const [inner] = node.inputs;
    if (node.op.name !== "reshape" || inner.op.name !== "reshape") return node;
    return reshape(inner.inputs[0], node.shape);
  });

/**
 * Rewrites sums of products of elements along one axis as matrix products: only then does it show that the
 * inner product of two vectors, or the length of one, does not see a rotation of the axis.
 */
const nameDots = (graph: Graph): Graph => rewrite(graph, namedDot);

function namedDot(node: Tensor): Tensor {
  const [product] = node.inputs;
  if (node.op.name !== "sum") return node;
  const isSquare = product.op.name === "pow" && constantValue(product.inputs[1]) === 2;
  if (product.op.name !== "mul" && !isSquare) return node;
  const factors = isSquare ? [product.inputs[0], product.inputs[0]] : product.inputs;
  const { axes } = node.attrs as { axes: readonly number[] };
  const [axis] = axes;
  const n = product.shape[axis];
  if (axes.length !== 1 || n === 1) return node;
  const others = product.shape.flatMap((_, d) => (d === axis ? [] : [d]));
  const lead = others.map((d) => product.shape[d]);
  const [row, column] = factors.map((x) => transpose(x, [...others, axis]));
  return reshape(matmul(reshape(row, [...lead, 1, n]), reshape(column, [...lead, n, 1])), node.shape);
}

/**
 * A graph of the same function whose axes show more: steps of loops, planes that rotary positions turn, sorted values, parts of
 * parameters, joined values, pooled channels, inner products.
 */
export const prepare = (
  graph: Graph,
  parameters: readonly ParameterRef[],
): { graph: Graph; parameters: readonly ParameterRef[] } =>
  separateParts(
    splitJoins(
      joinReshapes(separateChannels(nameDots(nameUnpoolings(nameSorted(nameTurns(unrolled(graph))))))),
    ),
    parameters,
  );

/**
 * Rewrites convolutions of single channels, which average poolings with overlapping windows consist of, as one
 * convolution of each channel by itself: images as [batch * channels, 1, height, width] do not show the
 * channels to an analysis that cuts them.
 */
export function separateChannels(graph: Graph): Graph {
  return rewrite(graph, (node) => {
    const [filtered] = node.inputs;
    if (node.op.name !== "reshape" || node.rank !== 4 || filtered.op.name !== "conv2d") return node;
    const [single, kernel] = filtered.inputs;
    if (single.op.name !== "reshape" || single.shape[1] !== 1 || kernel.shape[0] !== 1) return node;
    const [x] = single.inputs;
    const [batch, channels] = node.shape;
    if (x.rank !== 4 || x.shape[0] !== batch || x.shape[1] !== channels) return node;
    const attributes: ConvAttributes = { ...(filtered.attrs as unknown as ConvAttributes), groups: channels };
    const kernels = broadcastTo(kernel, [channels, ...kernel.shape.slice(1)]);
    return new Tensor(filtered.op, [x, kernels], { ...attributes }, node.shape, node.dtype);
  });
}

/** An unpooling as one node under the engine's name for it. */
const poolPut = analyzedOnly("poolPut", ([y, x]) => ({ shape: x.shape, dtype: y.dtype }));

/**
 * Replaces unpoolings, that is, elements scattered to the offsets of a pooling's maxima, by one node each. An
 * offset identifies its channel, so no channel could be permuted otherwise; only the pattern as a whole shows
 * that each element stays in its channel.
 */
const nameUnpoolings = (graph: Graph): Graph => rewrite(graph, namedUnpooling);

/** One node in place of the last one of an unpooling; any other node as it is. */
export function namedUnpooling(node: Tensor): Tensor {
  const [scattered] = node.inputs;
  if (node.op.name !== "reshape" || scattered.op.name !== "scatterAdd") return node;
  const [elements, offsets] = scattered.inputs.map(beforeReshape);
  if (scattered.rank !== 1 || offsets.op.name !== "maxPoolIndices2d") return node;
  const [image] = offsets.inputs;
  if (!sameShape(image.shape, node.shape) || !sameShape(elements.shape, offsets.shape)) return node;
  return apply(poolPut, [elements, image], offsets.attrs);
}

const beforeReshape = (x: Tensor): Tensor => (x.op.name === "reshape" ? x.inputs[0] : x);
