import type { NdArray } from "../../../array.js";
import { inlined } from "../../../graph/control/body.js";
import { isResult } from "../../../graph/control/result.js";
import type { ScanAttributes } from "../../../graph/control/scan-op.js";
import { type Graph, nodesOf } from "../../../graph/graph.js";
import { add } from "../../../graph/ops/arithmetic.js";
import { broadcastTo } from "../../../graph/ops/broadcast.js";
import type { ConvAttributes } from "../../../graph/ops/conv-attributes.js";
import { constantValue } from "../../../graph/ops/leaf.js";
import { matmul } from "../../../graph/ops/matmul.js";
import { reshape, transpose } from "../../../graph/ops/reshape.js";
import { concat, sliceAlong } from "../../../graph/ops/slice.js";
import { apply, sameShape, Tensor } from "../../../graph/tensor.js";
import type { ParameterRef } from "../layout.js";
import { reshapeGroups, summedAxes } from "./links.js";
import { separateParts } from "./parts.js";
import { analyzedOnly, restrictable, rewrite, withInputs } from "./rewrite.js";
import { ruleOf } from "./rules.js";
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

const element = (x: Tensor, t: number): Tensor => reshape(sliceAlong(x, 0, t, t + 1), x.shape.slice(1));

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

// The largest elements along an axis, in order: their values do not depend on the order in which the elements were.

/** Elements by size, without their places. */
export const sortedValues = analyzedOnly("sortedValues", ([x], { axis, count }) => ({
  shape: x.shape.map((n, d) => (d === axis ? (count as number) : n)),
  dtype: x.dtype,
}));

/** Replaces elements that are read at their places in order by one node each: places identify the elements, their values do not. */
const nameSorted = (graph: Graph): Graph => rewrite(graph, sorted);

function sorted(node: Tensor): Tensor {
  const [flat, offsets] = node.inputs;
  if (node.op.name !== "gather" || flat.op.name !== "reshape" || flat.rank !== 1) return node;
  const [x] = flat.inputs;
  let [rest, order]: [Tensor, Tensor | undefined] = [offsets, undefined];
  // Row-major offsets: ((i n + j) m + k) ...
  for (let d = x.rank - 1; d >= 0; d--) {
    let index = rest;
    if (d > 0) {
      const [scaled, last] = rest.inputs;
      if (rest.op.name !== "add") return node;
      const outer = unrepeated(scaled);
      if (outer.op.name !== "mul" || constantValue(outer.inputs[1]) !== x.shape[d]) return node;
      [index, rest] = [last, unrepeated(outer.inputs[0])];
    }
    const own = unrepeated(index);
    const [numbers, places] = own.inputs;
    if (own.op.name === "gather" && places.op.name === "argsort" && isCount(numbers)) {
      if (order !== undefined || places.attrs.axis !== d || places.inputs[0] !== x) return node;
      order = places;
    } else {
      const isAlong =
        own.op.name === "reshape" &&
        own.rank === x.rank &&
        own.shape[d] === own.size &&
        own.size === x.shape[d];
      if (!isAlong || !isCount(numbers)) return node;
    }
  }
  if (order === undefined) return node;
  const named = apply(sortedValues, [x], { ...order.attrs, count: order.shape[order.attrs.axis as number] });
  return sameShape(named.shape, node.shape) ? named : node;
}

const unrepeated = (x: Tensor): Tensor => (x.op.name === "broadcast" ? unrepeated(x.inputs[0]) : x);

/** Whether a tensor has the numbers 0, 1, 2, ... */
function isCount({ op, attrs }: Tensor): boolean {
  if (op.name !== "array") return false;
  const { shape, data } = attrs.value as NdArray;
  return shape.length === 1 && Array.from<number | bigint, number>(data, Number).every((v, i) => v === i);
}

// Products with concatenated pieces, such as skip connections: [a b] [U; V] = a U + b V.

/** For each axis the positions where its pieces meet. */
type Seams = readonly ReadonlySet<number>[];

/** Rewrites products that sum over joined axes as sums of products of the pieces, so that each has its own weights. */
export function splitJoins(graph: Graph): Graph {
  const seams = new Map<Tensor, Seams>();
  return rewrite(graph, (node) => {
    const split = splitProduct(node, seams);
    seams.set(split, seamsOf(node, seams));
    return split;
  });
}

const noSeams = (x: Tensor): Set<number>[] => x.shape.map(() => new Set<number>());

function seamsOf(node: Tensor, known: ReadonlyMap<Tensor, Seams>): Seams {
  const found = noSeams(node);
  const addAll = (axis: number, places: Iterable<number>, toPlace: (at: number) => number = (at) => at) => {
    for (const at of places) if (Number.isInteger(toPlace(at))) found[axis].add(toPlace(at));
  };
  const of = (k: number) => known.get(node.inputs[k]) ?? noSeams(node.inputs[k]);
  if (node.op.name === "concat") {
    const axis = node.attrs.axis as number;
    let offset = 0;
    node.inputs.forEach((x, k) => {
      of(k).forEach((places, d) => {
        const shift = d === axis ? offset : 0;
        addAll(d, places, (at) => at + shift);
      });
      if (offset > 0) found[axis].add(offset);
      offset += x.shape[axis];
    });
  } else if (node.op.name === "reshape") {
    const [x] = node.inputs;
    for (const { axes, to } of reshapeGroups(x.shape, node.shape)) {
      const [from, into] = [axes.find((d) => x.shape[d] !== 1), to.find((d) => node.shape[d] !== 1)];
      if (from === undefined || into === undefined) continue;
      addAll(into, of(0)[from], (at) => (at * node.shape[into]) / x.shape[from]);
    }
  } else if (node.op.name === "conv2d") {
    const [x, w] = node.inputs;
    const groups = node.attrs.groups as number;
    addAll(0, of(0)[0]);
    if (groups === x.shape[1]) addAll(1, of(0)[1], (at) => (at * w.shape[0]) / groups);
    if (groups === 1) addAll(1, of(1)[0]);
  } else if (restrictable.has(node.op.name) || node.op.name === "broadcast") {
    for (const { input, axes, to } of ruleOf(node).links(node).aligned ?? [])
      addAll(to[0], of(input)[axes[0]]);
  }
  return found;
}

/** A matrix product or convolution as a sum over the pieces of the axis that it sums over. */
function splitProduct(node: Tensor, seams: ReadonlyMap<Tensor, Seams>): Tensor {
  const summed = joinableAxes(node);
  if (!summed) return node;
  const places = new Set(summed.flatMap((d, k) => [...(seams.get(node.inputs[k])?.[d] ?? [])]));
  if (places.size === 0) return node;
  const [size] = node.inputs.map((x, k) => x.shape[summed[k]]);
  const bounds = [0, ...[...places].sort((a, b) => a - b), size];
  return bounds
    .slice(1)
    .map((end, i) =>
      withInputs(
        node,
        node.inputs.map((x, k) => sliceAlong(x, summed[k], bounds[i], end)),
      ),
    )
    .reduce(add);
}

/** The axis of each factor that a product or convolution sums over. */
function joinableAxes(node: Tensor): readonly number[] | undefined {
  if (node.op.name === "conv2d") return node.attrs.groups === 1 ? [1, 1] : undefined;
  return node.op.name === "matmul" ? summedAxes(node) : undefined;
}
