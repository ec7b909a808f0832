import { type NdArray, requireArray } from "../array.js";
import { NumericalError, ShapeError } from "../errors.js";

/** Checks that predictions and targets have the same shape. */
export function requireSameShape(what: string, predictions: NdArray, targets: NdArray): void {
  for (const values of [predictions, targets]) requireArray(what, values);
  if (predictions.shape.join() !== targets.shape.join()) {
    throw new ShapeError(
      `${what} takes predictions and targets of the same shape; got [${predictions.shape.join(", ")}] and [${targets.shape.join(", ")}].`,
    );
  }
}

/** Returns a measured value unless it is NaN, which would go unnoticed in means and comparisons. */
export function requireNumber(what: string, value: number): number {
  if (Number.isFinite(value)) return value;
  throw new NumericalError(`${what} is ${value}: predictions or targets hold numbers that are not finite.`);
}
