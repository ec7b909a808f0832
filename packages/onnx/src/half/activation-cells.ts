import type { NdArray, Shape, Tensor } from "isoloss";
import { stridesOf } from "isoloss/internal";
import type { TensorScale } from "isoloss/symmetry";
import type { ActivationCell } from "./descend.js";
import { binOf, exponentBins } from "./range.js";

/** An activation whose values are scaled, with counts of exponents by the factor that they have. */
export interface Activation {
  readonly tensor: Tensor;
  readonly axes: readonly number[];
  readonly forms: TensorScale[number]["forms"];
  readonly counts: readonly Float64Array[];
  /** How many values were seen. */
  seen: number;
}

/**
 * Counters for an activation; undefined where it is not scaled, where not all factors are known, or where it has factors
 * along several axes independently.
 */
export function activationOf(tensor: Tensor, scale: TensorScale): Activation | undefined {
  if (scale.length !== 1) return undefined;
  const [{ axes, forms }] = scale;
  if (forms.some((form) => form === undefined)) return undefined;
  return { tensor, axes, forms, counts: forms.map(() => new Float64Array(exponentBins)), seen: 0 };
}

/** Counts the values of one batch, unless its sizes are others than those that were traced. */
export function countValues(activation: Activation, { shape, data }: NdArray): void {
  const { axes, tensor, counts } = activation;
  if (shape.length !== tensor.rank || axes.some((axis) => shape[axis] !== tensor.shape[axis])) return;
  const formOf = indexAlong(axes, shape);
  for (let e = 0; e < data.length; e++) {
    const bin = binOf(Number(data[e]));
    if (bin !== undefined) counts[formOf(e)][bin]++;
  }
  activation.seen += data.length;
}

/** The row-major index along some axes of the element of a number. */
function indexAlong(axes: readonly number[], shape: Shape): (element: number) => number {
  const strides = stridesOf(shape);
  return (element) =>
    axes.reduce(
      (index, axis) => index * shape[axis] + (Math.floor(element / strides[axis]) % shape[axis]),
      0,
    );
}

export const cellsOf = ({ counts, forms, seen }: Activation): ActivationCell[] =>
  counts.map((own, i) => ({ counts: own, share: 1 / Math.max(1, seen), terms: forms[i] ?? [] }));
