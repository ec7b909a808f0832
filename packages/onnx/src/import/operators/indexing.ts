import { sizeOf, type Tensor } from "isoloss";
import {
  add,
  argmax,
  argsort,
  cast,
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
import type { Call, Operator } from "../call.js";
import type { Result, Value } from "../value.js";
import { along, integers, moveAxis, picked, range } from "./reductions.js";
import { axisOf } from "./shapes.js";

/** The integers 0, 1, ..., n - 1. */
export const iota = (n: number): Tensor => integers(range(n));

/** Positions or counts: int64 in files, whatever the operands are. */
export const asPositions = (tensor: Tensor): Value => ({ tensor, kind: "int64" });

/** Indices of an axis of size n without negative ones. Gathering from 0..n-1 checks that they are in the axis. */
const counted = (indices: Tensor, n: number): Tensor => gather(iota(n), indices);

/** The index along one axis at each place of a shape; it broadcasts to the shape. */
const positions = (shape: readonly number[], axis: number): Tensor =>
  reshape(
    iota(shape[axis]),
    shape.map((n, d) => (d === axis ? n : 1)),
  );

/** Row-major offsets in axes of the given sizes, from the index along each of them. */
function offsets(indices: readonly Tensor[], sizes: readonly number[]): Tensor {
  return indices.reduce((offset, index, d) => add(mul(offset, sizes[d]), index));
}

/** The elements x[..., indices[...], ...]: the indices are those along the axis, at each place of the result. */
function takeAlong(x: Tensor, indices: Tensor, axis: number): Tensor {
  return gather(reshape(x, [x.size]), offsetsAlong(x.shape, indices, axis));
}

/** Offsets in a shape of the places whose index along an axis is given, and along the others their own. */
function offsetsAlong(shape: readonly number[], indices: Tensor, axis: number): Tensor {
  const places = shape.map((n, d) => (d === axis ? counted(indices, n) : positions(indices.shape, d)));
  return offsets(places, shape);
}

/** The position of the largest element of f(x) along an axis: the first one, or the last one, at a tie. */
const argExtremum =
  (f: (x: Tensor) => Tensor): Operator =>
  (call) => {
    const x = f(call.tensor(0));
    const axis = axisOf(call, call.int("axis", 0));
    const last = x.shape[axis] - 1;
    const backwards = range(last + 1).map((k) => last - k);
    const place =
      call.int("select_last_index", 0) === 1
        ? sub(last, argmax(picked(x, axis, backwards), { axis }))
        : argmax(x, { axis });
    return asPositions(call.int("keepdims", 1) === 1 ? expandDims(place, axis) : place);
  };

/** The largest or smallest elements along an axis in order, and their positions. */
function topK(call: Call): readonly Result[] {
  const x = call.tensor(0);
  const axis = axisOf(call, call.int("axis", -1));
  const count = call.attribute("k", "int") ?? call.known(1)?.[0] ?? call.fail("there is no k");
  const places = argsort(x, { axis, count, descending: call.int("largest", 1) === 1 });
  return [takeAlong(x, places, axis), asPositions(places)];
}

/** Two values, off and on, by whether an index names the place along a new axis; negative ones count from the end. */
function oneHotOf(call: Call): Value {
  const given = cast(call.tensor(0), "int64");
  const depth = call.known(1)?.[0] ?? call.fail("there is no depth");
  const indices = where(less(given, 0), add(given, depth), given);
  const [off, on] = [0, 1].map((k) => reshape(along(call.tensor(2), 0, k, k + 1), []));
  const axis = axisOf(call, call.int("axis", -1), indices.rank + 1);
  const tensor = moveAxis(where(oneHot(indices, depth, "bool"), on, off), indices.rank, axis);
  return { tensor, kind: call.kind(2) };
}

export const ordering: Readonly<Record<string, Operator>> = {
  ArgMax: argExtremum((x) => x),
  ArgMin: argExtremum(neg),
  OneHot: oneHotOf,
  TopK: topK,
};

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
