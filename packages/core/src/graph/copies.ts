import { type Shape, sizeOf, stridesOf } from "../array.js";
import type { Tensor } from "./tensor.js";

/** For each element of a tensor, the number of the element that it is a copy of: of a weight's, its position in the vector of all parameters. */
export type Origins = Int32Array;

/**
 * The origins of a result whose elements are copies of those of its input; undefined for operations that compute.
 *
 * @param origins of the node's only input
 */
export function viewOrigins(
  { op, inputs, attrs, shape, rank }: Tensor,
  origins: Origins,
): Origins | undefined {
  const from = inputs[0]?.shape ?? [];
  const strides = stridesOf(from);
  switch (op.name) {
    case "reshape":
    case "alias":
    case "stopGradient":
      return origins;
    case "transpose": {
      const turned = (attrs.axes as readonly number[]).map((axis) => strides[axis]);
      return gathered(origins, shape, 0, turned);
    }
    case "slice": {
      const { starts, steps } = attrs as { starts: readonly number[]; steps: readonly number[] };
      const first = starts.reduce((sum, start, d) => sum + start * strides[d], 0);
      const wide = strides.map((stride, d) => stride * steps[d]);
      return gathered(origins, shape, first, wide);
    }
    case "broadcast": {
      const lead = rank - from.length;
      const repeated = shape.map((_, d) => (from[d - lead] === 1 ? 0 : (strides[d - lead] ?? 0)));
      return gathered(origins, shape, 0, repeated);
    }
    default:
      return undefined;
  }
}

/** The elements at {@link placesOf}. */
export const gathered = (
  origins: Origins,
  shape: Shape,
  first: number,
  strides: readonly number[],
): Origins => placesOf(shape, strides, first).map((place) => origins[place]);

/** The places first + sum_d i_d stride_d, for all indices i of a shape, row-major. */
export function placesOf(shape: Shape, strides: readonly number[], first = 0): Int32Array {
  const places = new Int32Array(sizeOf(shape));
  const index = shape.map(() => 0);
  for (let k = 0, at = first; k < places.length; k++) {
    places[k] = at;
    for (let d = shape.length - 1; d >= 0; d--) {
      at += strides[d];
      if (++index[d] < shape[d]) break;
      at -= strides[d] * shape[d];
      index[d] = 0;
    }
  }
  return places;
}
