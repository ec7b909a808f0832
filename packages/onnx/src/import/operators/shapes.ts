import { type NdArray, sizeOf, type Tensor } from "isoloss";
import { broadcastShapes, constantValue, resolveAxis } from "isoloss/internal";
import { broadcastTo, concat, constant, cumsum, fill, gather, reshape, transpose } from "isoloss/ops";
import { constantOf } from "../arrays.js";
import type { Call, Operator } from "../call.js";
import { converted } from "../kinds.js";
import type { Result, Value } from "../value.js";
import { kindOf } from "./elements.js";
import { along, integers } from "./reductions.js";

/** An axis of the first operand, or of a tensor of another rank, from the end if negative. */
export const axisOf = (call: Call, axis: number, rank = call.tensor(0).rank): number =>
  resolveAxis(axis, rank, call.node.opType);

function reshapeTo(call: Call): Tensor {
  const x = call.tensor(0);
  const shape = call.list("shape", 1) ?? call.fail("there is no shape");
  const keepsZeros = call.int("allowzero", 0) === 1;
  return reshape(
    x,
    shape.map((n, d) => (n === 0 && !keepsZeros ? x.shape[d] : n)),
  );
}

function flatten(call: Call): Tensor {
  const x = call.tensor(0);
  const axis = call.int("axis", 1);
  const at = axis === x.rank ? axis : axisOf(call, axis);
  return reshape(x, [sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at))]);
}

function squeeze(call: Call): Tensor {
  const x = call.tensor(0);
  const axes = call.list("axes", 1)?.map((a) => axisOf(call, a));
  const isGone = (n: number, d: number) => (axes ? axes.includes(d) : n === 1);
  const wrong = axes?.find((d) => x.shape[d] !== 1);
  if (wrong !== undefined) return call.fail(`axis ${wrong} has ${x.shape[wrong]} elements, not 1`);
  return reshape(
    x,
    x.shape.filter((n, d) => !isGone(n, d)),
  );
}

function unsqueeze(call: Call): Tensor {
  const x = call.tensor(0);
  const given = call.list("axes", 1) ?? call.fail("there are no axes");
  const rank = x.rank + given.length;
  const axes = given.map((a) => axisOf(call, a, rank));
  const rest = [...x.shape];
  return reshape(
    x,
    Array.from({ length: rank }, (_, d) => (axes.includes(d) ? 1 : (rest.shift() as number))),
  );
}

/** Bounds outside an axis are clamped to its ends, as the standard says; a negative step runs backwards. */
function sliced(call: Call): Tensor {
  const x = call.tensor(0);
  const starts = call.list("starts", 1) ?? call.fail("there are no starts");
  const ends = call.list("ends", 2) ?? call.fail("there are no ends");
  const axes = (call.list("axes", 3) ?? starts.map((_, d) => d)).map((a) => axisOf(call, a));
  const steps = call.known(4) ?? starts.map(() => 1);
  return axes.reduce((part, axis, k) => {
    const n = x.shape[axis];
    const within = (i: number, low: number, high: number) => Math.min(Math.max(i < 0 ? i + n : i, low), high);
    const step = steps[k];
    if (step > 0) {
      const [start, end] = [within(starts[k], 0, n), within(ends[k], 0, n)];
      return along(part, axis, start, Math.max(start, end), step);
    }
    const [start, end] = [within(starts[k], 0, n - 1), within(ends[k], -1, n - 1)];
    const places: number[] = [];
    for (let i = start; i > end; i += step) places.push(i);
    return gather(part, integers(places), { axis });
  }, x);
}

/** A known index becomes a slice, so that the search for symmetries sees which elements are used. */
function gathered(call: Call): Tensor {
  const [x, indices] = [call.tensor(0), call.tensor(1)];
  const axis = axisOf(call, call.int("axis", 0));
  const n = x.shape[axis];
  const known = indices.rank === 0 ? constantValue(indices) : undefined;
  if (known !== undefined) {
    const at = known < 0 ? known + n : known;
    if (!(at >= 0 && at < n)) return call.fail(`index ${known} is outside an axis of ${n}`);
    return reshape(
      along(x, axis, at, at + 1),
      x.shape.filter((_, d) => d !== axis),
    );
  }
  return gather(x, indices, { axis });
}

function split(call: Call): readonly Tensor[] {
  const x = call.tensor(0);
  const axis = axisOf(call, call.int("axis", 0));
  const count = call.int("num_outputs", call.node.outputs.length);
  const most = Math.ceil(x.shape[axis] / count);
  const sizes =
    call.list("split", 1) ??
    Array.from({ length: call.parts(count) }, (_, k) => Math.min(most, x.shape[axis] - k * most));
  if (sizes.some((size) => size < 0) || sizes.reduce((a, b) => a + b, 0) !== x.shape[axis]) {
    return call.fail(
      `the sizes of its ${sizes.length} parts must be 0 or more and add up to ${x.shape[axis]}`,
    );
  }
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return along(x, axis, start - size, start);
  });
}

