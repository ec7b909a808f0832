import { add, sub } from "../../../graph/ops/arithmetic.js";
import { abs, exp, log, sqrt, square } from "../../../graph/ops/elementary.js";
import { argmax, max, mean, min, type ReduceOptions, sum } from "../../../graph/ops/reduce.js";
import { expandDims, reshape, resolveAxis } from "../../../graph/ops/reshape.js";
import { logSoftmax, softmax } from "../../../graph/ops/softmax.js";
import { stopGradient } from "../../../graph/ops/stop-gradient.js";
import type { Tensor } from "../../../graph/tensor.js";
import type { Call, Operator } from "../call.js";

const reduction =
  (f: (x: Tensor, options: ReduceOptions) => Tensor): Operator =>
  (call) => {
    const x = call.tensor(0);
    const axes = call.list("axes", 1) ?? [];
    const keepDims = call.int("keepdims", 1) === 1;
    const isAll = axes.length === 0 && call.int("noop_with_empty_axes", 0) === 0;
    return f(x, { keepDims, ...(isAll ? {} : { axes }) });
  };

/** Subtracts the largest element first, so that no exponential overflows. */
function logSumExp(x: Tensor, options: ReduceOptions): Tensor {
  const top = stopGradient(max(x, { ...options, keepDims: true }));
  const rest = log(sum(exp(sub(x, top)), options));
  return add(rest, reshape(top, rest.shape));
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

function argMax(call: Call): Tensor {
  const x = call.tensor(0);
  if (call.int("select_last_index", 0) === 1)
    return call.fail("only the first of equal elements can be chosen");
  const axis = resolveAxis(call.int("axis", 0), x.rank, "ArgMax");
  const place = argmax(x, { axis });
  return call.int("keepdims", 1) === 1 ? expandDims(place, axis) : place;
}

export const reductions: Readonly<Record<string, Operator>> = {
  ArgMax: argMax,
  LogSoftmax: softmaxes(logSoftmax),
  ReduceL1: reduction((x, options) => sum(abs(x), options)),
  ReduceL2: reduction((x, options) => sqrt(sum(square(x), options))),
  ReduceLogSum: reduction((x, options) => log(sum(x, options))),
  ReduceLogSumExp: reduction(logSumExp),
  ReduceMax: reduction(max),
  ReduceMean: reduction(mean),
  ReduceMin: reduction(min),
  ReduceSum: reduction(sum),
  ReduceSumSquare: reduction((x, options) => sum(square(x), options)),
  Softmax: softmaxes(softmax),
};
