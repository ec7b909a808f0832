import { sizeOf, type Tensor } from "isoloss";
import { isFloat } from "isoloss/internal";
import {
  abs,
  add,
  avgPool2d,
  cast,
  div,
  expandDims,
  gather,
  max,
  maxPool2d,
  maxPoolIndices2d,
  maxUnpool2d,
  mean,
  mul,
  type PoolOptions,
  pad,
  pow,
  reshape,
  sqrt,
  square,
  sub,
  sum,
} from "isoloss/ops";
import type { Call, Operator } from "../call.js";
import { overAxes, perAxis, reach, spaceOf, type Windows, windowsOf } from "./geometry.js";
import { floats, range } from "./reductions.js";

/** The windows of a pooling, and how far the last ones reach beyond the padding. */
interface PoolWindows extends Windows {
  readonly beyond: readonly number[];
}

/** With `ceil_mode` a last window may reach beyond the padded axis, but it starts inside. */
function poolWindows(call: Call): PoolWindows {
  const kernel = call.ints("kernel_shape") ?? call.fail("there is no kernel_shape");
  const windows = windowsOf(call, kernel);
  const isCeil = call.int("ceil_mode", 0) === 1 && call.text("auto_pad", "NOTSET") === "NOTSET";
  const beyond = spaceOf(call).map((n, d) => {
    const [stride, before, after] = [windows.stride[d], windows.before[d], windows.after[d]];
    const covered = reach(kernel[d], windows.dilation[d]);
    if (Math.max(before, after) >= covered) call.fail("the padding must be smaller than the window");
    const rest = n + before + after - covered;
    const steps = Math.ceil(rest / stride);
    const isInside = steps * stride < n + before;
    return isCeil && isInside ? Math.max(steps * stride - rest, 0) : 0;
  });
  return { ...windows, beyond };
}

/** A padding that the pooling of images does not take is made explicit. */
function explicit(x: Tensor, windows: PoolWindows, value: number): readonly [Tensor, Windows] {
  const { kernel, before, beyond } = windows;
  const after = windows.after.map((n, d) => n + beyond[d]);
  if (kernel.every((k, d) => 2 * Math.max(before[d], after[d]) <= k)) return [x, { ...windows, after }];
  const none = kernel.map(() => 0);
  const padding = before.map((n, d): [number, number] => [n, after[d]]);
  return [pad(x, [[0, 0], [0, 0], ...padding], value), { ...windows, before: none, after: none }];
}

/** The windows along the last two axes, or those over a sequence as windows over images of height 1. */
const onImages = ({ kernel, stride, dilation, before, after }: Windows): PoolOptions => {
  const two = (list: readonly number[], first: number) =>
    [list.at(-2) ?? first, list.at(-1) ?? first] as const;
  const [top, left] = two(before, 0);
  const [bottom, right] = two(after, 0);
  return {
    kernel: two(kernel, 1),
    stride: two(stride, 1),
    dilation: two(dilation, 1),
    padding: [top, left, bottom, right],
  };
};

/** The windows along the axes before the last two, which are joined. */
const beforeLastTwo = (windows: Windows): Windows =>
  overAxes(windows, (list, none) => [...list.slice(0, -2), none]);

/** The last two axes as images, the axes of space before them as channels. */
function asImages(x: Tensor): Tensor {
  if (x.rank === 3) return expandDims(x, 2);
  return x.rank === 4 ? x : reshape(x, [x.shape[0], sizeOf(x.shape.slice(1, -2)), ...x.shape.slice(-2)]);
}

/** A result for {@link asImages} of x, with the axes of x. */
function fromImages(y: Tensor, x: Tensor): Tensor {
  if (x.rank === 3) return reshape(y, [y.shape[0], y.shape[1], y.shape[3]]);
  return x.rank === 4 ? y : reshape(y, [...x.shape.slice(0, -2), ...y.shape.slice(-2)]);
}

const joinedLast = (x: Tensor): Tensor => reshape(x, [...x.shape.slice(0, -2), sizeOf(x.shape.slice(-2))]);

/** Pools along the last two axes, then along those before them: for a maximum, a sum or a mean. */
function pooled(x: Tensor, windows: Windows, pool: (x: Tensor, options: PoolOptions) => Tensor): Tensor {
  const y = fromImages(pool(asImages(x), onImages(windows)), x);
  if (x.rank < 5) return y;
  const rest = pooled(joinedLast(y), beforeLastTwo(windows), pool);
  return reshape(rest, [...rest.shape.slice(0, -1), ...y.shape.slice(-2)]);
}

/** Flat offsets into x of the first largest elements, along the same axes in the same order. */
function places(x: Tensor, windows: Windows): Tensor {
  const options = onImages(windows);
  const own = fromImages(maxPoolIndices2d(asImages(x), options), x);
  if (x.rank < 5) return own;
  const values = fromImages(maxPool2d(asImages(x), options), x);
  const chosen = places(joinedLast(values), beforeLastTwo(windows));
  const offsets = gather(reshape(own, [own.size]), chosen);
  return reshape(offsets, [...offsets.shape.slice(0, -1), ...own.shape.slice(-2)]);
}

/** Offsets into a padded array as offsets into the array itself, which lists the last axis first or last. */
function withoutPadding(
  offsets: Tensor,
  padded: Tensor["shape"],
  x: Tensor["shape"],
  before: readonly number[],
  columnMajor: boolean,
): Tensor {
  let rest = offsets;
  const at: Tensor[] = [];
  for (const d of range(x.length - 2).reverse()) {
    const n = padded[d + 2];
    const whole = div(rest, n);
    at[d] = sub(sub(rest, mul(whole, n)), before[d]);
    rest = whole;
  }
  const order = range(x.length - 2);
  if (columnMajor) order.reverse();
  return order.reduce((sum, d) => add(mul(sum, x[d + 2]), at[d]), rest);
}

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
  return mul(sums, floats(shares, sums, [1, 1, ...sums.shape.slice(2)]));
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
