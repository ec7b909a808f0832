// Which parameters multiply which inputs, read off the graph of a loss: Wu, Dong, Aloui, Tarokh, arXiv 2502.11362,
// section 4, for whatever a network is made of.

import { stridesOf } from "../../../array.js";
import { gathered, type Origins, viewOrigins } from "../../../graph/copies.js";
import { type Graph, nodesOf } from "../../../graph/graph.js";
import { add, cast } from "../../../graph/ops/arithmetic.js";
import type { ConvAttributes } from "../../../graph/ops/conv-attributes.js";
import { fill } from "../../../graph/ops/leaf.js";
import { matmul } from "../../../graph/ops/matmul.js";
import { reshape, transpose } from "../../../graph/ops/reshape.js";
import { concat, pad, slice } from "../../../graph/ops/slice.js";
import { type Readers, readersOf } from "../../../graph/readers.js";
import { apply, type Tensor } from "../../../graph/tensor.js";

/** A product of parameters with something else. */
interface WeightProduct {
  readonly node: Tensor;
  /** First number of this product's rows among those of the node. */
  readonly firstRow: number;
  /** Element i of the node is made with row floor(i / stride) % count, past as many as there are matrices before. */
  readonly row: { readonly stride: number; readonly count: number; readonly matrixSize: number };
  readonly weights: Origins;
  readonly columns: number;
  readonly inputs: Tensor;
  readonly head?: Tensor | undefined;
  /** The inputs' product with some columns [columns, k], as [.., k, ..]. */
  readonly times: (q: Tensor) => Tensor;
  bias?: Int32Array | undefined;
  /** The node that adds the bias. */
  sum?: Tensor | undefined;
}

/** The addition of parameters to something else. */
interface Addition {
  readonly node: Tensor;
  readonly biases: Origins;
  readonly other: Tensor;
}

/** Minimum number of leading samples per input of a layer. */
const headSamples = 4;

/**
 * The products of a parameter with something else that a node computes: one per group or matrix, none for
 * other nodes.
 */
function productsOf(node: Tensor, known: readonly (Origins | undefined)[]): WeightProduct[] {
  if (node.op.name === "matmul")
    return known[0] ? fromMatmul(node, known[0], 0) : fromMatmul(node, known[1], 1);
  if (node.op.name !== "conv2d" || known[1] === undefined) return [];
  const [out, perGroup, kh, kw] = node.inputs[1].shape;
  const patches = patchesOf(node);
  const columns = perGroup * kh * kw;
  const size = (out / patches.length) * columns;
  const samples = node.shape[0] * node.shape[2] * node.shape[3];
  const every = Math.floor(Math.sqrt(samples / (headSamples * (columns + 1))));
  const heads = every > 1 ? patchesOf(node, every) : [];
  return patches.map((inputs, g) => ({
    node,
    firstRow: g * (out / patches.length),
    row: { stride: node.shape[2] * node.shape[3], count: out, matrixSize: node.size },
    weights: (known[1] as Origins).slice(g * size, (g + 1) * size),
    columns,
    inputs,
    times: (q: Tensor) => patchesTimes(node, g, q),
    head: heads[g],
  }));
}

