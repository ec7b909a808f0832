import type { Shape } from "../../array.js";
import { int, ints, type OnnxEmitter, type OnnxValue, text } from "../onnx-rule.js";
import type { ConvAttributes } from "./conv-attributes.js";

// ONNX Runtime's CPU kernels for convolutions in the blocked layout NCHW[c] (channels in blocks as long as a vector
// register) are up to twice as fast as those on plain images. Its own optimiser uses them for constant weights only;
// here the weights are brought into the layout at every step.

export const blockedDomain = "com.microsoft.nchwc";

/** Output places below which bringing the weights into the layout costs more than it saves. */
const fewestPlaces = 2000;

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

/** How weights [out, in, height, width] become a convolution's kernel. */
interface Kernel {
  /** The convolution's own weight shape. */
  readonly shape: Shape;
  /** Name of the weights as they are needed, plain. */
  plain(): string;
  /** The same in the blocked layout: [out / block, in / block, height, width, in in block, out in block]. */
  blocked(block: number): string;
}

/** The block of channels, where the blocked layout pays. */
export function blockFor(
  { convBlock }: Pick<OnnxEmitter, "convBlock">,
  [outputs, inputs]: Shape,
  [n, , h, w]: Shape,
  { groups }: ConvAttributes,
): number | undefined {
  if (convBlock === undefined || groups !== 1 || n * h * w < fewestPlaces) return undefined;
  return outputs % convBlock === 0 && inputs % convBlock === 0 ? convBlock : undefined;
}

/** Convolution of images x by a kernel, in the blocked layout where it pays. `bias` [out] is optional. */
export function emitConv(
  e: OnnxEmitter,
  x: string,
  kernel: Kernel,
  output: Shape,
  attrs: ConvAttributes,
  bias?: string,
): string {
  const biases = bias === undefined ? [] : [bias];
  const block = blockFor(e, kernel.shape, output, attrs);
  if (block === undefined) {
    return e.emit("Conv", [x, kernel.plain(), ...biases], convGeometry(attrs, kernel.shape));
  }
  const outputs = kernel.shape[0];
  const options = { domain: blockedDomain };
  const result = e.emit(
    "Conv",
    [blockedImages(e, x), kernel.blocked(block), ...biases],
    { ...convGeometry(attrs, kernel.shape), auto_pad: text("NOTSET") },
    options,
  );
  return e.emit("ReorderOutput", [result], { channels: int(outputs), channels_last: int(0) }, options);
}

/** Images in the blocked layout. */
export function blockedImages(e: OnnxEmitter, x: string): string {
  return e.emit("ReorderInput", [x], { channels_last: int(0) }, { domain: blockedDomain });
}

/** The weights as they are. */
export function plainKernel(e: OnnxEmitter, w: string, shape: Shape): Kernel {
  const [outputs, inputs, kh, kw] = shape;
  const taps = kh * kw;
  // Step by step: ONNX Runtime moves single elements well in plain transposes only.
  const blocked = (block: number) => {
    const step = (value: string, split: readonly number[], perm: readonly number[]) =>
      e.emit("Transpose", [e.emit("Reshape", [value, e.indices(split)])], { perm: ints(perm) });
    const turned = step(w, [outputs, inputs * taps], [1, 0]);
    const blocks = step(turned, [inputs * taps, outputs / block, block], [1, 0, 2]);
    const count = (outputs * inputs) / block ** 2;
    const ordered = taps === 1 ? blocks : step(blocks, [count, block, taps, block], [0, 2, 1, 3]);
    return e.emit("Reshape", [ordered, e.indices(shape)]);
  };
  return { shape, plain: () => w, blocked };
}
