import type { Tensor } from "isoloss";
import { constant, gather, slice } from "isoloss/ops";
import { listed } from "../limits.js";

/** A constant list of integers, or a table of them. */
export const integers = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  constant({ shape, data: BigInt64Array.from(values, BigInt) });

/** @throws ShapeError if the list is too long to be made while a model is traced */
export function range(n: number): number[] {
  return Array.from({ length: listed(n) }, (_, i) => i);
}

/** A range of one axis. */
export function along(x: Tensor, axis: number, start: number, end: number, step = 1): Tensor {
  const only = (value: number, others: readonly number[]) => others.map((n, d) => (d === axis ? value : n));
  const zeros = x.shape.map(() => 0);
  return slice(x, {
    starts: only(start, zeros),
    ends: only(end, x.shape),
    steps: only(
      step,
      zeros.map(() => 1),
    ),
  });
}

/** The elements of one axis at the given places. */
export function picked(x: Tensor, axis: number, places: readonly number[]): Tensor {
  const isWhole = places.length === x.shape[axis] && places.every((p, i) => p === i);
  return isWhole ? x : gather(x, integers(places), { axis });
}
