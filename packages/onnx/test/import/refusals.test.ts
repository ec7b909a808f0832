// Nodes that are used in a way that is not supported.

import { DataError, type NdArray } from "isoloss";
import { int, type OnnxNode, string } from "isoloss/internal";
import { type Arrays, fileOf, float32, int64, node, runImported } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { ints } from "../../../core/src/runtime/onnx/schema.js";

const zeros = (shape: readonly number[]): NdArray =>
  float32(Array<number>(shape.reduce((a, b) => a * b, 1)).fill(0), shape);
const image = zeros([1, 4, 5, 6]);
const kernel = { kernel_shape: ints([2, 2]) };

interface Refusal {
  readonly node: OnnxNode;
  readonly message: RegExp;
  readonly inputs?: Arrays;
  readonly initializers?: Arrays;
}

const refusals: Readonly<Record<string, Refusal>> = {
  "an unknown mode of a Resize": {
    node: node("Resize", ["x", "", "", "sizes"], { mode: string("area") }),
    initializers: { sizes: int64([1, 4, 2, 2]) },
    message:
      /Resize "y" of \[1, 4, 5, 6\], none, none, \[4\]: the mode must be nearest, linear or cubic; it is "area"/,
  },
  "a Resize without sizes": {
    node: node("Resize", ["x"]),
    message: /there are no scales and no sizes/,
  },
  "scales for other axes than a Resize has": {
    node: node("Resize", ["x", "", "scales"], { axes: ints([2]) }),
    initializers: { scales: float32([1, 2]) },
    message: /there are 2 scales or sizes for 1 axes/,
  },
  "a kernel of other axes than the operand": {
    node: node("MaxPool", ["x"], { kernel_shape: ints([2]) }),
    message: /the kernel has 1 axes; the operand has 2/,
  },
  "strides for other axes": {
    node: node("MaxPool", ["x"], { ...kernel, strides: ints([2]) }),
    message: /strides must have 2 numbers; it has 1/,
  },
  "padding as large as the window": {
    node: node("AveragePool", ["x"], { ...kernel, pads: ints([2, 0, 0, 0]) }),
    message: /the padding must be smaller than the window/,
  },
  "pooling without axes of space": {
    node: node("LpPool", ["v"], kernel),
    inputs: { v: zeros([2, 3]) },
    message: /\[batch, channels, ...\] with one axis of space or more, not \[2, 3\]/,
  },
  "unpooling of windows that overlap": {
    node: node("MaxUnpool", ["x", "places"], { kernel_shape: ints([2, 2]), strides: ints([1, 2]) }),
    initializers: { places: { shape: image.shape, data: new BigInt64Array(120) } },
    message: /windows that overlap are not supported: several elements could have one place/,
  },
  "channels that are no blocks": {
    node: node("DepthToSpace", ["x"], { blocksize: int(3) }),
    message: /the 4 channels must be a multiple of the block's 9 pixels/,
  },
  "pixels that are no blocks": {
    node: node("SpaceToDepth", ["x"], { blocksize: int(2) }),
    message: /height and width must be multiples of the blocksize 2/,
  },
  "repetition of nothing": {
    node: node("Pad", ["e", "pads"], { mode: string("edge") }),
    inputs: { e: zeros([2, 0]) },
    initializers: { pads: int64([0, 1, 0, 0]) },
    message: /axis 1 is empty: there is nothing to repeat/,
  },
  "scales of neither channels nor groups": {
    node: node("GroupNormalization", ["x", "c", "c"], { num_groups: int(2) }),
    initializers: { c: zeros([3]) },
    message: /one number a channel or a group; they have 3/,
  },
  "a grid of other axes than the images": {
    node: node("GridSample", ["x", "grid"]),
    inputs: { x: image, grid: zeros([1, 2, 2, 3]) },
    message: /the grid must be \[1, ..., 2\], with as many axes as the images/,
  },
  "an unknown padding of a GridSample": {
    node: node("GridSample", ["x", "grid"], { padding_mode: string("wrap") }),
    inputs: { x: image, grid: zeros([1, 2, 2, 2]) },
    message: /padding_mode must be zeros, border or reflection; it is wrap/,
  },
  "boxes that decide how many points they have": {
    node: node("RoiAlign", ["x", "boxes", "images"]),
    inputs: { x: image, boxes: zeros([1, 4]) },
    initializers: { images: int64([0]) },
    message: /operand 1 \(boxes\) depends on inputs or parameters; it must be known/,
  },
  "blocks that do not fit an image": {
    node: node("Col2Im", ["c", "image", "block"]),
    inputs: { c: zeros([1, 4, 5]) },
    initializers: { image: int64([3, 3]), block: int64([2, 2]) },
    message: /it takes \[batch, channels \* 4, 4\] for this image and block/,
  },
  "offsets of another shape": {
    node: node("DeformConv", ["x", "w", "offsets"]),
    inputs: { x: image, w: zeros([1, 4, 2, 2]), offsets: zeros([1, 8, 5, 5]) },
    message: /the offsets must be \[1, 8, 4, 5\]; they are \[1, 8, 5, 5\]/,
  },
};

describe("a model is refused for", () => {
  it.each(Object.entries(refusals))("%s", (_, { node, message, inputs = { x: image }, initializers }) => {
    const bytes = fileOf({ inputs, nodes: [node], ...(initializers ? { initializers } : {}) });
    const run = () => runImported(bytes, inputs);
    expect(run).toThrow(DataError);
    expect(run).toThrow(message);
  });
});