/** One product, or one per matrix if the matrices of a batch differ. */
function fromMatmul(node: Tensor, origins: Origins | undefined, side: 0 | 1): WeightProduct[] {
  if (origins === undefined) return [];
  const { transposeA, transposeB } = node.attrs as { transposeA: boolean; transposeB: boolean };
  const [weight, other] = [node.inputs[side], node.inputs[1 - side]];
  // Weights as [batch, rows, contracted], inputs as [batch, samples, contracted].
  const turnWeight = side === 0 ? transposeA : !transposeB;
  const turnOther = side === 0 ? !transposeB : transposeA;
  const [p, q] = weight.shape.slice(-2);
  const batch = weight.size / (p * q);
  const strides = stridesOf([batch, p, q]);
  const [rows, columns] = turnWeight ? [q, p] : [p, q];
  const order = turnWeight ? [strides[0], strides[2], strides[1]] : strides;
  const weights = gathered(origins, [batch, rows, columns], 0, order);
  const flat = reshape(other, [batch, ...other.shape.slice(-2)]);
  const samples = turnOther ? transpose(flat, [0, 2, 1]) : flat;
  const size = rows * columns;
  const row = { stride: side === 0 ? (node.shape.at(-1) as number) : 1, count: rows, matrixSize: node.size };
  const isShared = weights.every((place, i) => place === weights[i % size]);
  if (isShared) {
    const inputs = reshape(samples, [samples.size / columns, columns]);
    const every = Math.floor(inputs.shape[0] / (headSamples * (columns + 1)));
    const head = every > 1 ? { head: slice(inputs, { steps: [every] }) } : {};
    const times = (q: Tensor) => matmul(inputs, q);
    return [{ node, firstRow: 0, row, weights: weights.slice(0, size), columns, inputs, times, ...head }];
  }
  return Array.from({ length: batch }, (_, b) => {
    const inputs = reshape(slice(samples, { starts: [b], ends: [b + 1] }), samples.shape.slice(1));
    return {
      node,
      firstRow: b * rows,
      row: { ...row, matrixSize: node.size / batch },
      weights: weights.slice(b * size, (b + 1) * size),
      columns,
      inputs,
      times: (q: Tensor) => matmul(inputs, q),
    };
  });
}

/** Attaches a bias to the products that it is added to, if each row has an element of its own. */
function attachBias(
  products: readonly WeightProduct[],
  { node: sum, biases, other }: Addition,
  readers: Readers,
): boolean {
  const chain: Tensor[] = [];
  let node = other;
  while (node.inputs.length === 1 && viewOrigins(node, new Int32Array(node.inputs[0].size))) {
    chain.unshift(node);
    node = node.inputs[0];
  }
  const summands = products.filter((product) => product.node === node);
  if (summands.length === 0 || [node, ...chain].some((x) => readers.get(x)?.length !== 1)) return false;
  const { stride, count, matrixSize } = summands[0].row;
  // The row number of each element of the product, followed through the graph to the addition of the bias.
  const rowAt = chain.reduce<Origins>(
    (origins, x) => viewOrigins(x, origins) as Origins,
    Int32Array.from(
      { length: node.size },
      (_, i) => (Math.floor(i / stride) % count) + Math.floor(i / matrixSize) * count,
    ),
  );
  const rows = summands.reduce((sum, { weights, columns }) => sum + weights.length / columns, 0);
  const biasOf = new Int32Array(rows).fill(-1);
  for (let i = 0; i < rowAt.length; i++) {
    if (biasOf[rowAt[i]] !== -1 && biasOf[rowAt[i]] !== biases[i]) return false;
    biasOf[rowAt[i]] = biases[i];
  }
  if (new Set(biasOf).size < rows || biasOf.includes(-1)) return false;
  for (const product of summands) {
    product.sum = sum;
    product.bias = biasOf.slice(
      product.firstRow,
      product.firstRow + product.weights.length / product.columns,
    );
  }
  return true;
}

/** Products with the same rows: a weight that is used several times. */
function withSameRows(products: readonly WeightProduct[]): WeightProduct[][] {
  const groups: WeightProduct[][] = [];
  for (const product of products) {
    const { weights, columns } = product;
    const group = groups.find(
      ([other]) =>
        other.columns === columns &&
        other.weights.length === weights.length &&
        other.weights.every((place, i) => place === weights[i]),
    );
    if (group) group.push(product);
    else groups.push([product]);
  }
  return groups;
}

/**
 * The inputs that a convolution multiplies its weights by, one row per output position (im2col), for each group:
 * [batch x places, in / groups x kernel height x kernel width], columns in the order of the weights.
 *
 * @param every stride between the positions used in either direction; default all
 */
