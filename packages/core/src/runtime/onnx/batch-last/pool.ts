import { allocate } from "../../../array.js";
import { int, type OnnxEmitter } from "../../../graph/onnx-rule.js";
import { add, mul } from "../../../graph/ops/arithmetic.js";
import { emitFirstLargest } from "../../../graph/ops/pool-tiles.js";
import { max, sum } from "../../../graph/ops/reduce.js";
import { apply, type Op, type Tensor } from "../../../graph/tensor.js";

// Max pooling of images [s, c, p, tiles m] whose tiles are the pooling windows. The operations are for
// emission only.

/** The largest element of each tile. */
function emitFirst(e: OnnxEmitter, x: string, { shape: [, , p], dtype }: Tensor): string {
  const ranks = allocate(dtype, p);
  for (let i = 0; i < p; i++) ranks[i] = p - i;
  const largest = (of: string) => e.emit("ReduceMax", [of, e.indices([2])], { keepdims: int(1) });
  return emitFirstLargest(e, x, { shape: [1, 1, p, 1], data: ranks }, largest, dtype);
}

const firstLargestOp: Op = {
  name: "firstLargest",
  infer: ([{ shape, dtype }]) => ({ shape, dtype }),
  js: {},
  onnx: { emit: (e, [x], { inputs }) => emitFirst(e, x, inputs[0]) },
};

/** 1 at the first largest element of each tile, 0 elsewhere. */
export const firstLargest = (x: Tensor): Tensor => apply(firstLargestOp, [x], {});

const putOp: Op = {
  name: "putInTiles",
  infer: ([g, x]) => ({ shape: x.shape, dtype: g.dtype }),
  js: {},
  onnx: { emit: (e, [g, x], { inputs }) => e.emit("Mul", [emitFirst(e, x, inputs[1]), g]) },
};

/**
 * Splits images into a sum of images and a bias of their channels, if the bias was added last. It changes
 * neither the order of places nor, since rounding keeps the order, the largest sum. Added after pooling, it
 * needs one addition for each tile.
 */
function withoutBias(x: Tensor): readonly [x: Tensor, bias: Tensor | undefined] {
  if (x.op.name !== "add") return [x, undefined];
  const [a, b] = x.inputs;
  const isBias = ({ op, inputs: [source] }: Tensor) =>
    op.name === "broadcast" && source.size === source.shape[1] && source.rank === 4;
  if (isBias(b)) return [a, b.inputs[0]];
  return isBias(a) ? [b, a.inputs[0]] : [x, undefined];
}

/** [s, c, 1, tiles m] */
export function pooled(x: Tensor): Tensor {
  const [images, bias] = withoutBias(x);
  const largest = max(images, { axes: 2, keepDims: true });
  return bias ? add(largest, bias) : largest;
}

/** Elements g [s, c, 1, tiles m] at the places of the largest elements of x, zeros elsewhere. */
export const put = (g: Tensor, x: Tensor): Tensor => apply(putOp, [g, withoutBias(x)[0]], {});

/** The operands g and x of {@link put}. */
export const putInputs = ({ op, inputs: [g, x] }: Tensor): readonly [g: Tensor, x: Tensor] | undefined =>
  op === putOp ? [g, x] : undefined;

/** The elements of z at the places of the largest elements of x. */
export const take = (z: Tensor, x: Tensor): Tensor =>
  sum(mul(firstLargest(withoutBias(x)[0]), z), { axes: 2, keepDims: true });
