import { type Shape, sizeOf } from "../../array.js";
import { DTypeError, describeValue, OptionError, ShapeError } from "../../errors.js";
import { requireKnown } from "../../options.js";
import { Affine, Index } from "../index-expression.js";
import { int } from "../onnx-rule.js";
import { apply, formatShape, formatType, type Op, requireTensor, sameShape, type Tensor } from "../tensor.js";
import { literal } from "./leaf.js";
import { reshape, resolveAxis } from "./reshape.js";

interface SliceAttributes extends Record<string, unknown> {
  readonly starts: readonly number[];
  readonly steps: readonly number[];
  readonly shape: Shape;
}

/** x[start], x[start + step], ... along every axis. */
const sliceOp: Op<SliceAttributes> = {
  name: "slice",
  infer: ([x], { shape }) => ({ shape, dtype: x.dtype }),
  vjp: (g, { inputs: [x] }, { starts, steps }) => [place(g, { starts, steps, shape: x.shape })],
  js: {
    view: true,
    pull: (at, read, { inputs: [x] }, { starts, steps }) =>
      read(
        0,
        Index.multi(
          x.shape,
          at.multi.map((i, d) => i.times(steps[d]).plus(starts[d])),
        ),
      ),
  },
  onnx: {
    emit(e, [x], node, { starts, steps }) {
      const full = node.inputs[0].shape;
      const axes = [...full.keys()].filter(
        (d) => starts[d] !== 0 || steps[d] !== 1 || node.shape[d] !== full[d],
      );
      // Of no elements it would be below the start, and count from the end if it is negative.
      const ends = axes.map((d) => starts[d] + Math.max((node.shape[d] - 1) * steps[d] + 1, 0));
      return e.emit("Slice", [
        x,
        e.indices(axes.map((d) => starts[d])),
        e.indices(ends),
        e.indices(axes),
        e.indices(axes.map((d) => steps[d])),
      ]);
    },
  },
  flops: () => 0,
};

/** Writes a tensor into zeros (or `value`) at start, start + step, ...: the transpose of a slice. */
const placeOp: Op<SliceAttributes & { value: number }> = {
  name: "place",
  infer: ([x], { shape }) => ({ shape, dtype: x.dtype }),
  vjp: (g, { inputs: [x] }, { starts, steps }) => [apply(sliceOp, [g], { starts, steps, shape: x.shape })],
  js: {
    readsOnce: true,
    pull(at, read, { inputs: [x] }, { starts, steps, value }) {
      const conditions: string[] = [];
      let outside = false;
      const axes = at.multi.map((i, d) => {
        const from = i.plus(-starts[d]);
        const last = (x.shape[d] - 1) * steps[d];
        if (from.isConstant) {
          const c = from.constant;
          if (c < 0 || c > last || c % steps[d] !== 0) outside = true;
          return Affine.of(c / steps[d]);
        }
        if (starts[d] > 0) conditions.push(`${i}>=${starts[d]}`);
        if (starts[d] + last < at.shape[d] - 1) conditions.push(`${i}<=${starts[d] + last}`);
        if (steps[d] === 1) return from;
        conditions.push(`(${from})%${steps[d]}===0`);
        return Affine.variable(`((${from})/${steps[d]}|0)`);
      });
      const elsewhere = literal(value);
      if (outside || x.size === 0) return elsewhere;
      const element = read(0, Index.multi(x.shape, axes));
      return conditions.length === 0 ? element : `(${conditions.join("&&")}?${element}:${elsewhere})`;
    },
  },
  onnx: {
    emit(e, [x], node, { starts, steps, value }) {
      const [input] = node.inputs;
      let current = x;
      let shape: Shape = input.shape;
      if (steps.some((s) => s > 1)) {
        // [n] -> [n, 1], padded to [n, step], -> [n * step]: zeros between the elements.
        const apart = shape.flatMap((n, d) => (steps[d] > 1 ? [n, 1] : [n]));
        const after = shape.flatMap((_, d) => (steps[d] > 1 ? [0, steps[d] - 1] : [0]));
        current = e.emit("Reshape", [current, e.indices(apart)]);
        current = e.emit("Pad", [
          current,
          e.indices([...after.map(() => 0), ...after]),
          e.scalar(0, node.dtype),
        ]);
        shape = shape.map((n, d) => n * steps[d]);
        current = e.emit("Reshape", [current, e.indices(shape)]);
      }
      const before = starts;
      const behind = shape.map((n, d) => node.shape[d] - starts[d] - n);
      // ONNX Runtime makes zeros around images the padding of a MaxPool, which is no zeros, unless the axes are named.
      const axes = node.rank === 4 && value === 0 ? [e.indices([0, 1, 2, 3])] : [];
      // The last step may overshoot the end: a negative pad trims it.
      const pads = e.indices([...before, ...behind]);
      return e.emit("Pad", [current, pads, e.scalar(value, node.dtype), ...axes]);
    },
  },
  flops: () => 0,
};