function patchesOf(conv: Tensor, every = 1): Tensor[] {
  const [x, w] = conv.inputs;
  const { padding, dilation, groups, ...attrs } = conv.attrs as unknown as ConvAttributes;
  const stride = attrs.stride.map((s) => s * every);
  const [batch, channels] = x.shape;
  const [height, width] = conv.shape.slice(2).map((size) => Math.ceil(size / every));
  const [, perGroup, kh, kw] = w.shape;
  const [top, left, bottom, right] = padding;
  const padded = pad(x, [
    [0, 0],
    [0, 0],
    [top, bottom],
    [left, right],
  ]);
  const taps: Tensor[] = [];
  for (let a = 0; a < kh; a++) {
    for (let b = 0; b < kw; b++) {
      const starts = [0, 0, a * dilation[0], b * dilation[1]];
      const ends = [
        batch,
        channels,
        starts[2] + (height - 1) * stride[0] + 1,
        starts[3] + (width - 1) * stride[1] + 1,
      ];
      const tap = slice(padded, { starts, ends, steps: [1, 1, ...stride] });
      taps.push(reshape(tap, [batch, channels, 1, height * width]));
    }
  }
  const rows = transpose(concat(taps, { axis: 2 }), [0, 3, 1, 2]);
  const flat = reshape(rows, [batch * height * width, channels * kh * kw]);
  const columns = perGroup * kh * kw;
  return Array.from({ length: groups }, (_, g) =>
    slice(flat, { starts: [0, g * columns], ends: [flat.shape[0], (g + 1) * columns] }),
  );
}

/**
 * The product of a group's patches with q [in / groups x kernel height x kernel width, k], k numbers a place, in any order:
 * a convolution, which needs no patches.
 */
function patchesTimes(conv: Tensor, group: number, q: Tensor): Tensor {
  const [x, w] = conv.inputs;
  const [, perGroup, kh, kw] = w.shape;
  const channels = slice(x, { starts: [0, group * perGroup], ends: [x.shape[0], (group + 1) * perGroup] });
  const kernels = reshape(transpose(q), [q.shape[1], perGroup, kh, kw]);
  return apply(conv.op, [channels, kernels], { ...conv.attrs, groups: 1 });
}

/** Vectors of parameters that only ever appear in inner products with the same inputs: the rows of a weight. */
export interface LinearMap {
  /** Dotted path of the parameter that holds them. */
  readonly path: string;
  /**
   * Positions in the vector of all parameters, one row after another; the last column is that of the bias, if
   * there is one.
   */
  readonly rows: Int32Array;
  readonly columns: number;
  /** The inputs that the rows are multiplied by: [samples, columns], with a column of ones for a bias. */
  readonly inputs: Tensor;
  /** A part of the inputs that most likely has full rank, if a small part suffices. */
  readonly head?: Tensor | undefined;
  /** The products themselves, with the bias if the map has one. */
  readonly products: readonly Tensor[];
  /** (H q)' H q in float64 for columns q, without H. */
  readonly gramIn: (q: Tensor) => Tensor;
}

/** The maps of a loss, and why other parameters have no map. */
export interface LinearMaps {
  readonly maps: readonly LinearMap[];
  /** By path. */
  readonly excluded: ReadonlyMap<string, string>;
}

/**
 * Finds every matrix product and convolution of parameters, possibly transposed, cut or reshaped, with a
 * tensor that is not a parameter. Examples are the rows of the queries, keys and values of an attention. A
 * bias that is added to a whole product counts as one more weight. Parameters that are also used in any other
 * way have no map.
 *
 * @param graph of a loss; its inputs named `params.*` are the parameters
 */
