import type { Tensor } from "isoloss";
import { add, gather, mul, reshape, transpose } from "isoloss/ops";
import type { Value } from "../../value.js";
import { integers, range } from "../axes.js";

/** The integers 0, 1, ..., n - 1. */
export const iota = (n: number): Tensor => integers(range(n));

/** Positions or counts: int64 in files, whatever the operands are. */
export const asPositions = (tensor: Tensor): Value => ({ tensor, kind: "int64" });

/** Indices of an axis of size n without negative ones. Gathering from 0..n-1 checks that they are in the axis. */
export const counted = (indices: Tensor, n: number): Tensor => gather(iota(n), indices);

/** The index along one axis at each place of a shape; it broadcasts to the shape. */
export const positions = (shape: readonly number[], axis: number): Tensor =>
  reshape(
    iota(shape[axis]),
    shape.map((n, d) => (d === axis ? n : 1)),
  );

/** Row-major offsets in axes of the given sizes, from the index along each of them. */
export function offsets(indices: readonly Tensor[], sizes: readonly number[]): Tensor {
  return indices.reduce((offset, index, d) => add(mul(offset, sizes[d]), index));
}

/** The elements x[..., indices[...], ...]: the indices are those along the axis, at each place of the result. */
export function takeAlong(x: Tensor, indices: Tensor, axis: number): Tensor {
  return gather(reshape(x, [x.size]), offsetsAlong(x.shape, indices, axis));
}

/** Offsets in a shape of the places whose index along an axis is given, and along the others their own. */
export function offsetsAlong(shape: readonly number[], indices: Tensor, axis: number): Tensor {
  const places = shape.map((n, d) => (d === axis ? counted(indices, n) : positions(indices.shape, d)));
  return offsets(places, shape);
}

/** The tensor with one axis at another place. */
export function moveAxis(x: Tensor, from: number, to: number): Tensor {
  const order = [...x.shape.keys()].filter((d) => d !== from);
  order.splice(to, 0, from);
  return transpose(x, order);
}
