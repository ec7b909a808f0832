// J. Dai et al., "Deformable Convolutional Networks", ICCV 2017; the mask: X. Zhu et al., CVPR 2019.

import type { Tensor } from "isoloss";
import { sizeOf } from "isoloss";
import { formatShape, windowLength } from "isoloss/internal";
import { add, constant, matmul, mul, reshape, sum, transpose } from "isoloss/ops";
import type { Call } from "../../call.js";
import { along, integers, range } from "../axes.js";
import { schemes, weighted, zeros } from "../images/sampling.js";
import { spaceOf, windowsOf, withBias } from "./geometry.js";

/** A convolution whose windows read interpolated values at places that are moved by offsets. */
export function deformConv(call: Call): Tensor {
  const [x, w, offset] = [0, 1, 2].map((i) => call.tensor(i));
  const [batch, channels, ...space] = x.shape;
  const { kernel, stride, dilation, before, after } = windowsOf(call, spaceOf(call, w));
  const outer = space.map((n, d) => windowLength(n, kernel[d], stride[d], before[d], after[d], dilation[d]));
  const [groups, parts] = [call.int("group", 1), call.int("offset_group", 1)];
  const [reads, windows, rank] = [sizeOf(kernel), sizeOf(outer), space.length];
  const expected = [batch, parts * reads * rank, ...outer];
  if (String(offset.shape) !== String(expected)) {
    return call.fail(`the offsets must be ${formatShape(expected)}; they are ${formatShape(offset.shape)}`);
  }
  const rows = batch * parts;
  const moves = reshape(offset, [rows, reads, rank, windows]);
  const places = space.map((_, d) => {
    const still = range(reads * windows).map((i) => {
      const read = coordinate(Math.floor(i / windows), kernel, d);
      return coordinate(i % windows, outer, d) * stride[d] - before[d] + read * dilation[d];
    });
    const moved = reshape(along(moves, 2, d, d + 1), [rows, reads * windows]);
    return add(moved, constant({ shape: [reads * windows], data: Float64Array.from(still) }, x.dtype));
  });
  const images = reshape(x, [rows, channels / parts, ...space]);
  const values = sum(weighted(images, integers(range(rows)), places, schemes.linear, zeros), { axes: 2 });
  const masked = call.has(4) ? mul(values, reshape(call.tensor(4), [rows, reads * windows, 1])) : values;
  const columns = reshape(transpose(masked, [0, 2, 1]), [
    batch,
    groups,
    (channels / groups) * reads,
    windows,
  ]);
  const weights = reshape(w, [groups, w.shape[0] / groups, w.shape[1] * reads]);
  return withBias(call, 3, reshape(matmul(weights, columns), [batch, w.shape[0], ...outer]));
}

/** The coordinate along axis d of the element at a row-major offset. */
const coordinate = (offset: number, shape: readonly number[], d: number): number =>
  Math.floor(offset / sizeOf(shape.slice(d + 1))) % shape[d];
