import type { Shape } from "../../array.js";
import { int, ints, type OnnxEmitter, type OnnxValue } from "../onnx-rule.js";
import type { ConvAttributes } from "./conv-attributes.js";

export function convGeometry(
  { stride, padding, dilation, groups }: ConvAttributes,
  kernel: Shape,
): Record<string, OnnxValue> {
  return {
    kernel_shape: ints(kernel.slice(2)),
    strides: ints(stride),
    pads: ints(padding),
    dilations: ints(dilation),
    group: int(groups),
  };
}

/** Convolution of images by weights of shape `kernel`, with an optional bias [out]: the operands in this order. */
export function emitConv(
  e: OnnxEmitter,
  operands: readonly string[],
  kernel: Shape,
  attrs: ConvAttributes,
): string {
  return e.emit("Conv", operands, convGeometry(attrs, kernel));
}
