// R. Keys, "Cubic convolution interpolation", IEEE TASSP 29 (1981); the modes of ONNX's Resize.

import type { Tensor } from "isoloss";
import { sizeOf } from "isoloss";
import { constant, matmul, reshape } from "isoloss/ops";
import { picked, range } from "../axes.js";

/** An element of an axis and its weight. */
export interface Tap {
  readonly index: number;
  readonly weight: number;
}

/** The elements of an axis whose weighted sum is each element of the result. */
export type Rows = readonly (readonly Tap[])[];

/** An interpolating function, zero outside -support..support. */
export interface Kernel {
  readonly support: number;
  weight(distance: number): number;
}

export const linearKernel: Kernel = { support: 1, weight: (t) => Math.max(1 - Math.abs(t), 0) };

/** Keys' cubic, with the slope `a` at distance 1. */
export const cubicKernel = (a: number): Kernel => ({
  support: 2,
  weight(distance) {
    const t = Math.abs(distance);
    if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
    return t < 2 ? a * (((t - 5) * t + 8) * t - 4) : 0;
  },
});

const clamp = (i: number, n: number): number => Math.min(Math.max(i, 0), n - 1);

/** How ties and fractions are rounded to the nearest element. */
export const roundings: Readonly<Record<string, (at: number) => number>> = {
  round_prefer_floor: (at) => Math.ceil(at - 0.5),
  round_prefer_ceil: (at) => Math.floor(at + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** The element nearest to a place on an axis of n. */
export const nearestTap = (at: number, n: number, round: (at: number) => number): Tap[] => [
  { index: clamp(round(at), n), weight: 1 },
];

/**
 * The elements around a place on an axis of n with their weights, which sum to 1. Beyond the ends the first
 * and last element are repeated, unless they are excluded.
 *
 * @param stretch 1, or less to widen the kernel against aliasing
 */
export function kernelTaps(
  at: number,
  n: number,
  kernel: Kernel,
  { stretch, excludesOutside }: { readonly stretch: number; readonly excludesOutside: boolean },
): Tap[] {
  const origin = Math.floor(at);
  const first = Math.floor(-kernel.support / stretch) + 1;
  const taps = range(2 - 2 * first).map((k) => ({
    index: origin + first + k,
    weight: kernel.weight((origin + first + k - at) * stretch),
  }));
  const kept = excludesOutside ? taps.filter(({ index }) => index >= 0 && index < n) : taps;
  const total = kept.reduce((sum, { weight }) => sum + weight, 0);
  return kept.map(({ index, weight }) => ({ index: clamp(index, n), weight: weight / total }));
}

/** Weighted sums of the elements of one axis: they are picked if each is one element, else a product with a matrix. */
export function interpolated(x: Tensor, axis: number, rows: Rows): Tensor {
  if (rows.every((taps) => taps.length === 1 && taps[0].weight === 1)) {
    return picked(
      x,
      axis,
      rows.map(([{ index }]) => index),
    );
  }
  const n = x.shape[axis];
  const matrix = new Float64Array(rows.length * n);
  rows.forEach((taps, i) => {
    for (const { index, weight } of taps) matrix[i * n + index] += weight;
  });
  const weights = constant({ shape: [rows.length, n], data: matrix }, x.dtype);
  const [lead, behind] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const product =
    behind.length === 0 && lead.length > 0
      ? matmul(x, weights, { transposeB: true })
      : matmul(weights, reshape(x, [...lead, n, sizeOf(behind)]));
  return reshape(product, [...lead, rows.length, ...behind]);
}
