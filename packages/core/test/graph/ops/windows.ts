import fc from "fast-check";

export type Pair = readonly [number, number];
export type Quad = readonly [number, number, number, number];

export interface Geometry {
  readonly stride: Pair;
  readonly padding: Quad;
  readonly dilation: Pair;
}

/** Places along one axis that a window reads: output position to input positions, -1 in the padding. */
export const reads = (
  i: number,
  k: number,
  n: number,
  d: 0 | 1,
  { stride, padding, dilation }: Geometry,
): number => {
  const at = i * stride[d] + k * dilation[d] - padding[d];
  return at >= 0 && at < n ? at : -1;
};

export const lengthOf = (n: number, k: number, d: 0 | 1, { stride, padding, dilation }: Geometry): number =>
  Math.floor((n + padding[d] + padding[d + 2] - dilation[d] * (k - 1) - 1) / stride[d]) + 1;

export const pairOf = (...values: number[]): fc.Arbitrary<Pair> =>
  fc.tuple(fc.constantFrom(...values), fc.constantFrom(...values));

export const quadOf = (...values: number[]): fc.Arbitrary<Quad> =>
  fc.tuple(
    fc.constantFrom(...values),
    fc.constantFrom(...values),
    fc.constantFrom(...values),
    fc.constantFrom(...values),
  );