/** Before operator set 6 the number of tiles along one axis, and the axis, are operands. */
function tile(call: Call): Tensor {
  const given = call.known(1) ?? call.fail("there are no repeats");
  const axis = call.opset < 6 ? call.known(2)?.[0] : undefined;
  const repeats =
    axis === undefined ? given : call.tensor(0).shape.map((_, d) => (d === axis ? given[0] : 1));
  if (repeats.length !== call.tensor(0).rank) {
    return call.fail(`there must be one number for each axis; there are ${repeats.length}`);
  }
  return repeats.reduce<Tensor>(
    (x, count, axis) =>
      count === 0 ? along(x, axis, 0, 0) : concat(Array<Tensor>(call.parts(count)).fill(x), { axis }),
    call.tensor(0),
  );
}

/** The kinds of value that a Constant node may have. */
function constantNode(call: Call): Result {
  const { dtype } = call;
  const value = call.attribute("value", "tensor");
  if (value) return { tensor: constantOf(value, dtype), kind: value.dtype };
  const [one, many] = [call.attribute("value_float", "float"), call.attribute("value_floats", "floats")];
  if (one !== undefined) return constant(one, dtype);
  if (many) return constant({ shape: [many.length], data: Float64Array.from(many) }, dtype);
  const [int, ints] = [call.attribute("value_int", "int"), call.attribute("value_ints", "ints")];
  if (int !== undefined) return constant(int, "int64");
  if (ints) return integers(ints);
  return call.fail("it holds no tensor or number");
}

function constantOfShape(call: Call): Value {
  const shape = call.known(0) ?? call.fail("there is no shape");
  const value = call.attribute("value", "tensor");
  if (!value) return { tensor: fill(shape, 0, call.dtype), kind: "float32" };
  return { tensor: broadcastTo(reshape(constantOf(value, call.dtype), []), shape), kind: value.dtype };
}

/** Ones on the k-th diagonal; the element type is that of the operand unless an attribute names another. */
function eyeLike(call: Call): Value {
  const { shape } = call.tensor(0);
  if (shape.length !== 2) return call.fail("it takes a matrix");
  const k = call.int("k", 0);
  const ones = Uint8Array.from({ length: call.listed(sizeOf(shape)) }, (_, i) =>
    i % shape[1] === Math.floor(i / shape[1]) + k ? 1 : 0,
  );
  const value: Value = { tensor: constant({ shape, data: ones }), kind: "bool" };
  return converted(value, kindOf(call, "dtype", call.kind(0)), call.dtype);
}

function range(call: Call): Tensor {
  const [start, limit, delta] = [0, 1, 2].map((i) => call.known(i)?.[0] ?? call.fail("a bound is missing"));
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  const values: NdArray = {
    shape: [count],
    data: Float64Array.from({ length: call.listed(count) }, (_, i) => start + i * delta),
  };
  return constant(values, call.tensor(0).dtype);
}

function cumulative(call: Call): Tensor {
  const axis = call.known(1)?.[0] ?? call.fail("there is no axis");
  return cumsum(call.tensor(0), {
    axis,
    exclusive: call.int("exclusive", 0) === 1,
    reverse: call.int("reverse", 0) === 1,
  });
}

export const shapes: Readonly<Record<string, Operator>> = {
  Concat: (call) => concat(call.tensors(), { axis: axisOf(call, call.int("axis", 1)) }),
  Constant: constantNode,
  ConstantOfShape: constantOfShape,
  CumSum: cumulative,
  EyeLike: eyeLike,
  Expand: (call) => {
    const x = call.tensor(0);
    const shape = call.known(1) ?? call.fail("there is no shape");
    return broadcastTo(x, broadcastShapes(x.shape, shape, "Expand"));
  },
  Flatten: flatten,
  Gather: gathered,
  Identity: (call) => call.entry(0),
  Range: range,
  Reshape: reshapeTo,
  Shape: (call) => {
    const { shape } = call.tensor(0);
    return integers(shape.slice(call.int("start", 0), call.int("end", shape.length)));
  },
  Size: (call) => constant(call.tensor(0).size, "int64"),
  Slice: sliced,
  Split: split,
  Squeeze: squeeze,
  Tile: tile,
  Transpose: (call) => transpose(call.tensor(0), call.ints("perm")),
  Unsqueeze: unsqueeze,
};
