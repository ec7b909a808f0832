import { int, ints, text } from "../../../graph/onnx-rule.js";
import type { ConvAttributes } from "../../../graph/ops/conv-attributes.js";
import { joinedChannels } from "../../../graph/ops/conv-weight-gradient.js";
import type { Tensor } from "../../../graph/tensor.js";
import { type BlockEmitter, blockedDomain, blockedImages, fewestPlaces } from "./layout.js";

// A convolution's weight gradient by convolutions in ONNX Runtime's blocked layout, which multiply as fast as the
// convolution itself, sum over all images and need no copies of the image for the vertical taps:
//
// dw[o, c, a, b] = sum_{n, i, q} g_b[n, o, i, q] x[n, c, i + a d - p, q],  g_b[n, o, i, q] = g[n, o, i, q - b d + p]
//
// As a convolution, a block of columns q of an image n is a block of its input channels, rows i and blocks of
// columns are the kernel's places, output channels o are its outputs, and c and a are the column and row of
// its result. There is one convolution for each horizontal tap b: its kernel is g shifted horizontally, or
// its image is x shifted the other way, which several gradients then share. In the blocked layout g already
// has the form of such a kernel. If x has more channels, x is the kernel instead, with rows and columns
// reversed.

/** Largest factor by which padding rows to whole blocks may lengthen them. */
const mostFilling = 1.25;

/** A result with fewer columns is not split further: a kernel computes six at a time. */
const fewestColumns = 12;

/** An image with at least this many uses is shifted instead of the gradients, each of which is used once. */
const severalUses = 4;

