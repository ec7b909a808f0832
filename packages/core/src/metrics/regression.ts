import type { NdArray } from "../array.js";
import { NumericalError } from "../errors.js";
import { requireKnown } from "../options.js";
import { requireNumber, requireSameShape } from "./values.js";

/**
 * Mean absolute error.
 *
 * MAE = scale mean_i |p_i - t_i|
 *
 * @param predictions p, any shape
 * @param targets t, of the same shape
 * @param options `scale`: factor that converts the error to its unit, such as the standard deviation that
 *   targets were divided by; default 1
 * @throws ShapeError when shapes differ; NumericalError when there are no targets, or for numbers that are not finite
 *
 * @example
 * meanAbsoluteError(array([1, 3]), array([2, 5]), { scale: 10 }); // 15
 */
export function meanAbsoluteError(
  predictions: NdArray,
  targets: NdArray,
  options: { readonly scale?: number | undefined } = {},
): number {
  requireKnown("meanAbsoluteError", options, ["scale"], "meanAbsoluteError(p, t, { scale: 10 })");
  const { scale = 1 } = options;
  requireSameShape("meanAbsoluteError", predictions, targets);
  const count = targets.data.length;
  if (count === 0) throw new NumericalError("meanAbsoluteError of no targets: give at least one example.");
  let sum = 0;
  for (let i = 0; i < count; i++) sum += Math.abs(Number(predictions.data[i]) - Number(targets.data[i]));
  return requireNumber("The mean absolute error", (scale * sum) / count);
}
