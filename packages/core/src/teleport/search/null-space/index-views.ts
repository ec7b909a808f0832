import { type Shape, sizeOf, stridesOf } from "../../../array.js";
import type { Tensor } from "../../../graph/tensor.js";

/** For each element of a tensor, the number of the element that it is a copy of. */
export type Origins = Int32Array;

/**
 * The origins of a result whose elements are copies of those of its input; undefined for operations that compute.
 *
 * @param origins of the node's only input
 */
export function viewOrigins(node: Tensor, origins: Origins): Origins | undefined {
  const from = node.inputs[0]?.shape;
  switch (node.op.name) {
    case "reshape":
    case "alias":
    case "stopGradient":
      return origins;
    case "transpose": {
      const strides = stridesOf(from);
      const axes = node.attrs.axes as readonly number[];
      return gathered(
        origins,
        node.shape,
        0,
        axes.map((a) => strides[a]),
      );
    }
    case "slice": {
      const strides = stridesOf(from);
      const { starts, steps } = node.attrs as { starts: readonly number[]; steps: readonly number[] };
      const first = starts.reduce((sum, start, d) => sum + start * strides[d], 0);
      return gathered(
        origins,
        node.shape,
        first,
        strides.map((s, d) => s * steps[d]),
      );
    }
    case "broadcast": {
      const strides = stridesOf(from);
      const lead = node.rank - from.length;
      return gathered(
        origins,
        node.shape,
        0,
        node.shape.map((_, d) => (d < lead || from[d - lead] === 1 ? 0 : strides[d - lead])),
      );
    }
    default:
      return undefined;
  }
}

/** The elements at first + sum_d i_d stride_d, for all indices i of a shape. */
export function gathered(origins: Origins, shape: Shape, first: number, strides: readonly number[]): Origins {
  const out = new Int32Array(sizeOf(shape));
  let at = 0;
  const visit = (d: number, place: number): void => {
    if (d === shape.length) {
      out[at++] = origins[place];
      return;
    }
    for (let i = 0; i < shape[d]; i++) visit(d + 1, place + i * strides[d]);
  };
  if (out.length > 0) visit(0, first);
  return out;
}
