import type { ConvAttributes } from "../../../graph/ops/conv-attributes.js";
import { reshape, transpose } from "../../../graph/ops/reshape.js";
import { concat, pad, slice } from "../../../graph/ops/slice.js";
import { apply, type Tensor } from "../../../graph/tensor.js";

/**
 * The inputs that a convolution multiplies its weights by, one row per output position (im2col), for each group:
 * [batch x places, in / groups x kernel height x kernel width], columns in the order of the weights.
 *
 * @param every stride between the positions used in either direction; default all
 */
export function patchesOf(conv: Tensor, every = 1): Tensor[] {
  const [x, w] = conv.inputs;
  const { padding, dilation, groups, ...attrs } = conv.attrs as unknown as ConvAttributes;
  const stride = attrs.stride.map((s) => s * every);
  const [batch, channels] = x.shape;
  const [height, width] = conv.shape.slice(2).map((size) => Math.ceil(size / every));
  const [, perGroup, kh, kw] = w.shape;
  const [top, left, bottom, right] = padding;
  const padded = pad(x, [
    [0, 0],
    [0, 0],
    [top, bottom],
    [left, right],
  ]);
  const taps: Tensor[] = [];
  for (let a = 0; a < kh; a++) {
    for (let b = 0; b < kw; b++) {
      const starts = [0, 0, a * dilation[0], b * dilation[1]];
      const ends = [
        batch,
        channels,
        starts[2] + (height - 1) * stride[0] + 1,
        starts[3] + (width - 1) * stride[1] + 1,
      ];
      const tap = slice(padded, { starts, ends, steps: [1, 1, ...stride] });
      taps.push(reshape(tap, [batch, channels, 1, height * width]));
    }
  }
  const rows = transpose(concat(taps, { axis: 2 }), [0, 3, 1, 2]);
  const flat = reshape(rows, [batch * height * width, channels * kh * kw]);
  const columns = perGroup * kh * kw;
  return Array.from({ length: groups }, (_, g) =>
    slice(flat, { starts: [0, g * columns], ends: [flat.shape[0], (g + 1) * columns] }),
  );
}

/**
 * The product of a group's patches with q [in / groups x kernel height x kernel width, k], k numbers a place, in any order:
 * a convolution, which needs no patches.
 */
export function patchesTimes(conv: Tensor, group: number, q: Tensor): Tensor {
  const [x, w] = conv.inputs;
  const [, perGroup, kh, kw] = w.shape;
  const channels = slice(x, { starts: [0, group * perGroup], ends: [x.shape[0], (group + 1) * perGroup] });
  const kernels = reshape(transpose(q), [q.shape[1], perGroup, kh, kw]);
  return apply(conv.op, [channels, kernels], { ...conv.attrs, groups: 1 });
}
