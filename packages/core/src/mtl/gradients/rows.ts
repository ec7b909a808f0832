import { type NdArray, type Shape, sizeOf } from "../../array.js";
import { add } from "../../graph/ops/arithmetic.js";
import { matmul } from "../../graph/ops/matmul.js";
import { expandDims, reshape, transpose } from "../../graph/ops/reshape.js";
import { concat, sliceAlong } from "../../graph/ops/slice.js";
import { apply, type Tensor } from "../../graph/tensor.js";
import { type Forward, gradientOf } from "./forward.js";

/** Rows from..to of a node, computed from parts of its operands; undefined if the whole node has to be computed. */
type Rule = (node: Tensor, from: number, to: number) => Tensor | undefined;

/** Element by element: operands that have the rows are narrowed; those that are broadcast over the rows stay. */
const elementwise: Rule = (node, from, to) =>
  apply(
    node.op,
    node.inputs.map((x) => (x.rank === node.rank && x.shape[0] === node.shape[0] ? narrow(x, from, to) : x)),
    node.attrs,
  );

const rules: Readonly<Record<string, Rule>> = {
  /** Only the channels of these outputs are taken from the cotangents. */
  conv2dWeightGradient({ op, inputs: [x, g], attrs, shape }, from, to) {
    if (attrs.groups !== 1) return undefined;
    return apply(op, [x, sliceAlong(g, 1, from, to)], { ...attrs, shape: [to - from, ...shape.slice(1)] });
  },
  matmul({ op, inputs: [a, b], attrs, rank }, from, to) {
    return rank === 2 ? apply(op, [sliceAlong(a, attrs.transposeA ? 1 : 0, from, to), b], attrs) : undefined;
  },
  add: elementwise,
  sub: elementwise,
  mul: elementwise,
  neg: elementwise,
};

/**
 * Rows from..to along the first axis, without computing the others if the rows are independent. In the
 * gradient of a layer's weight the rows are the layer's outputs.
 */
function narrow(x: Tensor, from: number, to: number): Tensor {
  if (to - from === (x.shape[0] ?? 1)) return x;
  return rules[x.op.name]?.(x, from, to) ?? sliceAlong(x, 0, from, to);
}

/** Maximum total size of the rows of one group: 128 MB in float32. */
const groupLimit = 2 ** 25;

/** Number of rows that are concatenated at a time, after which their sources can be freed for the next ones. */
const blockRows = 8;

/** Granularity of splitting a layer's outputs: kernels compute whole blocks of this many channels. */
const channelBlock = 16;

/** Gradients of all tasks in a few of the leaves, blocks of tasks by width. */
interface Group {
  readonly blocks: readonly Tensor[];
}

/** A leaf or a part of it along its first axis. */
interface Piece {
  readonly leaf: number;
  readonly from: number;
  readonly to: number;
  readonly size: number;
}

/** Splits a leaf into pieces of at most `limit` numbers, as far as blocks of channels allow. */
function piecesOf(shape: Shape, leaf: number, most: number): Piece[] {
  const [rows = 1] = shape;
  const perRow = sizeOf(shape) / Math.max(rows, 1);
  const fitting = Math.floor(most / perRow / channelBlock) * channelBlock;
  const step = Math.max(fitting, channelBlock);
  const pieces: Piece[] = [];
  for (let from = 0; from < rows; from += step) {
    const to = Math.min(from + step, rows);
    pieces.push({ leaf, from, to, size: (to - from) * perRow });
  }
  return pieces;
}

/**
 * Splits leaves, in order, into groups of pieces whose K gradients fit into a limit. A group is complete for
 * one task before the next, and the last group comes first: at the top of a network the cotangents of all
 * tasks are small, at its bottom the weights. So neither all cotangents nor all of J are in memory at once.
 */
function groupsOf(shapes: readonly Shape[], tasks: number, limit: number): Piece[][] {
  const groups: Piece[][] = [];
  let total = Infinity;
  for (const piece of shapes.flatMap((shape, leaf) => piecesOf(shape, leaf, limit / tasks))) {
    const numbers = piece.size * tasks;
    if (total + numbers > limit) {
      groups.push([]);
      total = 0;
    }
    groups[groups.length - 1].push(piece);
    total += numbers;
  }
  return groups;
}

/**
 * Tensors as one row, [1, P]. A gradient as a row is complete before anything uses a part of it, so that the
 * activations of its pass are freed before the next pass: leaf by leaf, those of all passes would wait for each other.
 */
export const rowOf = (tensors: readonly Tensor[]): Tensor =>
  concat(
    tensors.map((x) => reshape(x, [1, x.size])),
    { axis: 1 },
  );

/** All K backward passes, as groups of rows. */
export function gradientRows(
  { losses, space }: Pick<Forward, "losses" | "space">,
  limit = groupLimit,
): readonly Group[] {
  const rows = losses.map((loss) => gradientOf(loss, space));
  const groups = groupsOf(
    space.map((x) => x.shape),
    losses.length,
    limit,
  );
  return groups.map((pieces) => {
    const own = rows.map((row) => rowOf(pieces.map(({ leaf, from, to }) => narrow(row[leaf], from, to))));
    const blocks: Tensor[] = [];
    for (let k = 0; k < own.length; k += blockRows) blocks.push(concat(own.slice(k, k + blockRows)));
    return { blocks };
  });
}

/** J, [K, P]. */
export const jacobianOf = (groups: readonly Group[]): Tensor =>
  concat(
    groups.map(({ blocks }) => concat(blocks)),
    { axis: 1 },
  );

/**
 * The Gramians of the groups, [groups, K, K]; G is their sum. The group of the last leaves is computed first:
 * ONNX Runtime visits the inputs of a node from the last one.
 */
export function gramiansOf(groups: readonly Group[]): Tensor {
  const parts = groups.map(({ blocks }) => {
    const product = (i: number, j: number) => matmul(blocks[i], blocks[j], { transposeB: true });
    const rows = blocks.map((_, i) =>
      concat(
        blocks.map((_, j) => (j < i ? transpose(product(j, i)) : product(i, j))),
        { axis: 1 },
      ),
    );
    return expandDims(concat(rows), 0);
  });
  return concat(parts);
}

/** J A', [K, K]: products of the rows of two Jacobians of one shape. */
export const crossGramian = (j: readonly Group[], a: readonly Group[]): Tensor =>
  j
    .map(({ blocks }, g) => matmul(concat(blocks), concat(a[g].blocks), { transposeB: true }))
    .reduce((x, y) => add(x, y));

/** G in float64, from the Gramians of the groups. */
export function gramianOf({ shape: [groups, K], data }: NdArray): NdArray<Float64Array> {
  const sum = new Float64Array(K * K);
  for (let g = 0; g < groups; g++) {
    for (let i = 0; i < sum.length; i++) sum[i] += Number(data[g * sum.length + i]);
  }
  return { shape: [K, K], data: sum };
}
