// R. Keys, "Cubic convolution interpolation", IEEE TASSP 29 (1981).

import type { Tensor } from "isoloss";
import { sizeOf } from "isoloss";
import {
  abs,
  add,
  cast,
  constant,
  div,
  equal,
  expandDims,
  floor,
  gather,
  greaterEqual,
  lessEqual,
  logicalAnd,
  maximum,
  minimum,
  mul,
  reshape,
  sub,
  transpose,
  where,
} from "isoloss/ops";
import { range } from "../axes.js";

/** The elements around a place of an axis that count, and their weights as polynomials of its fraction. */
export interface Scheme {
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
export interface Outside {
  /** An element inside, for one by its number as a float; what is still outside is clamped. */
  element(at: Tensor, n: number): Tensor;
  /** Whether elements outside are zeros. */
  readonly isZero: boolean;
}

export const clamp = (at: Tensor, low: number, high: number): Tensor => minimum(maximum(at, low), high);

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

export const border: Outside = { element: same, isZero: false };

/** Reflection at the centers of the first and last element, or at their outer edges. */
export function reflection(alignCorners: boolean): Outside {
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
  const row = (values: readonly number[]) =>
    constant({ shape: [values.length], data: Float64Array.from(values) }, at.dtype);
  const weights = polynomials
    .map(row)
    .reduceRight((sum, coefficients) => add(mul(sum, fraction), coefficients));
  const numbers = add(expandDims(below, at.rank), row(polynomials[0].map((_, k) => first + k)));
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
