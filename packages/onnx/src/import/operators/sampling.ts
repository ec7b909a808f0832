// R. Keys, "Cubic convolution interpolation", IEEE TASSP 29 (1981).
import { sizeOf, type Tensor } from "isoloss";
import { isFloat, ownEntry } from "isoloss/internal";
import {
  abs,
  add,
  broadcastTo,
  cast,
  concat,
  div,
  equal,
  expandDims,
  fill,
  floor,
  gather,
  greaterEqual,
  lessEqual,
  logicalAnd,
  matmul,
  max,
  maximum,
  mean,
  minimum,
  mul,
  reshape,
  sub,
  sum,
  transpose,
  where,
} from "isoloss/ops";
import type { Call, Operator } from "../call.js";
import { along, floats, integers, picked, range } from "./reductions.js";

/** The elements around a place of an axis that count, and their weights as polynomials of its fraction. */
interface Scheme {
  /** The first element, counted from the one at the place or below. */
  readonly first: number;
  /** A row a power, from 0 on; a column an element. */
  readonly polynomials: readonly (readonly number[])[];
  readonly isRounded?: boolean;
}

/** The slope of the cubic at distance 1. */
const a = -0.75;

export const schemes = {
  nearest: { first: 0, polynomials: [[1]], isRounded: true },
  linear: {
    first: 0,
    polynomials: [
      [1, 0],
      [-1, 1],
    ],
  },
  cubic: {
    first: -1,
    polynomials: [
      [0, 1, 0, 0],
      [a, 0, -a, 0],
      [-2 * a, -(a + 3), 2 * a + 3, a],
      [a, a + 2, -(a + 2), -a],
    ],
  },
} satisfies Readonly<Record<string, Scheme>>;

/** What stands for the elements outside an axis of n. */
interface Outside {
  /** An element inside, for one by its number as a float; what is still outside is clamped. */
  element(at: Tensor, n: number): Tensor;
  /** Whether elements outside are zeros. */
  readonly isZero: boolean;
}

const clamp = (at: Tensor, low: number, high: number): Tensor => minimum(maximum(at, low), high);

/** Reflects at both bounds until it is within. */
function reflected(at: Tensor, low: number, high: number): Tensor {
  if (high <= low) return clamp(at, low, low);
  const period = 2 * (high - low);
  const distance = abs(sub(at, low));
  const within = sub(distance, mul(period, floor(div(distance, period))));
  return add(minimum(within, sub(period, within)), low);
}

const same = (at: Tensor): Tensor => at;

export const zeros: Outside = { element: same, isZero: true };

const border: Outside = { element: same, isZero: false };

/** Reflection at the centers of the first and last element, or at their outer edges. */
function reflection(alignCorners: boolean): Outside {
  const edge = alignCorners ? 0 : 0.5;
  return { element: (at, n) => reflected(at, -edge, n - 1 + edge), isZero: false };
}

/** The nearest integer; halves go to the even one. */
function rounded(x: Tensor): Tensor {
  const up = floor(add(x, 0.5));
  const odd = sub(up, mul(2, floor(div(up, 2))));
  return sub(up, where(equal(sub(up, x), 0.5), odd, 0));
}

/** The elements of one axis around places [...]: their numbers and weights, [..., elements]. */
function around(at: Tensor, n: number, scheme: Scheme, outside: Outside) {
  const { first, polynomials, isRounded } = scheme;
  const place = isRounded ? rounded(at) : at;
  const below = floor(place);
  const fraction = expandDims(sub(place, below), at.rank);
  const weights = polynomials
    .map((values) => floats(values, at))
    .reduceRight((sum, coefficients) => add(mul(sum, fraction), coefficients));
  const numbers = add(
    expandDims(below, at.rank),
    floats(
      polynomials[0].map((_, k) => first + k),
      at,
    ),
  );
  const inside = logicalAnd(greaterEqual(numbers, 0), lessEqual(numbers, n - 1));
  return {
    numbers: cast(clamp(outside.element(numbers, n), 0, n - 1), "int64"),
    weights: outside.isZero ? mul(weights, cast(inside, at.dtype)) : weights,
  };
}

/** Products of the elements of one axis with those of the axes before it: [..., m], [..., n] to [..., m n]. */
function joined(x: Tensor, y: Tensor, join: (a: Tensor, b: Tensor) => Tensor): Tensor {
  const all = join(expandDims(x, x.rank), expandDims(y, y.rank - 1));
  return reshape(all, [...x.shape.slice(0, -1), sizeOf(all.shape.slice(-2))]);
}

/**
 * The elements of images around places, times their weights; their sum is the interpolated value.
 *
 * @param x images [batch, channels, ...]
 * @param rows the image of each row of places: int64[rows]
 * @param places for each axis of the images the places along it, in elements: [rows, places]
 * @returns [rows, places, elements, channels]
 */
export function weighted(
  x: Tensor,
  rows: Tensor,
  places: readonly Tensor[],
  scheme: Scheme,
  outside: Outside,
): Tensor {
  const [batch, channels, ...space] = x.shape;
  const axes = places.map((at, d) => around(at, space[d], scheme, outside));
  const numbers = axes
    .map((axis) => axis.numbers)
    .reduce((all, own, d) => joined(all, own, (i, j) => add(mul(i, space[d]), j)));
  const weights = axes.map((axis) => axis.weights).reduce((all, own) => joined(all, own, mul));
  const pixels = transpose(x, [0, ...range(space.length).map((d) => d + 2), 1]);
  const table = reshape(pixels, [batch * sizeOf(space), channels]);
  const starts = reshape(mul(rows, sizeOf(space)), [rows.size, 1, 1]);
  return mul(gather(table, add(starts, numbers)), expandDims(weights, weights.rank));
}