export function linearMaps(graph: Graph): LinearMaps {
  const parameters = graph.inputs.filter(({ name }) => name === "params" || name.startsWith("params."));
  const starts: number[] = [];
  let count = 0;
  for (const { tensor } of parameters) {
    starts.push(count);
    count += tensor.size;
  }
  const pathAt = (place: number): string => {
    const next = starts.findIndex((start) => start > place);
    return parameters[(next < 0 ? starts.length : next) - 1].name.slice("params.".length);
  };
  const tracked = new Map<Tensor, Origins>();
  parameters.forEach(({ tensor }, k) => {
    tracked.set(
      tensor,
      Int32Array.from({ length: tensor.size }, (_, i) => starts[k] + i),
    );
  });
  const nodes = nodesOf(graph);
  const products: WeightProduct[] = [];
  const additions: Addition[] = [];
  const excluded = new Map<string, string>();
  /** How often each element of the parameters is used. */
  const uses = new Int32Array(count);
  const lastUse = new Int32Array(count);
  let useNumber = 0;
  const useOnce = (origins: Origins) => {
    useNumber++;
    for (const place of origins) {
      if (lastUse[place] !== useNumber) uses[place]++;
      lastUse[place] = useNumber;
    }
  };
  const exclude = (origins: Origins, reason: string) => {
    for (const path of new Set(Array.from(new Set(origins), pathAt))) excluded.set(path, reason);
  };

  for (const node of nodes) {
    const known = node.inputs.map((x) => tracked.get(x));
    const origins = known.filter((o) => o !== undefined);
    if (origins.length === 0) continue;
    const view = viewOrigins(node, origins[0]);
    if (view) {
      tracked.set(node, view);
      continue;
    }
    const found = origins.length === 1 ? productsOf(node, known) : [];
    origins.forEach(useOnce);
    if (found.length > 0) products.push(...found);
    else if (node.op.name === "add" && origins.length === 1) {
      additions.push({ node, biases: origins[0], other: node.inputs[known[0] ? 1 : 0] });
    } else for (const o of origins) exclude(o, `is used in ${node.op.name}`);
  }

  const readers = readersOf(graph, nodes);
  for (const addition of additions) {
    if (!attachBias(products, addition, readers)) exclude(addition.biases, "is used in add");
  }
  const maps: LinearMap[] = [];
  for (const same of withSameRows(products)) {
    const [{ weights, columns, bias }] = same;
    const repeated = new Set(weights).size < weights.length;
    const elsewhere = weights.some((place) => uses[place] !== same.length);
    const path = pathAt(weights[0]);
    if (repeated || elsewhere) {
      if (!excluded.has(path)) excluded.set(path, "is multiplied in more than one way");
      continue;
    }
    const isOwn = (place: number, i: number) =>
      uses[place] === same.length && same.every((p) => p.bias?.[i] === place);
    const inputs = concat(same.map((p) => p.inputs));
    const { head } = same[0];
    const ownBias = bias?.every(isOwn) ? bias : undefined;
    const completed = (h: Tensor) => (ownBias ? withOnes(h) : h);
    maps.push({
      path,
      columns: ownBias ? columns + 1 : columns,
      rows: ownBias ? withColumn(weights, columns, ownBias) : weights,
      inputs: completed(inputs),
      head: head ? completed(head) : undefined,
      products: same.map((p) => (ownBias && p.sum) || p.node),
      gramIn: (q) => same.map((p) => gramOf(timesAll(p, q))).reduce(add),
    });
  }
  for (const { path } of maps) excluded.delete(path);
  return { maps, excluded };
}

/** Inner products of two operands over their last axis. */
function gramOf(x: Tensor): Tensor {
  const order = [1, 0, ...x.shape.keys()].filter((axis, i) => i < 2 || axis > 1);
  const rows = cast(reshape(transpose(x, order), [x.shape[1], x.size / x.shape[1]]), "float64");
  return matmul(rows, rows, { transposeB: true });
}

/** The product with columns; if these have one more entry, the last one belongs to a bias. */
function timesAll({ columns, times }: WeightProduct, q: Tensor): Tensor {
  if (q.shape[0] === columns) return times(q);
  const product = times(slice(q, { ends: [columns] }));
  const shape = product.shape.map((size, axis) => (axis === 1 ? size : 1));
  return add(product, reshape(slice(q, { starts: [columns] }), shape));
}

const withOnes = (inputs: Tensor): Tensor =>
  concat([inputs, fill([inputs.shape[0], 1], 1, inputs.dtype)], { axis: 1 });

function withColumn(weights: Int32Array, columns: number, bias: Int32Array): Int32Array {
  const rows = weights.length / columns;
  return Int32Array.from({ length: rows * (columns + 1) }, (_, at) => {
    const [i, j] = [Math.floor(at / (columns + 1)), at % (columns + 1)];
    return j === columns ? bias[i] : weights[i * columns + j];
  });
}