/** Writes `x` into a tensor of `value` (default 0) of the given shape, at starts + k * steps along every axis. */
function place(x: Tensor, attrs: SliceAttributes, value = 0): Tensor {
  return sameShape(x.shape, attrs.shape) ? x : apply(placeOp, [x], { ...attrs, value });
}

/** A tensor in zeros. */
export type Placed = Tensor & { readonly attrs: SliceAttributes };

/** Whether a tensor is another one in zeros, without gaps. */
export const isPlaced = (x: Tensor): x is Placed =>
  x.op.name === "place" && x.attrs.value === 0 && (x.attrs as SliceAttributes).steps.every((s) => s === 1);

/** Whether a tensor is a part of another one. */
export const isSlice = (x: Tensor): x is Tensor & { readonly attrs: SliceAttributes } =>
  x.op.name === "slice";

export interface SliceOptions {
  /** First index along each axis; default 0. Negative: from the end. */
  readonly starts?: readonly number[] | undefined;
  /** One past the last index along each axis; default the axis' size. Negative: from the end. */
  readonly ends?: readonly number[] | undefined;
  /** Distance between selected elements along each axis, at least 1; default 1. */
  readonly steps?: readonly number[] | undefined;
}

/**
 * A rectangular part of `x`. Lists may be shorter than the rank: the remaining axes are kept whole.
 *
 * @throws ShapeError when a bound is outside the tensor
 */
export function slice(x: Tensor, options: SliceOptions): Tensor {
  requireTensor("slice", x);
  requireKnown("slice", options, ["starts", "ends", "steps"], "slice(x, { starts: [0, 1], ends: [2, 3] })");
  const { starts = [], ends = [], steps = [] } = options;
  for (const list of [starts, ends, steps]) {
    if (!Array.isArray(list)) {
      throw new OptionError(
        `slice: starts, ends and steps must be lists of integers, one for each axis; got ${describeValue(list)}.`,
      );
    }
  }
  if ([starts, ends, steps].some((list) => list.length > x.rank)) {
    throw new ShapeError(
      `slice: starts ${formatShape(starts)}, ends ${formatShape(ends)} and steps ${formatShape(steps)} may have at most one entry for each axis of ${formatShape(x.shape)}.`,
    );
  }
  const from = (i: number, n: number) => (i < 0 ? i + n : i);
  const starting = x.shape.map((n, d) => from(starts[d] ?? 0, n));
  const ending = x.shape.map((n, d) => from(ends[d] ?? n, n));
  const stepping = x.shape.map((_, d) => steps[d] ?? 1);
  x.shape.forEach((n, d) => {
    const isWhole = [starting[d], ending[d], stepping[d]].every(Number.isInteger);
    if (!isWhole || starting[d] < 0 || starting[d] > ending[d] || ending[d] > n || stepping[d] < 1) {
      throw new ShapeError(
        `slice: ${starts[d] ?? 0}..${ends[d] ?? n} step ${stepping[d]} is not inside axis ${d} of ${formatShape(x.shape)}.`,
      );
    }
  });
  const shape = x.shape.map((_, d) => Math.ceil((ending[d] - starting[d]) / stepping[d]));
  return sameShape(shape, x.shape) ? x : apply(sliceOp, [x], { starts: starting, steps: stepping, shape });
}

/** x[..., start..end, ...] along one axis. */
export const sliceAlong = (x: Tensor, axis: number, start: number, end: number): Tensor =>
  slice(x, {
    starts: x.shape.map((_, d) => (d === axis ? start : 0)),
    ends: x.shape.map((n, d) => (d === axis ? end : n)),
  });

/**
 * Surrounds `x` with `value`.
 *
 * @param padding [before, after] for each axis
 */
