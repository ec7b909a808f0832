import { sub } from "../../graph/ops/arithmetic.js";
import { abs } from "../../graph/ops/elementary.js";
import type { Tensor } from "../../graph/tensor.js";
import {
  type LossOptions,
  presentLabels,
  reduceLoss,
  requireLossOptions,
  requireSameShape,
} from "./reduction.js";

/**
 * Absolute error |prediction - target|, by default its mean; gradient 0 where the two are equal.
 *
 * @param target of the shape of the prediction
 * @throws ShapeError when the shapes differ
 *
 * @example
 * l1Loss(depth, target, { mask: greater(target, 0) }); // mean over pixels with a measured depth
 */
export function l1Loss(prediction: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  requireLossOptions("l1Loss", options);
  requireSameShape("l1Loss", prediction, target);
  return reduceLoss(abs(sub(prediction, presentLabels("l1Loss", target, options.mask))), options);
}
