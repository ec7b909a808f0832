import { astype, ndarray } from "../../array.js";
import { int, ints, type OnnxEmitter } from "../onnx-rule.js";
import type { Tensor } from "../tensor.js";
import type { ConvAttributes } from "./conv-attributes.js";

/** With at most this many channels the taps are joined into one product. */
export const joinedChannels = 4;

/** With fewer multiplications for one tap on one image, a separate product is mostly overhead. */
const fewestMultiplications = 2 ** 15;

/**
 * ONNX nodes of a convolution's weight gradient, for which ONNX has no operator. Each tap of the kernel needs
 * a product of the output's gradient with the image shifted by the tap, summed over images and places:
 *
 * dw[:, :, a, b] = sum_n G_n X_n(a, b)',  G_n [out, places], X_n(a, b) [in, places]
 */
export function emitWeightGradient(
  e: OnnxEmitter,
  [x, g]: readonly string[],
  node: Tensor,
  attrs: ConvAttributes,
): string {
  const { groups } = attrs;
  const [image, gradient] = node.inputs;
  const channels = image.shape[1];
  const [, outputs, h, w] = gradient.shape;
  const products = outputs * channels;
  // Deep layers have more weights than places: one product per image would write more than it reads.
  const isDeep = products > h * w * (outputs + channels);
  const isSmall = channels > joinedChannels && products * h * w < fewestMultiplications;
  if (groups === 1 && (isDeep || isSmall)) return emitAcrossImages(e, x, g, node, attrs);
  return emitPerImage(e, x, g, node, attrs);
}

/** Products batched over the images and then summed: needs no transposed copy of images or gradients. */
function emitPerImage(e: OnnxEmitter, x: string, g: string, node: Tensor, attrs: ConvAttributes): string {
  const { groups } = attrs;
  const [image, gradient] = node.inputs;
  const [n, channels] = image.shape;
  const [, outputs, h, w] = gradient.shape;
  const [, perGroup, kh, kw] = node.shape;
  const shifted = emitTaps(e, x, node, attrs);
  const gradients = e.emit("Reshape", [g, e.indices([n * groups, outputs / groups, h * w])]);
  const flat = (tap: string, rows: number) => e.emit("Reshape", [tap, e.indices([n * groups, rows, h * w])]);
  const product = (a: string, b: string) =>
    e.products([a, b], { a: false, b: true }, { rank: 3, dtype: node.dtype });
  const addImages = (products: string, columns: number) =>
    e.emit("ReduceSum", [e.emit("Reshape", [products, e.indices([n, outputs, columns])]), e.indices([0])], {
      keepdims: int(0),
    });

  if (channels <= joinedChannels && groups === 1) {
    const columns = shifted.length === 1 ? shifted[0] : e.emit("Concat", shifted, { axis: int(1) });
    const rows = channels * shifted.length;
    const summed = addImages(product(gradients, flat(columns, rows)), rows);
    const taps = e.emit("Reshape", [summed, e.indices([outputs, kh * kw, channels])]);
    const turned = channels === 1 ? taps : e.emit("Transpose", [taps], { perm: ints([0, 2, 1]) });
    return e.emit("Reshape", [turned, e.indices(node.shape)]);
  }
  const summed = shifted.map((tap) => addImages(product(gradients, flat(tap, perGroup)), perGroup));
  return joinTaps(e, summed, node);
}

/** One product for all images and taps, with images and gradients as [channels, images x places]. */
function emitAcrossImages(e: OnnxEmitter, x: string, g: string, node: Tensor, attrs: ConvAttributes): string {
  const [image, gradient] = node.inputs;
  const [n, channels] = image.shape;
  const [, outputs, h, w] = gradient.shape;
  const columns = n * h * w;
  const channelsFirst = (t: string) => e.emit("Transpose", [t], { perm: ints([1, 0, 2, 3]) });
  const taps = emitTaps(e, channelsFirst(x), node, attrs).map((tap) =>
    e.emit("Reshape", [tap, e.indices([channels, 1, columns])]),
  );
  // [in, taps, columns]: the product then has the order of the weights.
  const joined = taps.length === 1 ? taps[0] : e.emit("Concat", taps, { axis: int(1) });
  const rows = e.emit("Reshape", [joined, e.indices([channels * taps.length, columns])]);
  const gradients = e.emit("Reshape", [channelsFirst(g), e.indices([outputs, columns])]);
  return e.emit("Reshape", [e.emit("Gemm", [gradients, rows], { transB: int(1) }), e.indices(node.shape)]);
}

