// Reductions, softmax and its relatives; and what other operators need to go along one axis.
import type { Tensor } from "isoloss";
import { isFloat, resolveAxis } from "isoloss/internal";
import {
  abs,
  add,
  argmax,
  cast,
  constant,
  div,
  exp,
  gather,
  less,
  log,
  logSoftmax,
  max,
  mean,
  min,
  oneHot,
  prod,
  type ReduceOptions,
  reshape,
  slice,
  softmax,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  transpose,
  where,
} from "isoloss/ops";
import type { Operator } from "../call.js";
import { listed } from "../limits.js";
import { absolute } from "./elements.js";

/** A constant list of integers, or a table of them. */
export const integers = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  constant({ shape, data: BigInt64Array.from(values, BigInt) });

/** Numbers of the dtype of another tensor. */
export const floats = (
  values: readonly number[],
  like: Tensor,
  shape: readonly number[] = [values.length],
): Tensor => constant({ shape, data: Float64Array.from(values) }, like.dtype);

/** @throws ShapeError if the list is too long to be made while a model is traced */
export function range(n: number): number[] {
  return Array.from({ length: listed(n) }, (_, i) => i);
}

/** A range of one axis. */
export function along(x: Tensor, axis: number, start: number, end: number, step = 1): Tensor {
  const only = (value: number, others: readonly number[]) => others.map((n, d) => (d === axis ? value : n));
  const zeros = x.shape.map(() => 0);
  return slice(x, {
    starts: only(start, zeros),
    ends: only(end, x.shape),
    steps: only(
      step,
      zeros.map(() => 1),
    ),
  });
}

/** The elements of one axis at the given places. */
export function picked(x: Tensor, axis: number, places: readonly number[]): Tensor {
  const isWhole = places.length === x.shape[axis] && places.every((p, i) => p === i);
  return isWhole ? x : gather(x, integers(places), { axis });
}

const reduction =
  (f: (x: Tensor, options: ReduceOptions) => Tensor): Operator =>
  (call) => {
    const x = call.tensor(0);
    const axes = call.list("axes", 1) ?? [];
    const keepDims = call.int("keepdims", 1) === 1;
    const isAll = axes.length === 0 && call.int("noop_with_empty_axes", 0) === 0;
    return f(x, { keepDims, ...(isAll ? {} : { axes }) });
  };

/** Largest or smallest elements: of bools any or all, and of no elements `ofNone`. */
const extremum =
  (f: (x: Tensor, options: ReduceOptions) => Tensor, ofNone: number) =>
  (x: Tensor, options: ReduceOptions): Tensor => {
    if (x.dtype === "bool") return cast(f(cast(x, "int64"), options), "bool");
    return x.size === 0 ? add(sum(x, options), ofNone) : f(x, options);
  };

/** Means, of integers without the fraction. */
function meanOf(x: Tensor, options: ReduceOptions): Tensor {
  if (isFloat(x.dtype)) return mean(x, options);
  const total = sum(x, options);
  return div(total, x.size / total.size);
}

/** Roots of sums of squares, of integers without the fraction. */
function lengthOf(x: Tensor, options: ReduceOptions): Tensor {
  const total = sum(square(x), options);
  return isFloat(x.dtype) ? sqrt(total) : cast(sqrt(cast(total, "float64")), x.dtype);
}

/** Subtracts the largest element first, if it is finite, so that no exponential overflows. */
function logSumExp(x: Tensor, options: ReduceOptions): Tensor {
  if (x.size === 0) return log(sum(x, options));
  const largest = stopGradient(max(x, { ...options, keepDims: true }));
  const top = where(less(abs(largest), Infinity), largest, 0);
  const rest = log(sum(exp(sub(x, top)), options));
  return add(rest, reshape(top, rest.shape));
}

/** The tensor with one axis at another place. */
export function moveAxis(x: Tensor, from: number, to: number): Tensor {
  const order = [...x.shape.keys()].filter((d) => d !== from);
  order.splice(to, 0, from);
  return transpose(x, order);
}

/** 1 at the first largest element along an axis, else 0. */
function hardmax(x: Tensor, { axis = -1 }: { axis?: number | undefined }): Tensor {
  const at = axis < 0 ? axis + x.rank : axis;
  return moveAxis(oneHot(argmax(x, { axis: at }), x.shape[at], x.dtype), x.rank - 1, at);
}

/** Before operator set 13 all axes from the given one on are joined, and the default is axis 1. */
const softmaxes =
  (f: (x: Tensor, options: { axis?: number | undefined }) => Tensor): Operator =>
  (call) => {
    const x = call.tensor(0);
    if (call.opset >= 13) return f(x, { axis: call.int("axis", -1) });
    const axis = resolveAxis(call.int("axis", 1), x.rank, call.node.opType);
    const rows = x.shape.slice(0, axis);
    return reshape(f(reshape(x, [...rows, -1]), { axis: -1 }), x.shape);
  };

export const reductions: Readonly<Record<string, Operator>> = {
  Hardmax: softmaxes(hardmax),
  LogSoftmax: softmaxes(logSoftmax),
  ReduceL1: reduction((x, options) => sum(absolute(x), options)),
  ReduceL2: reduction(lengthOf),
  ReduceLogSum: reduction((x, options) => log(sum(x, options))),
  ReduceLogSumExp: reduction(logSumExp),
  ReduceMax: reduction(extremum(max, -Infinity)),
  ReduceMean: reduction(meanOf),
  ReduceMin: reduction(extremum(min, Infinity)),
  ReduceProd: reduction(prod),
  ReduceSum: reduction(sum),
  ReduceSumSquare: reduction((x, options) => sum(square(x), options)),
  Softmax: softmaxes(softmax),
};
