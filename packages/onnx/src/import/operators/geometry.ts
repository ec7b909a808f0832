import type { Tensor } from "isoloss";
import { formatShape } from "isoloss/internal";
import { add, reshape } from "isoloss/ops";
import type { Call } from "../call.js";

/** How windows move over the axes behind batch and channels, one number an axis. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** Windows over other axes. @param change of a list of numbers; `none` is that of an axis over which nothing moves */
export const overAxes = (
  { kernel, stride, dilation, before, after }: Windows,
  change: (list: readonly number[], none: number) => readonly number[],
): Windows => ({
  kernel: change(kernel, 1),
  stride: change(stride, 1),
  dilation: change(dilation, 1),
  before: change(before, 0),
  after: change(after, 0),
});

/** Lengths of the axes behind batch and channels. */
export function spaceOf(call: Call, x: Tensor = call.tensor(0)): readonly number[] {
  const space = x.shape.slice(2);
  if (space.length > 0) return space;
  return call.fail(
    `it takes [batch, channels, ...] with one axis of space or more, not ${formatShape(x.shape)}`,
  );
}

/** The length that a window covers. */
export const reach = (kernel: number, dilation: number): number => dilation * (kernel - 1) + 1;

/** A list with one number an axis. */
export function perAxis(call: Call, name: string, count: number, otherwise: number): readonly number[] {
  const list = call.ints(name) ?? Array<number>(count).fill(otherwise);
  if (list.length === count) return list;
  return call.fail(`${name} must have ${count} numbers; it has ${list.length}`);
}

/** The windows of a convolution or pooling. */
export function windowsOf(call: Call, kernel: readonly number[]): Windows {
  const space = spaceOf(call);
  if (kernel.length !== space.length) {
    return call.fail(`the kernel has ${kernel.length} axes; the operand has ${space.length}`);
  }
  const stride = perAxis(call, "strides", space.length, 1);
  const dilation = perAxis(call, "dilations", space.length, 1);
  const around = space.map((n, d) => paddingOf(call, d, n, reach(kernel[d], dilation[d]), stride[d]));
  return {
    kernel,
    stride,
    dilation,
    before: around.map(([before]) => before),
    after: around.map(([, after]) => after),
  };
}

function paddingOf(
  call: Call,
  d: number,
  n: number,
  covered: number,
  stride: number,
): readonly [number, number] {
  const auto = call.text("auto_pad", "NOTSET");
  if (auto === "VALID") return [0, 0];
  if (auto === "NOTSET") {
    const count = spaceOf(call).length;
    const pads = perAxis(call, "pads", 2 * count, 0);
    return [pads[d], pads[d + count]];
  }
  // SAME: as many windows as strides fit.
  return halves(auto, (Math.ceil(n / stride) - 1) * stride + covered - n);
}

/** Padding on both sides; the odd element goes to the end (SAME_UPPER) or to the beginning. */
export function halves(auto: string, total: number): readonly [number, number] {
  const less = Math.floor(Math.max(total, 0) / 2);
  const more = Math.max(total, 0) - less;
  return auto === "SAME_UPPER" ? [less, more] : [more, less];
}

/** Adds an optional operand with one number a channel. */
export function withBias(call: Call, index: number, y: Tensor): Tensor {
  if (!call.has(index)) return y;
  return add(
    y,
    reshape(
      call.tensor(index),
      y.shape.map((_, d) => (d === 1 ? -1 : 1)),
    ),
  );
}