export function pad(x: Tensor, padding: readonly (readonly [number, number])[], value = 0): Tensor {
  requireTensor("pad", x);
  if (!Array.isArray(padding) || !padding.every(Array.isArray) || typeof value !== "number") {
    throw new OptionError(
      `pad takes a list of pairs [before, after] and a number; got ${describeValue(padding)} and ${describeValue(value)}. ` +
        "Write pad(x, [[0, 0], [1, 1]], 0) for a tensor of two axes.",
    );
  }
  if (padding.length !== x.rank || padding.flat().some((n) => n < 0 || !Number.isInteger(n))) {
    throw new ShapeError(
      `pad: needs one pair [before, after] of integers >= 0 for each of the ${x.rank} axes of ${formatShape(x.shape)}; got ${describeValue(padding)}.`,
    );
  }
  const shape = x.shape.map((n, d) => n + padding[d][0] + padding[d][1]);
  return place(x, { starts: padding.map(([before]) => before), steps: x.shape.map(() => 1), shape }, value);
}

const concatOp: Op<{ axis: number }> = {
  name: "concat",
  infer(inputs, { axis }) {
    const [first] = inputs;
    for (const x of inputs) {
      if (x.dtype !== first.dtype) {
        throw new DTypeError(`concat: one dtype is needed; got ${inputs.map(formatType).join(" and ")}.`);
      }
      if (x.rank !== first.rank || x.shape.some((n, d) => d !== axis && n !== first.shape[d])) {
        throw new ShapeError(
          `concat: shapes ${inputs.map((t) => formatShape(t.shape)).join(" and ")} must be equal except along axis ${axis}.`,
        );
      }
    }
    const length = inputs.reduce((n, x) => n + x.shape[axis], 0);
    return { shape: first.shape.map((n, d) => (d === axis ? length : n)), dtype: first.dtype };
  },
  vjp(g, { inputs }, { axis }) {
    let at = 0;
    return inputs.map((x) => {
      at += x.shape[axis];
      return sliceAlong(g, axis, at - x.shape[axis], at);
    });
  },
  js: {
    readsOnce: true,
    pull(at, read, { inputs }, { axis }) {
      const axes = at.multi;
      const i = axes[axis];
      const offsets = inputs.map((_, k) => inputs.slice(0, k).reduce((n, x) => n + x.shape[axis], 0));
      const element = (k: number) =>
        read(
          k,
          Index.multi(
            inputs[k].shape,
            axes.map((a, d) => (d === axis ? a.plus(-offsets[k]) : a)),
          ),
        );
      const ends = inputs.map((x, k) => offsets[k] + x.shape[axis]);
      if (i.isConstant) return element(ends.findIndex((end) => i.constant < end));
      return ends
        .slice(0, -1)
        .reduceRight((rest, end, k) => `(${i}<${end}?${element(k)}:${rest})`, element(inputs.length - 1));
    },
  },
  onnx: { emit: (e, inputs, _node, { axis }) => e.emit("Concat", inputs, { axis: int(axis) }) },
  flops: () => 0,
};

/** Joins tensors along an axis. */
export function concat(tensors: readonly Tensor[], options: { axis?: number | undefined } = {}): Tensor {
  requireKnown("concat", options, ["axis"], "concat([a, b], { axis: 1 })");
  if (!Array.isArray(tensors)) {
    throw new OptionError(
      `concat takes a list of tensors; got ${describeValue(tensors)}. Write concat([a, b], { axis: 1 }).`,
    );
  }
  if (tensors.length === 0) throw new OptionError("concat: needs at least one tensor; got none.");
  for (const x of tensors) requireTensor("concat", x);
  if (tensors.length === 1) return tensors[0];
  return apply(concatOp, tensors, { axis: resolveAxis(options.axis ?? 0, tensors[0].rank, "concat") });
}

/** The elements of tensors, such as scalars, as one vector. */
export const vectorOf = (tensors: readonly Tensor[]): Tensor =>
  concat(tensors.map((x) => reshape(x, [x.size])));

/** A vector as tensors of some shapes, one after the other. */
export function splitVector(vector: Tensor, shapes: readonly Shape[]): Tensor[] {
  let at = 0;
  return shapes.map((shape) => {
    at += sizeOf(shape);
    return reshape(slice(vector, { starts: [at - sizeOf(shape)], ends: [at] }), shape);
  });
}