// M. Jaderberg et al., "Spatial Transformer Networks", NeurIPS 2015.

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
  const homogeneous = floats(pixels, theta, [pixels.length / count, count]);
  return reshape(matmul(homogeneous, theta, { transposeB: true }), [batch, ...space, space.length]);
}

export const grids: Readonly<Record<string, Operator>> = { AffineGrid: affineGrid, GridSample: gridSample };

// K. He et al., "Mask R-CNN", ICCV 2017.

type Two = readonly [vertical: number, horizontal: number];

interface Settings {
  readonly scale: number;
  readonly isHalfPixel: boolean;
  /** Bins of a box. */
  readonly bins: Two;
  readonly isMax: boolean;
}

/** Start and length of boxes [boxes, 4] along an axis (0: vertical), [boxes, 1]. */
function extent(boxes: Tensor, axis: 0 | 1, { scale, isHalfPixel }: Settings) {
  const corner = (k: number) => sub(mul(along(boxes, 1, k, k + 1), scale), isHalfPixel ? 0.5 : 0);
  const [start, end] = [corner(1 - axis), corner(3 - axis)];
  const length = sub(end, start);
  return { start, length: isHalfPixel ? length : maximum(length, 1) };
}

/** The values of each box's bins, from a grid of `samples` points in each bin: [boxes, channels, ...bins]. */
function aligned(x: Tensor, boxes: Tensor, images: Tensor, samples: Two, settings: Settings): Tensor {
  const [count, channels] = [boxes.shape[0], x.shape[1]];
  const { bins, isMax } = settings;
  const [rows, columns] = ([0, 1] as const).map((axis) => {
    const { start, length } = extent(boxes, axis, settings);
    const steps = bins[axis] * samples[axis];
    const at = range(steps).map((i) => (i + 0.5) / steps);
    return add(start, mul(length, floats(at, x)));
  });
  const [height, width] = [rows.shape[1], columns.shape[1]];
  const places = [expandDims(rows, 2), expandDims(columns, 1)].map((at) =>
    reshape(broadcastTo(at, [count, height, width]), [count, height * width]),
  );
  const inside = places
    .map((at, d) => logicalAnd(greaterEqual(at, -1), lessEqual(at, x.shape[d + 2])))
    .reduce(logicalAnd);
  const parts = mul(
    weighted(
      x,
      images,
      places.map((at, d) => clamp(at, 0, x.shape[d + 2] - 1)),
      schemes.linear,
      border,
    ),
    reshape(cast(inside, x.dtype), [count, height * width, 1, 1]),
  );
  const points = (isMax ? max : sum)(parts, { axes: 2 });
  const grid = reshape(points, [count, bins[0], samples[0], bins[1], samples[1], channels]);
  return transpose((isMax ? max : mean)(grid, { axes: [2, 4] }), [0, 3, 1, 2]);
}

/** How many points a box of known size has in each bin: about one an element. */
function samplesOf(boxes: readonly number[], settings: Settings): readonly Two[] {
  const { scale, isHalfPixel, bins } = settings;
  return range(boxes.length / 4).map((r): Two => {
    const [left, top, right, bottom] = boxes.slice(4 * r, 4 * r + 4);
    const [height, width] = [bottom - top, right - left].map((n) => Math.max(n * scale, isHalfPixel ? 0 : 1));
    return [Math.ceil(height / bins[0]), Math.ceil(width / bins[1])];
  });
}

/** Boxes with equal numbers of points are aligned together. */
function alignedAdaptively(call: Call, settings: Settings): Tensor {
  const [x, boxes, images] = [0, 1, 2].map((i) => call.tensor(i));
  const samples = samplesOf(call.known(1) ?? [], settings);
  if (samples.length === 0) return aligned(x, boxes, images, [1, 1], settings);
  const kinds = [...new Set(samples.map(String))];
  const groups = kinds.map((kind) => range(samples.length).filter((r) => String(samples[r]) === kind));
  const order = groups.flat();
  const parts = groups.map((members) => {
    const [own] = members.map((r) => samples[r]);
    if (own.includes(0)) return fill([members.length, x.shape[1], ...settings.bins], 0, x.dtype);
    return aligned(x, picked(boxes, 0, members), picked(images, 0, members), own, settings);
  });
  return picked(
    concat(parts),
    0,
    range(order.length).map((r) => order.indexOf(r)),
  );
}

/** Means (or maxima) of interpolated values in the bins of boxes [left, top, right, bottom]. */
function roiAlign(call: Call): Tensor {
  const [x, boxes, images] = [0, 1, 2].map((i) => call.tensor(i));
  const mode = call.text("mode", "avg");
  if (mode !== "avg" && mode !== "max") return call.fail(`the mode must be avg or max; it is ${mode}`);
  const transformation = call.opset < 16 ? "output_half_pixel" : "half_pixel";
  const settings = {
    scale: call.float("spatial_scale", 1),
    isHalfPixel: call.text("coordinate_transformation_mode", transformation) === "half_pixel",
    bins: [call.int("output_height", 1), call.int("output_width", 1)] as const,
    isMax: mode === "max",
  };
  const ratio = call.int("sampling_ratio", 0);
  return ratio > 0 ? aligned(x, boxes, images, [ratio, ratio], settings) : alignedAdaptively(call, settings);
}

export const regions: Readonly<Record<string, Operator>> = { RoiAlign: roiAlign };
