// M. Jaderberg et al., "Spatial Transformer Networks", NeurIPS 2015.

import type { Tensor } from "isoloss";
import { sizeOf } from "isoloss";
import { isFloat, ownEntry } from "isoloss/internal";
import { add, constant, div, matmul, mul, reshape, sub, sum, transpose } from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import { along, integers, range } from "../axes.js";
import { border, type Outside, reflection, type Scheme, schemes, weighted, zeros } from "./sampling.js";

const modes: Readonly<Record<string, Scheme>> = {
  ...schemes,
  bilinear: schemes.linear,
  bicubic: schemes.cubic,
};

/** The values of images at places of a grid, whose coordinates run from -1 to 1, the last axis' first. */
function gridSample(call: Call): Tensor {
  const [x, grid] = [call.tensor(0), call.tensor(1)];
  const [batch, channels, ...space] = x.shape;
  if (!isFloat(x.dtype)) return call.fail("it takes floats; cast the operand");
  if (grid.shape.at(-1) !== space.length || grid.rank !== x.rank || grid.shape[0] !== batch) {
    return call.fail(`the grid must be [${batch}, ..., ${space.length}], with as many axes as the images`);
  }
  const mode = call.text("mode", "linear");
  const scheme =
    ownEntry(modes, mode) ?? call.fail(`the mode must be linear, nearest or cubic; it is ${mode}`);
  const alignCorners = call.int("align_corners", 0) === 1;
  const paddings: Readonly<Record<string, Outside>> = { zeros, border, reflection: reflection(alignCorners) };
  const name = call.text("padding_mode", "zeros");
  const outside =
    ownEntry(paddings, name) ?? call.fail(`padding_mode must be zeros, border or reflection; it is ${name}`);
  const outer = grid.shape.slice(1, -1);
  const places = space.map((n, d) => {
    const at = reshape(along(grid, grid.rank - 1, space.length - 1 - d, space.length - d), [batch, -1]);
    const upward = add(at, 1);
    return alignCorners ? mul(upward, (n - 1) / 2) : div(sub(mul(upward, n), 1), 2);
  });
  const values = sum(weighted(x, integers(range(batch)), places, scheme, outside), { axes: 2 });
  return reshape(transpose(values, [0, 2, 1]), [batch, channels, ...outer]);
}

/** A grid for {@link gridSample}: coordinates of pixels from -1 to 1, transformed by an affine map for each image. */
function affineGrid(call: Call): Tensor {
  const theta = call.tensor(0);
  const [batch, , ...space] = call.known(1) ?? call.fail("there is no size");
  const alignCorners = call.int("align_corners", 0) === 1;
  call.listed(sizeOf(space));
  const coordinates = space.map((n) =>
    range(n).map((i) => {
      if (!alignCorners) return (2 * i + 1) / n - 1;
      return n === 1 ? 0 : (2 * i) / (n - 1) - 1;
    }),
  );
  const pixels = coordinates
    .reduce<number[][]>((all, list) => all.flatMap((pixel) => list.map((at) => [at, ...pixel])), [[]])
    .flatMap((pixel) => [...pixel, 1]);
  const count = space.length + 1;
  const homogeneous = constant(
    { shape: [pixels.length / count, count], data: Float64Array.from(pixels) },
    theta.dtype,
  );
  return reshape(matmul(homogeneous, theta, { transposeB: true }), [batch, ...space, space.length]);
}

export const grids: Readonly<Record<string, Operator>> = { AffineGrid: affineGrid, GridSample: gridSample };
