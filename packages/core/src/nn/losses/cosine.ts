import { ShapeError } from "../../errors.js";
import { relu } from "../../graph/ops/activation.js";
import { div, maximum, mul, sub } from "../../graph/ops/arithmetic.js";
import { greater, where } from "../../graph/ops/compare.js";
import { sqrt, square } from "../../graph/ops/elementary.js";
import { sum } from "../../graph/ops/reduce.js";
import { formatShape, sameShape, type Tensor } from "../../graph/tensor.js";
import { requireKnown } from "../../options.js";
import { type LossOptions, presentLabels, reduceLoss, requireSameShape } from "./reduction.js";

/**
 * Cosine of the angle between vectors, a b / (max(|a|, epsilon) max(|b|, epsilon)); a zero vector gives 0, with a
 * finite gradient.
 *
 * @param options `axis` of the vectors (default the last), `epsilon` (default 1e-8)
 * @returns the shape of `a` without the axis
 */
export function cosineSimilarity(
  a: Tensor,
  b: Tensor,
  options: { readonly axis?: number | undefined; readonly epsilon?: number | undefined } = {},
): Tensor {
  requireKnown("cosineSimilarity", options, ["axis", "epsilon"], "cosineSimilarity(a, b, { axis: 1 })");
  const { axis = -1, epsilon = 1e-8 } = options;
  requireSameShape("cosineSimilarity", a, b);
  const total = (x: Tensor): Tensor => sum(x, { axes: axis });
  // Clamped before taking the root, whose derivative at zero is infinite.
  const norm = (x: Tensor): Tensor => sqrt(maximum(total(square(x)), epsilon * epsilon));
  return div(total(mul(a, b)), mul(norm(a), norm(b)));
}

/**
 * Loss of pairs that should be similar (target 1: 1 - cos) or not (target -1: max(0, cos - margin)), by
 * default its mean.
 *
 * @param a vectors along the last axis [..., width]
 * @param target 1 or -1, [...]
 * @param options `margin` (default 0), `reduction`, `mask` of the target's shape
 * @throws ShapeError when the shapes do not fit
 */
export function cosineEmbeddingLoss(
  a: Tensor,
  b: Tensor,
  target: Tensor,
  options: LossOptions & { readonly margin?: number | undefined } = {},
): Tensor {
  const known = ["reduction", "mask", "margin"] as const;
  requireKnown("cosineEmbeddingLoss", options, known, "cosineEmbeddingLoss(a, b, target, { margin: 0.5 })");
  const { margin = 0 } = options;
  const cosine = cosineSimilarity(a, b);
  if (!sameShape(target.shape, cosine.shape)) {
    throw new ShapeError(
      `cosineEmbeddingLoss: vectors ${formatShape(a.shape)} need targets ${formatShape(cosine.shape)}; got ${formatShape(target.shape)}.`,
    );
  }
  const alike = greater(presentLabels("cosineEmbeddingLoss", target, options.mask), 0);
  return reduceLoss(where(alike, sub(1, cosine), relu(sub(cosine, margin))), options);
}
