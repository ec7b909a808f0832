// Surface normals as S. Liu, E. Johns, A. Davison, "End-to-end multi-task learning with attention", CVPR 2019, eq. 7, compares them, as a
// mean over the pixels whose normal is known.
import { ShapeError } from "../../errors.js";
import { div, maximum, mul, sub } from "../../graph/ops/arithmetic.js";
import { greater } from "../../graph/ops/compare.js";
import { sqrt, square } from "../../graph/ops/elementary.js";
import { sum } from "../../graph/ops/reduce.js";
import { formatShape, type Tensor } from "../../graph/tensor.js";
import { reduceLoss, requireSameShape } from "./reduction.js";

/** Lengths below are taken for it, so that a prediction of 0 has a finite gradient. */
const epsilon = 1e-8;

/**
 * 1 - mean of p . t / |p| over the pixels whose target t is not zero; 0 if there are none.
 *
 * @param prediction p, [batch, 3, height, width], of any length
 * @param target t, of the same shape, of length 1 or 0; shorter where a resized map has mixed both
 * @throws ShapeError for other shapes
 *
 * @example
 * normalLoss(net(p, x).normal, normal); // 0 where all directions agree, 2 where all are opposite
 */
export function normalLoss(prediction: Tensor, target: Tensor): Tensor {
  requireSameShape("normalLoss", prediction, target);
  if (target.rank !== 4 || target.shape[1] !== 3) {
    throw new ShapeError(
      `normalLoss takes normals [batch, 3, height, width]; got ${formatShape(target.shape)}.`,
    );
  }
  const total = (x: Tensor): Tensor => sum(x, { axes: 1 });
  // Clamped before taking the root, whose derivative at zero is infinite.
  const length = sqrt(maximum(total(square(prediction)), epsilon * epsilon));
  const cosine = div(total(mul(prediction, target)), length);
  return reduceLoss(sub(1, cosine), { mask: greater(total(square(target)), 0) });
}
