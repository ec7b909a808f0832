import { sub } from "../../graph/ops/arithmetic.js";
import { square } from "../../graph/ops/elementary.js";
import type { Tensor } from "../../graph/tensor.js";
import {
  type LossOptions,
  presentLabels,
  reduceLoss,
  requireLossOptions,
  requireSameShape,
} from "./reduction.js";

/**
 * Squared error (prediction - target)^2, by default its mean.
 *
 * @param target of the shape of the prediction
 * @throws ShapeError when the shapes differ
 *
 * @example
 * mseLoss(output, y); // mean over all elements
 */
export function mseLoss(prediction: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  requireLossOptions("mseLoss", options);
  requireSameShape("mseLoss", prediction, target);
  return reduceLoss(square(sub(prediction, presentLabels("mseLoss", target, options.mask))), options);
}
