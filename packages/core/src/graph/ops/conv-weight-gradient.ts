import { type OnnxEmitter, int, ints } from "../onnx-rule.js";
import type { Tensor } from "../tensor.js";
import type { ConvAttributes } from "./conv.js";

/**
 * ONNX nodes of a convolution's weight gradient, for which ONNX has no operator. Products batched over the images
 * need no transposed copy of images or gradients:
 *
 * dw[:, :, a, b] = sum_n G_n X_n(a, b)',  G_n [out, places], X_n(a, b) the image shifted by the tap [in, places]
 *
 * With few channels the taps are joined to one product, which a small product for each would not fill.
 */
export function emitWeightGradient(
  e: OnnxEmitter,
  [x, g]: readonly string[],
  node: Tensor,
  attrs: ConvAttributes,
): string {
  const { groups } = attrs;
  const [image, gradient] = node.inputs;
  const [n, channels] = image.shape;
  const [, outputs, h, w] = gradient.shape;
  const [, perGroup, kh, kw] = node.shape;
  const shifted = emitTaps(e, x, node, attrs);
  const gradients = e.emit("Reshape", [g, e.indices([n * groups, outputs / groups, h * w])]);
  const flat = (tap: string, rows: number) => e.emit("Reshape", [tap, e.indices([n * groups, rows, h * w])]);
  const addImages = (products: string, columns: number) =>
    e.emit("ReduceSum", [e.emit("Reshape", [products, e.indices([n, outputs, columns])]), e.indices([0])], {
      keepdims: int(0),
    });

  if (channels <= joinedChannels && groups === 1) {
    const columns = shifted.length === 1 ? shifted[0] : e.emit("Concat", shifted, { axis: int(1) });
    const rows = channels * shifted.length;
    const summed = addImages(multiplyTransposed(e, gradients, flat(columns, rows)), rows);
    const taps = e.emit("Reshape", [summed, e.indices([outputs, kh * kw, channels])]);
    const turned = channels === 1 ? taps : e.emit("Transpose", [taps], { perm: ints([0, 2, 1]) });
    return e.emit("Reshape", [turned, e.indices(node.shape)]);
  }
  const summed = shifted.map((tap) => {
    const product = addImages(multiplyTransposed(e, gradients, flat(tap, perGroup)), perGroup);
    return e.emit("Reshape", [product, e.indices([outputs, perGroup, 1])]);
  });
  const joined = summed.length === 1 ? summed[0] : e.emit("Concat", summed, { axis: int(2) });
  return e.emit("Reshape", [joined, e.indices(node.shape)]);
}

/** Up to this many channels the taps are joined to one product. */
const joinedChannels = 4;

/** For each tap of the kernel the part of the padded image that it meets: [n, channels, h, w]. */
function emitTaps(
  e: OnnxEmitter,
  x: string,
  node: Tensor,
  { stride, padding, dilation }: ConvAttributes,
): string[] {
  const [image, gradient] = node.inputs;
  const [, , height, width] = image.shape;
  const [, , h, w] = gradient.shape;
  const [, , kh, kw] = node.shape;
  const [top, left, bottom, right] = padding;
  const padded = padding.some((p) => p > 0)
    ? e.emit("Pad", [x, e.indices([0, 0, top, left, 0, 0, bottom, right]), e.scalar(0, node.dtype)])
    : x;
  const size = [height + top + bottom, width + left + right];
  const taps: string[] = [];
  for (let a = 0; a < kh; a++) {
    for (let b = 0; b < kw; b++) {
      const start = [a * dilation[0], b * dilation[1]];
      const end = [start[0] + (h - 1) * stride[0] + 1, start[1] + (w - 1) * stride[1] + 1];
      const whole = [0, 1].every((d) => start[d] === 0 && end[d] === size[d] && stride[d] === 1);
      taps.push(
        whole
          ? padded
          : e.emit("Slice", [padded, e.indices(start), e.indices(end), e.indices([2, 3]), e.indices(stride)]),
      );
    }
  }
  return taps;
}

function multiplyTransposed(e: OnnxEmitter, a: string, b: string): string {
  if (!e.portable) {
    return e.emit("FusedMatMul", [a, b], { transB: int(1) }, { domain: "com.microsoft" });
  }
  return e.emit("MatMul", [a, e.emit("Transpose", [b], { perm: ints([0, 2, 1]) })]);
}
