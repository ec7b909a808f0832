import { add } from "../../../graph/ops/arithmetic.js";
import { conv2d, convTranspose2d } from "../../../graph/ops/conv.js";
import { windowLength } from "../../../graph/ops/conv-attributes.js";
import { avgPool2d, maxPool2d, type PoolOptions } from "../../../graph/ops/pool.js";
import { max, mean } from "../../../graph/ops/reduce.js";
import { expandDims, reshape } from "../../../graph/ops/reshape.js";
import type { Tensor } from "../../../graph/tensor.js";
import type { Call, Operator } from "../call.js";

type Two = readonly [number, number];
type Four = readonly [number, number, number, number];

interface Geometry {
  readonly stride: Two;
  readonly dilation: Two;
  /** Top, left, bottom, right. */
  readonly padding: Four;
}

/** An operand as images [batch, channels, height, width]: a sequence becomes an image of height 1. */
function images(call: Call): Tensor {
  const x = call.tensor(0);
  if (x.rank === 4) return x;
  if (x.rank === 3) return expandDims(x, 2);
  return call.fail(`sequences and images of one batch axis are supported, not ${x.rank - 2} axes of space`);
}

/** A result with the operand's number of axes. */
const like = (x: Tensor, y: Tensor): Tensor =>
  x.rank === 4 ? y : reshape(y, [y.shape[0], y.shape[1], y.shape[3]]);

const kernelOf = (w: Tensor): Tensor => (w.rank === 3 ? expandDims(w, 2) : w);

const padTwo = (list: readonly number[], first: number): Two =>
  list.length === 1 ? [first, list[0]] : [list[0], list[1]];

function geometry(call: Call, image: Tensor, kernel: Two): Geometry {
  const stride = padTwo(call.ints("strides") ?? [1, 1], 1);
  const dilation = padTwo(call.ints("dilations") ?? [1, 1], 1);
  const window = { stride, dilation };
  return { ...window, padding: paddingOf(call, image, kernel, window) };
}

function paddingOf(
  call: Call,
  image: Tensor,
  kernel: Two,
  { stride, dilation }: Omit<Geometry, "padding">,
): Four {
  const auto = call.text("auto_pad", "NOTSET");
  if (auto === "VALID") return [0, 0, 0, 0];
  if (auto === "NOTSET") {
    const pads = call.ints("pads") ?? [0, 0, 0, 0];
    return pads.length === 2 ? [0, pads[0], 0, pads[1]] : (pads as unknown as Four);
  }
  // SAME: as many windows as strides fit; the odd zero goes to the end (UPPER) or to the beginning (LOWER).
  const around = [0, 1].map((d) => {
    const n = image.shape[2 + d];
    const needed = (Math.ceil(n / stride[d]) - 1) * stride[d] + dilation[d] * (kernel[d] - 1) + 1 - n;
    const less = Math.floor(Math.max(needed, 0) / 2);
    const more = Math.max(needed, 0) - less;
    return auto === "SAME_UPPER" ? [less, more] : [more, less];
  });
  return [around[0][0], around[1][0], around[0][1], around[1][1]];
}

function withBias(call: Call, y: Tensor): Tensor {
  return call.has(2) ? add(y, reshape(call.tensor(2), [1, y.shape[1], 1, 1])) : y;
}

function conv(call: Call): Tensor {
  const x = images(call);
  const w = kernelOf(call.tensor(1));
  const options = geometry(call, x, [w.shape[2], w.shape[3]]);
  return like(call.tensor(0), withBias(call, conv2d(x, w, { ...options, groups: call.int("group", 1) })));
}

function convTranspose(call: Call): Tensor {
  if (call.text("auto_pad", "NOTSET") !== "NOTSET" || call.ints("output_shape")) {
    return call.fail("padding must be given by `pads` and `output_padding`, not by an output shape");
  }
  const x = images(call);
  const w = kernelOf(call.tensor(1));
  const y = convTranspose2d(x, w, {
    ...geometry(call, x, [w.shape[2], w.shape[3]]),
    groups: call.int("group", 1),
    outputPadding: padTwo(call.ints("output_padding") ?? [0, 0], 0),
  });
  return like(call.tensor(0), withBias(call, y));
}

/** A pooling by windows. */
function pool(call: Call, f: (x: Tensor, options: PoolOptions) => Tensor): Tensor {
  const x = images(call);
  const kernel = padTwo(call.ints("kernel_shape") ?? call.fail("there is no kernel_shape"), 1);
  const options = geometry(call, x, kernel);
  if (call.int("ceil_mode", 0) === 1) requireWholeWindows(call, x, kernel, options);
  return like(call.tensor(0), f(x, { kernel, ...options }));
}

/** Rounding the number of windows up is supported only if it has no effect. */
function requireWholeWindows(
  call: Call,
  x: Tensor,
  kernel: Two,
  { stride, padding, dilation }: Geometry,
): void {
  for (const d of [0, 1]) {
    const sizes = [kernel[d], stride[d], padding[d], padding[2 + d], dilation[d]] as const;
    const n = x.shape[2 + d];
    const count = windowLength(n, ...sizes);
    const covered = (count - 1) * stride[d] + dilation[d] * (kernel[d] - 1) + 1;
    if (covered < n + padding[d] + padding[2 + d]) {
      call.fail("ceil_mode would add windows that reach over the edge, which is not supported");
    }
  }
}

/** Pools over all pixels of a channel. */
const overPixels =
  (f: typeof mean): Operator =>
  (call) => {
    const x = call.tensor(0);
    return f(x, { axes: x.shape.flatMap((_, d) => (d < 2 ? [] : [d])), keepDims: true });
  };

export const windows: Readonly<Record<string, Operator>> = {
  AveragePool: (call) =>
    pool(call, (x, options) =>
      avgPool2d(x, { ...options, countPadding: call.int("count_include_pad", 0) === 1 }),
    ),
  Conv: conv,
  ConvTranspose: convTranspose,
  GlobalAveragePool: overPixels(mean),
  GlobalMaxPool: overPixels(max),
  MaxPool: (call) => pool(call, maxPool2d),
};
