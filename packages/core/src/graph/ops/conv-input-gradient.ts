import { allocate, type DType, type Shape } from "../../array.js";
import { ints, type OnnxEmitter } from "../onnx-rule.js";
import type { Tensor } from "../tensor.js";
import type { ConvAttributes } from "./conv-attributes.js";
import { convGeometry, emitConv } from "./conv-forward.js";

/**
 * A mirrored convolution is used as long as it unfolds at most this many times the columns of ConvTranspose.
 * Measured on images of 6 to 28 places, 10 to 50 channels, kernels of 3 and 5, one and two threads.
 */
const mostColumns = 2;

/**
 * ONNX nodes of a convolution's gradient with respect to its image. With stride 1 this is a convolution of
 * the gradient with the mirrored kernel, which uses all threads; otherwise ConvTranspose, which hardly does.
 * In the plain layout both are a matrix product preceded by copying its columns, one for each tap, channel
 * and place: the gradient's channels at the image's places, or the image's channels at the gradient's places.
 * A large kernel on a small image needs far more columns for the convolution.
 */
export function emitInputGradient(
  e: OnnxEmitter,
  [g, w]: readonly string[],
  node: Tensor,
  attrs: ConvAttributes,
): string {
  const [gradient, weight] = node.inputs;
  const { stride, padding, dilation } = attrs;
  const [, , kh, kw] = weight.shape;
  const mirrored = mirroredPadding(weight.shape, attrs);
  const unfolded = (gradient.shape[1] * places(node)) / (node.shape[1] * places(gradient));
  if (mirrored !== undefined && unfolded <= mostColumns) {
    const kernel = emitMirrored(e, w, weight);
    return emitConv(e, [g, kernel], mirroredShape(weight.shape), { ...attrs, padding: mirrored });
  }
  const reach = [dilation[0] * (kh - 1), dilation[1] * (kw - 1)];
  const extra = [0, 1].map(
    (d) =>
      node.shape[2 + d] -
      ((gradient.shape[2 + d] - 1) * stride[d] + reach[d] + 1 - padding[d] - padding[2 + d]),
  );
  return e.emit("ConvTranspose", [g, w], {
    ...convGeometry(attrs, weight.shape),
    output_padding: ints(extra),
  });
}

const places = ({ shape }: Tensor): number => shape[2] * shape[3];

/** Padding of the convolution with the mirrored kernel; undefined if the gradient is not such a convolution. */
export function mirroredPadding(
  [, , kh, kw]: Shape,
  { stride, padding, dilation, groups }: ConvAttributes,
): ConvAttributes["padding"] | undefined {
  const reach = [dilation[0] * (kh - 1), dilation[1] * (kw - 1)];
  const pads = padding.map((p, i) => reach[i % 2] - p);
  const fits = stride[0] === 1 && stride[1] === 1 && groups === 1 && pads.every((p) => p >= 0);
  return fits ? (pads as unknown as ConvAttributes["padding"]) : undefined;
}

/** Shape of the mirrored kernel, [in, out, h, w]. */
export const mirroredShape = ([out, inputs, kh, kw]: Shape): Shape => [inputs, out, kh, kw];

/** A permutation matrix: multiplying by it is the fastest way to reverse the taps. */
export function reversal(e: OnnxEmitter, taps: number, dtype: DType): string {
  const data = allocate(dtype, taps * taps);
  for (let i = 0; i < taps; i++) data[i * taps + taps - 1 - i] = 1;
  return e.constant({ shape: [taps, taps], data });
}

/** The kernel [in, out, h, w] with the taps in reverse order. */
function emitMirrored(e: OnnxEmitter, w: string, { shape, dtype }: Tensor): string {
  const [out, inputs, kh, kw] = shape;
  const taps = kh * kw;
  const flat = () => e.emit("Reshape", [w, e.indices([out * inputs, taps])]);
  const reversed = taps === 1 ? w : e.emit("MatMul", [flat(), reversal(e, taps, dtype)]);
  const blocks = e.emit("Reshape", [reversed, e.indices([out, inputs, taps])]);
  const turned = e.emit("Transpose", [blocks], { perm: ints([1, 0, 2]) });
  return e.emit("Reshape", [turned, e.indices(mirroredShape(shape))]);
}
