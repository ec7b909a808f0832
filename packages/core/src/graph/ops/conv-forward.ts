import type { Shape } from "../../array.js";
import { int, ints, type OnnxEmitter, type OnnxValue, text } from "../onnx-rule.js";
import type { ConvAttributes } from "./conv.js";

// ONNX Runtime's CPU kernels for convolutions in the blocked layout NCHW[c] (channels in blocks as long as a vector
// register) are up to twice as fast as those on plain images. Its own optimiser uses them for constant weights only;
// here the weights are brought into the layout at every step.

const blockedDomain = "com.microsoft.nchwc";

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
  /** A name for them, and where out, in and taps are: axes of a tensor that holds the taps last. */
  readonly source: { readonly key: string; name(): string; readonly isSwapped: boolean };
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
  const [outputs, inputs, kh, kw] = kernel.shape;
  const [n, , h, w] = output;
  const biases = bias === undefined ? [] : [bias];
  const block = e.convBlock;
  const pays =
    block !== undefined &&
    attrs.groups === 1 &&
    outputs % block === 0 &&
    inputs % block === 0 &&
    n * h * w >= fewestPlaces;
  if (!pays) return e.emit("Conv", [x, kernel.plain(), ...biases], convGeometry(attrs, kernel.shape));

  const { source } = kernel;
  const weights = e.shared(`blocked ${source.key}`, () => {
    const [first, second] = source.isSwapped ? [inputs, outputs] : [outputs, inputs];
    const split = [first / block, block, second / block, block, kh * kw];
    const blocks = e.emit("Reshape", [source.name(), e.indices(split)]);
    const perm = source.isSwapped ? [2, 0, 4, 1, 3] : [0, 2, 4, 3, 1];
    const turned = e.emit("Transpose", [blocks], { perm: ints(perm) });
    return [e.emit("Reshape", [turned, e.indices(kernel.shape)])];
  })[0];
  const options = { domain: blockedDomain };
  const images = e.shared(`blocked ${x}`, () => [
    e.emit("ReorderInput", [x], { channels_last: int(0) }, options),
  ])[0];
  const result = e.emit(
    "Conv",
    [images, weights, ...biases],
    { ...convGeometry(attrs, kernel.shape), auto_pad: text("NOTSET") },
    options,
  );
  return e.emit("ReorderOutput", [result], { channels: int(outputs), channels_last: int(0) }, options);
}

/** The weights as they are. */
export function plainKernel(w: string, shape: Shape): Kernel {
  return { shape, plain: () => w, source: { key: w, name: () => w, isSwapped: false } };
}