/** One of the two tensors that are multiplied. */
interface Side {
  readonly name: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

interface Plan {
  /** The operand that becomes the kernel, in blocks of channels. */
  readonly kernel: Side;
  /** The operand that becomes the image. */
  readonly image: Side;
  /** Whether x is the kernel: the result's taps are then reversed. */
  readonly isReversed: boolean;
  /** Columns of both, padded to whole blocks. */
  readonly columns: number;
  /** Number of columns by which the kernel shifts right, or the image left, for each result. */
  readonly shifts: readonly number[];
  readonly moved: "kernel" | "image";
  /** Rows of zeros above and below the image. */
  readonly rows: readonly [number, number];
}

function plan(
  block: number,
  { kernel, image, isReversed, moved }: Pick<Plan, "kernel" | "image" | "isReversed" | "moved">,
  node: Tensor,
): Plan | undefined {
  const { padding, dilation } = node.attrs as unknown as ConvAttributes;
  const [top, left, bottom] = padding;
  const [, , kh, kw] = node.shape;
  const reach = [dilation[0] * (kh - 1), dilation[1] * (kw - 1)];
  const { width } = moved === "kernel" ? image : kernel;
  const columns = Math.ceil(width / block) * block;
  const shifts = Array.from(
    { length: kw },
    (_, b) => b * dilation[1] - (isReversed ? reach[1] - left : left),
  );
  const rows = isReversed ? ([reach[0] - top, reach[0] - bottom] as const) : ([top, bottom] as const);
  const fits =
    kernel.channels % block === 0 &&
    columns <= mostFilling * width &&
    rows.every((r) => r >= 0) &&
    // Every tap overlaps the image.
    shifts.every((shift) => shift < image.width && -shift < kernel.width);
  return fits ? { kernel, image, isReversed, columns, shifts, moved, rows } : undefined;
}

/** The nodes of a weight gradient in the blocked layout; undefined if the layout does not fit or is not faster. */
export function emitBlockedWeightGradient(
  e: BlockEmitter,
  [x, g]: readonly string[],
  node: Tensor,
  { stride, groups, dilation }: ConvAttributes,
): string | undefined {
  const block = e.convBlock;
  const [images, gradients] = node.inputs.map(({ shape }) => shape);
  const [n, , h, w] = gradients;
  // With fewer channels a product of joined taps is faster.
  if (images[1] <= joinedChannels) return undefined;
  if (!block || groups !== 1 || stride.some((s) => s !== 1) || n * h * w < fewestPlaces) return undefined;
  const side = (name: string, [, channels, height, width]: readonly number[]): Side => ({
    name,
    channels,
    height,
    width,
  });
  const [image, gradient] = [side(x, images), side(g, gradients)];
  const moved = e.uses(node.inputs[0]) >= severalUses ? "image" : "kernel";
  const forward = plan(block, { kernel: gradient, image, isReversed: false, moved }, node);
  const reverse = plan(block, { kernel: image, image: gradient, isReversed: true, moved: "kernel" }, node);
  // A kernel is fully used with four blocks of channels at a time.
  const used = (p: Plan | undefined) => (p ? Math.min(p.kernel.channels, 4 * block) : 0);
  const chosen = used(reverse) > used(forward) ? reverse : forward;
  return chosen && emitPlan(e, chosen, node, n, block, dilation[0]);
}

function emitPlan(e: BlockEmitter, p: Plan, node: Tensor, n: number, block: number, step: number): string {
  const { kernel, image, isReversed, columns, shifts, moved, rows } = p;
  const [, , kh, kw] = node.shape;
  const blocks = columns / block;
  const outputs = kernel.channels / block;
  const parts = splits(image.channels);
  const width = image.channels / parts;
  const zero = e.scalar(0, node.dtype);
  const reshape = (value: string, shape: readonly number[]) => e.emit("Reshape", [value, e.indices(shape)]);
  const transpose = (value: string, perm: readonly number[]) =>
    e.emit("Transpose", [value], { perm: ints(perm) });
  /** Pads the last axes with zeros before and after; negative counts crop. */
  const padded = (value: string, axes: number, before: number, behind: number) => {
    const others = new Array(axes - 1).fill(0);
    const pads = e.indices([...others, before, ...others, behind]);
    return before === 0 && behind === 0 ? value : e.emit("Pad", [value, pads, zero]);
  };

  const imageMoved = (shift: number) => {
    const filled = padded(image.name, 4, -shift, columns - image.width + shift);
    const cut = reshape(filled, [n, parts, width, image.height * blocks, block]);
    return reshape(transpose(cut, [1, 0, 3, 2, 4]), [parts, n * block, image.height, blocks * width]);
  };
  const kernelBlocks = reshape(blockedImages(e, kernel.name), [n, outputs, -1]);
  const perOutput = n === 1 || outputs === 1 ? kernelBlocks : transpose(kernelBlocks, [1, 0, 2]);
  const rowsOfKernel = reshape(perOutput, [outputs * n, kernel.height, kernel.width * block]);
  const kernelMoved = (shift: number) => {
    const filled = padded(rowsOfKernel, 3, shift * block, (columns - kernel.width - shift) * block);
    return reshape(filled, [kernel.channels, n * block, kernel.height, blocks]);
  };
  const results = shifts.map((shift) => {
    const operands = [imageMoved(moved === "image" ? shift : 0), kernelMoved(moved === "kernel" ? shift : 0)];
    const result = e.emit(
      "Conv",
      operands,
      {
        kernel_shape: ints([kernel.height, blocks]),
        strides: ints([step, 1]),
        pads: ints([rows[0], 0, rows[1], 0]),
        dilations: ints([1, width]),
        group: int(1),
        auto_pad: text("NOTSET"),
      },
      { domain: blockedDomain },
    );
    return reshape(result, [1, parts, outputs, kh, width, block]);
  });
  const inOrder = isReversed ? results.reverse() : results;
  const joined = kw === 1 ? inOrder[0] : e.emit("Concat", inOrder, { axis: int(0) });
  // [kw, image parts, kernel blocks, kh, image channels, kernel channels] to [out, in, kh, kw].
  const perm = isReversed ? [1, 4, 2, 5, 3, 0] : [2, 5, 1, 4, 3, 0];
  const upright =
    isReversed && kh > 1
      ? e.emit("Gather", [joined, e.indices(Array.from({ length: kh }, (_, a) => kh - 1 - a))], {
          axis: int(3),
        })
      : joined;
  return reshape(transpose(upright, perm), node.shape);
}

/** Number of parts into which the channels along a result's columns are split, so that all threads have work. */
function splits(channels: number): number {
  let parts = 1;
  while (channels % (2 * parts) === 0 && channels / (2 * parts) >= fewestColumns) parts *= 2;
  return parts;
}
