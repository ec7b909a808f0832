import type { Shape } from "../../../array.js";
import { int, ints, type OnnxEmitter, text } from "../../../graph/onnx-rule.js";
import type { ConvAttributes } from "../../../graph/ops/conv-attributes.js";
import { convGeometry } from "../../../graph/ops/conv-forward.js";
import type { Tensor } from "../../../graph/tensor.js";

// ONNX Runtime's CPU kernels for convolutions in the blocked layout NCHW[c] (channels in blocks as long as a vector
// register) are up to twice as fast as those on plain images. Its own optimizer uses them for constant weights only;
// here the weights are converted to the layout at every step.

export const blockedDomain = "com.microsoft.nchwc";

/** With fewer places in all images, converting operands to the layout costs more than it saves. */
export const fewestPlaces = 2000;

/** The interface through which rules of the layout emit nodes. */
export interface BlockEmitter extends OnnxEmitter {
  /** Channels of a block; undefined if the layout must not be used. */
  readonly convBlock: number | undefined;
  /** How many nodes and outputs use a tensor. */
  uses(tensor: Tensor): number;
}

/** The number of channels of a block; undefined if the blocked layout is not faster. */
export function blockFor(
  block: number | undefined,
  [outputs, inputs]: Shape,
  [n, , h, w]: Shape,
  { groups }: ConvAttributes,
): number | undefined {
  if (block === undefined || groups !== 1 || n * h * w < fewestPlaces) return undefined;
  return outputs % block === 0 && inputs % block === 0 ? block : undefined;
}

/** Images in the blocked layout. */
export function blockedImages(e: OnnxEmitter, x: string): string {
  return e.emit("ReorderInput", [x], { channels_last: int(0) }, { domain: blockedDomain });
}

/**
 * Convolution of plain images to plain images, computed in the layout.
 *
 * @param kernel emits the weights as [out / block, in / block, height, width, in in block, out in block]
 * @param shape of the plain weights [out, in, height, width]
 */
export function emitBlockedConv(
  e: OnnxEmitter,
  x: string,
  kernel: () => string,
  shape: Shape,
  attrs: ConvAttributes,
  bias?: string,
): string {
  const options = { domain: blockedDomain };
  const result = e.emit(
    "Conv",
    [blockedImages(e, x), kernel(), ...(bias === undefined ? [] : [bias])],
    { ...convGeometry(attrs, shape), auto_pad: text("NOTSET") },
    options,
  );
  return e.emit("ReorderOutput", [result], { channels: int(shape[0]), channels_last: int(0) }, options);
}

/** Weights [out, in, height, width] in the layout. */
export function blockedWeights(e: OnnxEmitter, w: string, shape: Shape, block: number): string {
  const [outputs, inputs, kh, kw] = shape;
  const taps = kh * kw;
  // In several steps: ONNX Runtime moves single elements fast only in plain transposes.
  const step = (value: string, split: readonly number[], perm: readonly number[]) =>
    e.emit("Transpose", [e.emit("Reshape", [value, e.indices(split)])], { perm: ints(perm) });
  const turned = step(w, [outputs, inputs * taps], [1, 0]);
  const blocks = step(turned, [inputs * taps, outputs / block, block], [1, 0, 2]);
  const count = (outputs * inputs) / block ** 2;
  const ordered = taps === 1 ? blocks : step(blocks, [count, block, taps, block], [0, 2, 1, 3]);
  return e.emit("Reshape", [ordered, e.indices(shape)]);
}
