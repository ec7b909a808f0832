import { allocate } from "../../array.js";
import { ints, type OnnxEmitter } from "../onnx-rule.js";
import type { Tensor } from "../tensor.js";
import { type ConvAttributes, geometry } from "./conv.js";

/**
 * ONNX nodes of a convolution's gradient with respect to its image: with stride 1 a convolution of the gradient with
 * the mirrored kernel, which runs on all threads; else ConvTranspose, which hardly does.
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
    const mirrored = emitMirrored(e, w, weight);
    return e.emit("Conv", [g, mirrored], {
      ...geometry(attrs, weight.shape),
      pads: ints(pads),
    });
  }
  const extra = [0, 1].map(
    (d) =>
      node.shape[2 + d] -
      ((gradient.shape[2 + d] - 1) * stride[d] + reach[d] + 1 - padding[d] - padding[2 + d]),
  );
  return e.emit("ConvTranspose", [g, w], { ...geometry(attrs, weight.shape), output_padding: ints(extra) });
}

/** [out, in, h, w] to [in, out, h, w] with the taps in reverse order; a product with a permutation reverses them fastest. */
function emitMirrored(e: OnnxEmitter, w: string, { shape, dtype }: Tensor): string {
  return e.shared(`mirrored ${w}`, () => {
    const [out, inputs, kh, kw] = shape;
    const taps = kh * kw;
    const flat = e.emit("Reshape", [w, e.indices([out * inputs, taps])]);
    const reversal = allocate(dtype, taps * taps);
    for (let i = 0; i < taps; i++) reversal[i * taps + taps - 1 - i] = 1;
    const reversed =
      taps === 1 ? flat : e.emit("MatMul", [flat, e.constant({ shape: [taps, taps], data: reversal })]);
    const blocks = e.emit("Reshape", [reversed, e.indices([out, inputs, taps])]);
    const turned = e.emit("Transpose", [blocks], { perm: ints([1, 0, 2]) });
    return [e.emit("Reshape", [turned, e.indices([inputs, out, kh, kw])])];
  })[0];
}
