import { sizeOf } from "isoloss";

/** Which elements of a weight share a scale, as DequantizeLinear has it. */
export interface WeightGrid {
  readonly per: "tensor" | "channel" | "block";
  /** The axis of the channels, or that of the blocks. */
  readonly axis: number;
  /** Elements along the axis that share a scale; the last block may be shorter. */
  readonly blockSize: number;
  readonly scaleShape: readonly number[];
  /** The weight's elements along the axis. */
  readonly count: number;
  /** Those behind each of these. */
  readonly inner: number;
}

export function weightGrid(
  per: WeightGrid["per"],
  shape: readonly number[],
  axis: number,
  blockSize = 0,
): WeightGrid {
  const count = shape[axis];
  const scaleShapes = {
    tensor: [],
    channel: [count],
    block: shape.map((size, d) => (d === axis ? Math.ceil(count / blockSize) : size)),
  };
  return { per, axis, blockSize, scaleShape: scaleShapes[per], count, inner: sizeOf(shape.slice(axis + 1)) };
}

/** The index of the scale of an element. */
export function groupOf({ per, blockSize, count, inner }: WeightGrid, element: number): number {
  if (per === "tensor") return 0;
  // Of integers: a division of doubles with a rest takes several times as long.
  const place = (element / inner) | 0;
  if (per === "channel") return place % count;
  const blocks = Math.ceil(count / blockSize);
  const block = ((place % count) / blockSize) | 0;
  return (((place / count) | 0) * blocks + block) * inner + (element % inner);
}
