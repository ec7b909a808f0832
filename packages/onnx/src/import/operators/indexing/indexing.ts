import type { Tensor } from "isoloss";
import { sizeOf } from "isoloss";
import {
  add,
  expandDims,
  fill,
  gather,
  greaterEqual,
  less,
  maximum,
  minimum,
  mul,
  neg,
  oneHot,
  prod,
  reshape,
  scatterAdd,
  scatterMax,
  sub,
  where,
} from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import { along } from "../axes.js";
import { axisOf } from "../shapes.js";
import { counted, iota, offsets, offsetsAlong, positions, takeAlong } from "./places.js";

function gatherElements(call: Call): Tensor {
  return takeAlong(call.tensor(0), call.tensor(1), axisOf(call, call.int("axis", 0)));
}

/** Offsets in the leading axes of a shape: the last axis of the indices has one for each of them. */
function leadingOffsets(indices: Tensor, sizes: readonly number[], batch: number): Tensor {
  const shape = indices.shape.slice(0, -1);
  // Indices of no axes stand for the whole operand.
  if (sizes.length === 0) return fill(shape, 0, "int64");
  const component = (k: number) => reshape(along(indices, shape.length, k, k + 1), shape);
  const places = sizes.map((n, d) => (d < batch ? positions(shape, d) : counted(component(d - batch), n)));
  return offsets(places, sizes);
}

/** x[b, indices[b, ...], ...] for each place b of the batch axes. */
function gatherND(call: Call): Tensor {
  const [x, indices] = [call.tensor(0), call.tensor(1)];
  const batch = call.int("batch_dims", 0);
  const indexed = batch + indices.shape[indices.rank - 1];
  if (indexed > x.rank || batch < 0 || batch >= indices.rank)
    return call.fail("there are more indices than axes");
  const sizes = x.shape.slice(0, indexed);
  const flat = reshape(x, [sizeOf(sizes), ...x.shape.slice(indexed)]);
  return gather(flat, leadingOffsets(indices, sizes, batch));
}

function scatterElements(call: Call): Tensor {
  const [x, indices, updates] = [0, 1, 2].map((i) => call.tensor(i));
  const offset = offsetsAlong(x.shape, indices, axisOf(call, call.int("axis", 0)));
  const flat = (y: Tensor) => reshape(y, [y.size]);
  return reshape(written(call, flat(x), flat(offset), flat(updates)), x.shape);
}

function scatterND(call: Call): Tensor {
  const [x, indices, updates] = [0, 1, 2].map((i) => call.tensor(i));
  const indexed = indices.shape[indices.rank - 1];
  if (indexed > x.rank) return call.fail("there are more indices than axes");
  const [sizes, rest] = [x.shape.slice(0, indexed), x.shape.slice(indexed)];
  const offset = leadingOffsets(indices, sizes, 0);
  const slices = reshape(updates, [offset.size, ...rest]);
  const flat = reshape(x, [sizeOf(sizes), ...rest]);
  return reshape(written(call, flat, reshape(offset, [offset.size]), slices), x.shape);
}

/** Slices of `x` along its first axis, combined with the updates at the given places. */
function written(call: Call, x: Tensor, places: Tensor, updates: Tensor): Tensor {
  const [size] = x.shape;
  if (updates.size === 0) return x;
  const reduction = call.text("reduction", "none");
  switch (reduction) {
    case "none":
      return replaced(x, places, updates);
    case "add":
      return add(x, scatterAdd(updates, places, { size }));
    case "max":
      return maximum(x, scatterMax(updates, places, { size }));
    case "min":
      return minimum(x, neg(scatterMax(neg(updates), places, { size })));
    case "mul":
      return mul(x, scatterProduct(updates, places, size));
    default:
      return call.fail(`the reduction must be none, add, mul, max or min; it is ${reduction}`);
  }
}

/** The last update of each place, and `x` where there is none. */
function replaced(x: Tensor, places: Tensor, updates: Tensor): Tensor {
  const last = scatterMax(iota(places.size), places, { size: x.shape[0] });
  const isWritten = reshape(greaterEqual(last, 0), [x.shape[0], ...x.shape.slice(1).map(() => 1)]);
  return where(isWritten, gather(updates, maximum(last, 0)), x);
}

/** The product of the slices that are written to each place, through a table of all places and slices. */
function scatterProduct(updates: Tensor, places: Tensor, size: number): Tensor {
  const isHere = oneHot(places, size, "bool");
  const table = reshape(isHere, [...isHere.shape, ...updates.shape.slice(1).map(() => 1)]);
  return prod(where(table, expandDims(updates, 1), 1), { axes: 0 });
}

/** Reverses the first elements, as many as are given for each sequence of the batch, along the axis of time. */
function reverseSequence(call: Call): Tensor {
  const [x, lengths] = [call.tensor(0), call.tensor(1)];
  const time = call.int("time_axis", 0);
  const shape = x.shape.slice(0, 2);
  const at = positions(shape, time);
  const length = reshape(
    lengths,
    shape.map((n, d) => (d === time ? 1 : n)),
  );
  const place = where(less(at, length), sub(sub(length, 1), at), at);
  const indices = [0, 1].map((d) => (d === time ? place : positions(shape, d)));
  return gather(reshape(x, [sizeOf(shape), ...x.shape.slice(2)]), offsets(indices, shape));
}

export const indexing: Readonly<Record<string, Operator>> = {
  GatherElements: gatherElements,
  GatherND: gatherND,
  ReverseSequence: reverseSequence,
  Scatter: scatterElements,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
};
