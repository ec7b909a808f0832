import type { Tensor } from "isoloss";
import { sizeOf } from "isoloss";
import { isFloat } from "isoloss/internal";
import {
  abs,
  avgPool2d,
  cast,
  constant,
  div,
  max,
  maxPool2d,
  maxUnpool2d,
  mean,
  mul,
  pow,
  sqrt,
  square,
  sum,
} from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import { range } from "../axes.js";
import { perAxis, spaceOf, type Windows } from "./geometry.js";
import { explicit, type PoolWindows, places, pooled, poolWindows, withoutPadding } from "./pool-windows.js";

function maxPool(call: Call): readonly Tensor[] {
  const x = call.tensor(0);
  const windows = poolWindows(call);
  const floats = isFloat(x.dtype) ? x : cast(x, call.dtype);
  const [padded, moved] = explicit(floats, windows, -Infinity);
  const values = pooled(padded, moved, maxPool2d);
  const largest = isFloat(x.dtype) ? values : cast(values, x.dtype);
  if (call.node.outputs.length < 2) return [largest];
  const columnMajor = call.int("storage_order", 0) === 1;
  const offsets = places(padded, moved);
  const isOwn = padded === floats && !columnMajor;
  const before = padded === floats ? windows.before.map(() => 0) : windows.before;
  return [largest, isOwn ? offsets : withoutPadding(offsets, padded.shape, x.shape, before, columnMajor)];
}

/** Sums over windows: means times the number of a window's elements. */
function windowSums(x: Tensor, windows: PoolWindows): Tensor {
  const [padded, moved] = explicit(x, windows, 0);
  return mul(pooled(padded, moved, avgPool2d), sizeOf(windows.kernel));
}

/** How many of a window's elements along an axis lie in low..high - 1. */
function counts(windows: Windows, d: number, count: number, low: number, high: number): number[] {
  const { kernel, stride, dilation, before } = windows;
  return range(count).map((i) => {
    const start = i * stride[d] - before[d];
    const below = (end: number) => Math.min(Math.max(Math.ceil((end - start) / dilation[d]), 0), kernel[d]);
    return below(high) - below(low);
  });
}

/** Means of the elements in a window; of those in the padding, too, if they count. */
function averagePool(call: Call): Tensor {
  const x = call.tensor(0);
  const windows = poolWindows(call);
  const isPaddingCounted = call.int("count_include_pad", 0) === 1;
  const sums = windowSums(x, windows);
  const counted = spaceOf(call).map((n, d) => {
    const [before, after] = isPaddingCounted ? [windows.before[d], windows.after[d]] : [0, 0];
    return counts(windows, d, sums.shape[d + 2], -before, n + after);
  });
  if (counted.every((list, d) => list.every((n) => n === windows.kernel[d]))) {
    return div(sums, sizeOf(windows.kernel));
  }
  const shares = counted.reduce<readonly number[]>(
    (all, list) => all.flatMap((a) => list.map((n) => a / n)),
    [1],
  );
  return mul(
    sums,
    constant({ shape: [1, 1, ...sums.shape.slice(2)], data: Float64Array.from(shares) }, sums.dtype),
  );
}

/** (sum |x|^p)^(1/p), given how to sum. */
function norm(x: Tensor, p: number, total: (powers: Tensor) => Tensor): Tensor {
  if (p === 1) return total(abs(x));
  return p === 2 ? sqrt(total(square(x))) : pow(total(pow(abs(x), p)), 1 / p);
}

const orderOf = (call: Call): number => (call.opset < 2 ? call.float("p", 2) : call.int("p", 2));

const pixelsOf = (x: Tensor) => ({ axes: range(x.rank).slice(2), keepDims: true });

/** Puts the elements of x at their places in a tensor of zeros. */
function maxUnpool(call: Call): Tensor {
  const x = call.tensor(0);
  const space = spaceOf(call);
  const kernel = call.ints("kernel_shape") ?? call.fail("there is no kernel_shape");
  const stride = perAxis(call, "strides", space.length, 1);
  const pads = perAxis(call, "pads", 2 * space.length, 0);
  if (stride.some((s, d) => s < kernel[d])) {
    return call.fail("windows that overlap are not supported: several elements could have one place");
  }
  const inferred = space.map((n, d) => (n - 1) * stride[d] + kernel[d] - pads[d] - pads[d + space.length]);
  const shape = call.known(2) ?? [x.shape[0], x.shape[1], ...inferred];
  return maxUnpool2d(x, call.tensor(1), shape);
}

export const pooling: Readonly<Record<string, Operator>> = {
  AveragePool: averagePool,
  GlobalAveragePool: (call) => mean(call.tensor(0), pixelsOf(call.tensor(0))),
  GlobalLpPool: (call) => {
    const x = call.tensor(0);
    return norm(x, orderOf(call), (powers) => sum(powers, pixelsOf(x)));
  },
  GlobalMaxPool: (call) => max(call.tensor(0), pixelsOf(call.tensor(0))),
  LpPool: (call) => {
    const windows = poolWindows(call);
    return norm(call.tensor(0), orderOf(call), (powers) => windowSums(powers, windows));
  },
  MaxPool: maxPool,
  MaxUnpool: maxUnpool,
};
