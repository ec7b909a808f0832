// Parts of tensors, traced.
import type { Shape } from "../../array.js";
import { reshape } from "../../graph/ops/reshape.js";
import { pad, sliceAlong } from "../../graph/ops/slice.js";
import type { Tensor } from "../../graph/tensor.js";
import { type Cut, cutsOf, lengthOf, type Part } from "./descriptors.js";

/** The elements of a part. Traced. */
export const taken = (x: Tensor, part: Part | undefined): Tensor => cutsOf(part).reduce(cutTaken, x);

/** The elements of a part at their places among zeros. Traced. */
export const placed = (x: Tensor, part: Part | undefined, shape: Shape): Tensor =>
  cutsOf(part).reduce((own, cut) => cutPlaced(own, cut, shape[cut.axis]), x);

function cutTaken(x: Tensor, cut: Cut): Tensor {
  const { axis, start, count } = cut;
  const periods = periodsOf(x.shape[axis], cut);
  if (periods === undefined) return sliceAlong(x, axis, start, start + count);
  const { first, period, times } = periods;
  const all = sliceAlong(x, axis, first, first + times * period);
  const apart = reshape(all, replaced(x, axis, times, period));
  const own = sliceAlong(apart, axis + 1, start - first, start - first + count);
  return reshape(own, replaced(x, axis, lengthOf(cut)));
}

/** Among n along the axis. */
function cutPlaced(x: Tensor, cut: Cut, n: number): Tensor {
  const { axis, start, count } = cut;
  const periods = periodsOf(n, cut);
  if (periods === undefined) return padded(x, axis, start, n - start - count);
  const { first, period, times } = periods;
  const apart = reshape(x, replaced(x, axis, times, count));
  const whole = padded(apart, axis + 1, start - first, first + period - start - count);
  const joined = reshape(whole, replaced(x, axis, times * period));
  return padded(joined, axis, first, n - first - times * period);
}

/** Whole periods of n elements that have those of a cut: where they begin, how long they are, and how many; none of a plain cut. */
function periodsOf(n: number, { start, count, period = count, times = 1 }: Cut) {
  return times === 1 ? undefined : { first: Math.min(start, n - times * period), period, times };
}

const padded = (x: Tensor, axis: number, before: number, behind: number): Tensor =>
  pad(
    x,
    x.shape.map((_, d): [number, number] => (d === axis ? [before, behind] : [0, 0])),
  );

const replaced = ({ shape }: Tensor, axis: number, ...sizes: number[]): number[] => [
  ...shape.slice(0, axis),
  ...sizes,
  ...shape.slice(axis + 1),
];
