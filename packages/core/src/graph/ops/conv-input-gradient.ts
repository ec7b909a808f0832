import { allocate } from "../../array.js";
import { int, ints, type OnnxEmitter } from "../onnx-rule.js";
import type { Tensor } from "../tensor.js";
import type { ConvAttributes } from "./conv-attributes.js";
import { blockFor, convGeometry, emitConv } from "./conv-forward.js";

/**
 * How many times the columns of ConvTranspose a mirrored convolution may unfold and still be as fast: measured on images of
 * 6 to 28 places, 10 to 50 channels, kernels of 3 and 5, one and two threads.
 */
const mostColumns = 2;

/**
 * ONNX nodes of a convolution's gradient with respect to its image: with stride 1 a convolution of the gradient with
 * the mirrored kernel, which runs on all threads; else ConvTranspose, which hardly does. In the plain layout both are a
 * matrix product and the copying of its columns, one a tap, channel and place: of the gradient's channels at the image's
 * places, or of the image's channels at the gradient's places. A large kernel on a small image has far more of the former.
 */
export function emitInputGradient(
  e: OnnxEmitter,
  [g, w]: readonly string[],
  node: Tensor,
  attrs: ConvAttributes,
): string {
  const [gradient, weight] = node.inputs;
  const { stride, padding, dilation, groups } = attrs;
  const [, , kh, kw] = weight.shape;
  const reach = [dilation[0] * (kh - 1), dilation[1] * (kw - 1)];
  const pads = padding.map((p, i) => reach[i % 2] - p);
  if (stride[0] === 1 && stride[1] === 1 && groups === 1 && pads.every((p) => p >= 0)) {
    const mirrored = { ...attrs, padding: pads as unknown as ConvAttributes["padding"] };
    const kernel = mirroredKernel(e, w, weight);
    const unfolded = (gradient.shape[1] * places(node)) / (node.shape[1] * places(gradient));
    if (unfolded <= mostColumns || blockFor(e, kernel.shape, node.shape, mirrored) !== undefined) {
      return emitConv(e, g, kernel, node.shape, mirrored);
    }
  }
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

/** The kernel [in, out, h, w] with the taps in reverse order. */
function mirroredKernel(e: OnnxEmitter, w: string, { shape, dtype }: Tensor): Parameters<typeof emitConv>[2] {
  const [out, inputs, kh, kw] = shape;
  const taps = kh * kw;
  const mirrored = [inputs, out, kh, kw];
  const flat = () => e.emit("Reshape", [w, e.indices([out * inputs, taps])]);
  // A product with this permutation reverses the taps fastest.
  const reversal = () => {
    const data = allocate(dtype, taps * taps);
    for (let i = 0; i < taps; i++) data[i * taps + taps - 1 - i] = 1;
    return e.constant({ shape: [taps, taps], data });
  };
  const plain = () => {
    const reversed = taps === 1 ? w : e.emit("MatMul", [flat(), reversal()]);
    const blocks = e.emit("Reshape", [reversed, e.indices([out, inputs, taps])]);
    const turned = e.emit("Transpose", [blocks], { perm: ints([1, 0, 2]) });
    return e.emit("Reshape", [turned, e.indices(mirrored)]);
  };
  const blocked = (block: number) => {
    // [taps, out, in]: the elements of a block then move together.
    const reversed = taps === 1 ? w : e.emit("Gemm", [reversal(), flat()], { transB: int(1) });
    const split = e.indices([taps, out / block, block, inputs / block, block]);
    const turned = e.emit("Transpose", [e.emit("Reshape", [reversed, split])], {
      perm: ints([3, 1, 0, 2, 4]),
    });
    return e.emit("Reshape", [turned, e.indices(mirrored)]);
  };
  return { shape: mirrored, plain, blocked };
}
