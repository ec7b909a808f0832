// Windows over sequences are windows over images of height 1, as one set of kernels serves both.
import { describeValue, OptionError, ShapeError } from "../../errors.js";
import { requireKnown } from "../../options.js";
import { formatShape, requireTensor, type Tensor } from "../tensor.js";
import { conv2d } from "./conv.js";
import { avgPool2d, maxPool2d } from "./pool.js";
import { expandDims, reshape } from "./reshape.js";

export interface Window1dOptions {
  readonly stride?: number | undefined;
  /** Zeros around the sequence: a number, or [before, after]; default 0. */
  readonly padding?: number | readonly [number, number] | undefined;
  readonly dilation?: number | undefined;
}

export interface Conv1dOptions extends Window1dOptions {
  /** Number of groups of channels that are convolved separately; default 1. */
  readonly groups?: number | undefined;
}

export interface Pool1dOptions extends Window1dOptions {
  /** Length of the window. */
  readonly kernel: number;
}

const windowOptions = ["stride", "padding", "dilation"] as const;
export const conv1dOptions = [...windowOptions, "groups"] as const;
const pool1dOptions = ["kernel", ...windowOptions] as const;

/** The window over an image of height 1. */
function onImage(op: string, { stride, padding = 0, dilation }: Window1dOptions) {
  const both = typeof padding === "number" ? [padding, padding] : padding;
  const [before, after] = Array.isArray(both) && both.length === 2 ? both : [Number.NaN];
  const integers: readonly (readonly [string, number | undefined, number])[] = [
    ["stride", stride, 1],
    ["padding", before, 0],
    ["padding", after, 0],
    ["dilation", dilation, 1],
  ];
  for (const [name, value, least] of integers) {
    if (value === undefined || (Number.isInteger(value) && value >= least)) continue;
    const two = name === "padding" ? " or two, [before, after]" : "";
    throw new OptionError(
      `${op}: ${name} must be an integer >= ${least}${two}; got ${name} ${describeValue(name === "padding" ? padding : value)}.`,
    );
  }
  return {
    ...(stride === undefined ? {} : { stride: [1, stride] as const }),
    padding: [0, before, 0, after] as const,
    ...(dilation === undefined ? {} : { dilation: [1, dilation] as const }),
  };
}

function asImage(op: string, x: Tensor): Tensor {
  requireTensor(op, x);
  if (x.rank === 3) return expandDims(x, 2);
  throw new ShapeError(`${op} takes sequences [batch, channels, length]; got ${formatShape(x.shape)}.`);
}

const asSequence = (y: Tensor): Tensor => reshape(y, [y.shape[0], y.shape[1], y.shape[3]]);

/**
 * One-dimensional convolution (cross-correlation, as in PyTorch): y[n, o, t] = sum over c, k of
 * w[o, c, k] x[n, c, stride t + dilation k - padding].
 *
 * @param x sequences [batch, in, length]
 * @param w weights [out, in / groups, kernel]
 * @returns [batch, out, floor((length + padding - dilation (kernel - 1) - 1) / stride) + 1], with the padding of both ends
 * @throws ShapeError when shapes do not fit, OptionError for a wrong window
 */
export function conv1d(x: Tensor, w: Tensor, options: Conv1dOptions = {}): Tensor {
  requireKnown("conv1d", options, conv1dOptions, "conv1d(x, w, { stride: 2, padding: 1 })");
  requireTensor("conv1d", w);
  if (w.rank !== 3) {
    throw new ShapeError(`conv1d takes weights [out, in / groups, kernel]; got ${formatShape(w.shape)}.`);
  }
  const { groups, ...window } = options;
  return asSequence(conv2d(asImage("conv1d", x), expandDims(w, 2), { ...onImage("conv1d", window), groups }));
}

/**
 * Largest element of each window of a sequence. The gradient goes to the first largest element, as in PyTorch.
 *
 * @param x sequences [batch, channels, length]
 * @param options `kernel`; `stride` (default: the kernel), `padding`, `dilation`
 */
export function maxPool1d(x: Tensor, options: Pool1dOptions): Tensor {
  return pool1d("maxPool1d", x, options, maxPool2d);
}

/**
 * Mean of each window of a sequence; padding counts as zeros.
 *
 * @param options as {@link maxPool1d}
 */
export function avgPool1d(x: Tensor, options: Pool1dOptions): Tensor {
  return pool1d("avgPool1d", x, options, avgPool2d);
}

function pool1d(op: string, x: Tensor, options: Pool1dOptions, pool: typeof maxPool2d): Tensor {
  requireKnown(op, options, pool1dOptions, `${op}(x, { kernel: 2 })`);
  const { kernel, stride = kernel, ...rest } = options;
  if (!Number.isInteger(kernel) || kernel < 1) {
    throw new OptionError(`${op}: kernel must be an integer >= 1; got ${describeValue(kernel)}.`);
  }
  return asSequence(pool(asImage(op, x), { kernel: [1, kernel], ...onImage(op, { stride, ...rest }) }));
}
