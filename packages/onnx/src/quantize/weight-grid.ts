import { sizeOf } from "isoloss";

/** Which elements of a weight share a scale, as DequantizeLinear has it. */
export interface WeightGrid {
  readonly per: "tensor" | "channel" | "block";
  /** The axis of the channels, or that of the blocks. */
  readonly axis: number;
  readonly blockSize: number;
  readonly scaleShape: readonly number[];
  /** The index of the scale of an element. */
  readonly groupOf: (element: number) => number;
}

export const perTensor: WeightGrid = {
  per: "tensor",
  axis: 0,
  blockSize: 0,
  scaleShape: [],
  groupOf: () => 0,
};

export function perChannel(shape: readonly number[], axis: number): WeightGrid {
  const inner = sizeOf(shape.slice(axis + 1));
  const count = shape[axis];
  return {
    per: "channel",
    axis,
    blockSize: 0,
    scaleShape: [count],
    groupOf: (e) => Math.floor(e / inner) % count,
  };
}

/** Blocks of `blockSize` elements along an axis; the last one may be shorter. */
export function perBlock(shape: readonly number[], axis: number, blockSize: number): WeightGrid {
  const inner = sizeOf(shape.slice(axis + 1));
  const count = shape[axis];
  const blocks = Math.ceil(count / blockSize);
  const groupOf = (e: number) => {
    const place = Math.floor(e / inner);
    const block = Math.floor((place % count) / blockSize);
    return (Math.floor(place / count) * blocks + block) * inner + (e % inner);
  };
  const scaleShape = shape.map((size, d) => (d === axis ? blocks : size));
  return { per: "block", axis, blockSize, scaleShape, groupOf };
}
