import type { Tensor } from "isoloss";
import { sizeOf } from "isoloss";
import {
  add,
  div,
  expandDims,
  gather,
  maxPool2d,
  maxPoolIndices2d,
  mul,
  type PoolOptions,
  pad,
  reshape,
  sub,
} from "isoloss/ops";
import type { Call } from "../../call.js";
import { range } from "../axes.js";
import { reach, spaceOf, type Windows, windowsOf } from "./geometry.js";

/** The windows of a pooling, and how far the last ones reach beyond the padding. */
export interface PoolWindows extends Windows {
  readonly beyond: readonly number[];
}

/** With `ceil_mode` a last window may reach beyond the padded axis, but it starts inside. */
export function poolWindows(call: Call): PoolWindows {
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
export function explicit(x: Tensor, windows: PoolWindows, value: number): readonly [Tensor, Windows] {
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
const beforeLastTwo = (windows: Windows): Windows => ({
  kernel: [...windows.kernel.slice(0, -2), 1],
  stride: [...windows.stride.slice(0, -2), 1],
  dilation: [...windows.dilation.slice(0, -2), 1],
  before: [...windows.before.slice(0, -2), 0],
  after: [...windows.after.slice(0, -2), 0],
});

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
export function pooled(
  x: Tensor,
  windows: Windows,
  pool: (x: Tensor, options: PoolOptions) => Tensor,
): Tensor {
  const y = fromImages(pool(asImages(x), onImages(windows)), x);
  if (x.rank < 5) return y;
  const rest = pooled(joinedLast(y), beforeLastTwo(windows), pool);
  return reshape(rest, [...rest.shape.slice(0, -1), ...y.shape.slice(-2)]);
}

/** Flat offsets into x of the first largest elements, along the same axes in the same order. */
export function places(x: Tensor, windows: Windows): Tensor {
  const options = onImages(windows);
  const own = fromImages(maxPoolIndices2d(asImages(x), options), x);
  if (x.rank < 5) return own;
  const values = fromImages(maxPool2d(asImages(x), options), x);
  const chosen = places(joinedLast(values), beforeLastTwo(windows));
  const offsets = gather(reshape(own, [own.size]), chosen);
  return reshape(offsets, [...offsets.shape.slice(0, -1), ...own.shape.slice(-2)]);
}

/** Offsets into a padded array as offsets into the array itself, which lists the last axis first or last. */
export function withoutPadding(
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
