import { type OnnxEmitter, int, ints } from "../onnx-rule.js";
import type { Tensor } from "../tensor.js";
import type { ConvAttributes } from "./conv.js";

/**
 * ONNX nodes of a convolution's weight gradient. ONNX has no operator for it. One matrix product a kernel tap,
 * batched over the images, needs no transposed copy of images or gradients:
 *
 * dw[:, :, a, b] = sum_n G_n X_n(a, b)',  G_n [out, places], X_n(a, b) the image shifted by the tap [in, places]
 */
export function emitWeightGradient(
  e: OnnxEmitter,
  [x, g]: readonly string[],
  node: Tensor,
  { stride, padding, dilation, groups }: ConvAttributes,
): string {
  const [image, gradient] = node.inputs;
  const [n, channels, height, width] = image.shape;
  const [, outputs, h, w] = gradient.shape;
  const [, , kh, kw] = node.shape;
  const [top, left, bottom, right] = padding;
  const padded =
    padding.some((p) => p > 0)
      ? e.emit("Pad", [x, e.indices([0, 0, top, left, 0, 0, bottom, right]), e.scalar(0, node.dtype)])
      : x;
  const places = h * w;
  const gradients = e.emit("Reshape", [g, e.indices([n * groups, outputs / groups, places])]);
  const taps: string[] = [];
  for (let a = 0; a < kh; a++) {
    for (let b = 0; b < kw; b++) {
      const start = [a * dilation[0], b * dilation[1]];
      const end = [start[0] + (h - 1) * stride[0] + 1, start[1] + (w - 1) * stride[1] + 1];
      const whole =
        start[0] === 0 && start[1] === 0 && end[0] === height + top + bottom && end[1] === width + left + right;
      const shifted =
        whole && stride[0] === 1 && stride[1] === 1
          ? padded
          : e.emit("Slice", [padded, e.indices(start), e.indices(end), e.indices([2, 3]), e.indices(stride)]);
      const flat = e.emit("Reshape", [shifted, e.indices([n * groups, channels / groups, places])]);
      taps.push(multiplyTransposed(e, gradients, flat));
    }
  }
  // [n * groups, out / groups, in / groups] for each tap: add up the images, put the taps last.
  const summed = taps.map((tap) => {
    const perImage = e.emit("Reshape", [tap, e.indices([n, outputs, channels / groups, 1])]);
    return e.emit("ReduceSum", [perImage, e.indices([0])], { keepdims: int(0) });
  });
  const joined = summed.length === 1 ? summed[0] : e.emit("Concat", summed, { axis: int(2) });
  return e.emit("Reshape", [joined, e.indices(node.shape)]);
}

function multiplyTransposed(e: OnnxEmitter, a: string, b: string): string {
  if (!e.portable) {
    return e.emit("FusedMatMul", [a, b], { transB: int(1) }, { domain: "com.microsoft" });
  }
  return e.emit("MatMul", [a, e.emit("Transpose", [b], { perm: ints([0, 2, 1]) })]);
}