/** [out, in] of each tap to [out, in, height, width]. */
function joinTaps(e: OnnxEmitter, taps: readonly string[], node: Tensor): string {
  const [outputs, channels] = node.shape;
  if (taps.length === 1) return e.emit("Reshape", [taps[0], e.indices(node.shape)]);
  const columns = taps.map((tap) => e.emit("Reshape", [tap, e.indices([1, outputs * channels])]));
  const stacked = e.emit("Concat", columns, { axis: int(0) });
  return e.emit("Reshape", [e.emit("Transpose", [stacked], { perm: ints([1, 0]) }), e.indices(node.shape)]);
}

/** For each tap of the kernel, the part of the padded image that it multiplies: n x channels x places. */
function emitTaps(e: OnnxEmitter, x: string, node: Tensor, attrs: ConvAttributes): string[] {
  const [image, gradient] = node.inputs;
  const sameSize = image.shape[2] === gradient.shape[2] && image.shape[3] === gradient.shape[3];
  const dense = attrs.stride.every((s) => s === 1);
  return sameSize && dense ? emitShiftedTaps(e, x, node, attrs) : emitWindows(e, x, node, attrs);
}

/**
 * Taps of a convolution that keeps the image's size. With height and width in one axis, padded by zeros, each
 * tap is a contiguous range, and copying whole images is several times faster than copying their rows.
 * Elements that a horizontal shift would carry over from the previous or next row are set to zero first.
 */
function emitShiftedTaps(
  e: OnnxEmitter,
  x: string,
  node: Tensor,
  { padding, dilation }: ConvAttributes,
): string[] {
  const [image] = node.inputs;
  const [, , height, width] = image.shape;
  const [, , kh, kw] = node.shape;
  const [top, left, bottom, right] = padding;
  const before = top * width + left;
  const length = height * width;
  const flat = e.emit("Reshape", [x, e.indices([0, 0, -1])]);
  const padded =
    before + bottom * width + right > 0
      ? e.emit("Pad", [
          flat,
          e.indices([0, 0, before, 0, 0, bottom * width + right]),
          e.scalar(0, node.dtype),
        ])
      : flat;
  const columns = Array.from({ length: kw }, (_, b) => {
    const shift = b * dilation[1] - left;
    if (shift === 0) return padded;
    const kept = Float64Array.from({ length: before + length + bottom * width + right }, (_, place) => {
      const column = (((place - before) % width) + width) % width;
      return column - shift >= 0 && column - shift < width ? 1 : 0;
    });
    return e.emit("Mul", [padded, e.constant(astype(ndarray(kept, [kept.length]), node.dtype))]);
  });
  const taps: string[] = [];
  for (let a = 0; a < kh; a++) {
    for (let b = 0; b < kw; b++) {
      const start = a * dilation[0] * width + b * dilation[1];
      taps.push(
        start === before && b * dilation[1] === left
          ? flat
          : e.emit("Slice", [columns[b], e.indices([start]), e.indices([start + length]), e.indices([2])]),
      );
    }
  }
  return taps;
}

/** Taps sliced from the padded image row by row: [n, channels, h, w]. */
function emitWindows(
  e: OnnxEmitter,
  x: string,
  node: Tensor,
  { stride, padding, dilation }: ConvAttributes,
): string[] {
  const [, gradient] = node.inputs;
  const [, , h, w] = gradient.shape;
  const [, , kh, kw] = node.shape;
  const [top, left, bottom, right] = padding;
  const padded = padding.some((p) => p > 0)
    ? e.emit("Pad", [x, e.indices([0, 0, top, left, 0, 0, bottom, right]), e.scalar(0, node.dtype)])
    : x;
  const cut = (from: string, axis: number, tap: number, count: number) => {
    const start = tap * dilation[axis - 2];
    const step = stride[axis - 2];
    const bounds = [[start], [start + (count - 1) * step + 1], [axis], [step]];
    return e.emit("Slice", [from, ...bounds.map((each) => e.indices(each))]);
  };
  // Slice columns first: the rest of each row is then adjacent to the next row, and a range of rows is one
  // copy.
  const columns = Array.from({ length: kw }, (_, b) => cut(padded, 3, b, w));
  return Array.from({ length: kh * kw }, (_, tap) => cut(columns[tap % kw], 2, Math.floor(tap / kw), h));
}
