import type { NdArray } from "../../array.js";
import { softplus } from "../../graph/ops/activation.js";
import { add, mul, neg, sub } from "../../graph/ops/arithmetic.js";
import { constant } from "../../graph/ops/leaf.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import {
  type LossOptions,
  presentLabels,
  reduceLoss,
  requireLossOptions,
  requireSameShape,
} from "./reduction.js";

/**
 * Binary cross-entropy of targets t in [0, 1] with sigmoid(x), from logits x and without overflow; by default its mean.
 *
 * loss = softplus(x) - t x; with posWeight p: (1 - t) x + (1 + (p - 1) t) softplus(-x)
 *
 * @param targets of the shape and dtype of the logits
 * @param options `posWeight`: weight of the positive class, broadcast to the logits; `reduction`, `mask`
 * @throws ShapeError when the shapes differ
 *
 * @example
 * binaryCrossEntropyWithLogits(logits, attributes, { mask: known });
 */
export function binaryCrossEntropyWithLogits(
  logits: Tensor,
  targets: Tensor,
  options: LossOptions & { readonly posWeight?: Tensor | NdArray | number | undefined } = {},
): Tensor {
  const op = "binaryCrossEntropyWithLogits";
  requireLossOptions(op, options, ["posWeight"]);
  const { posWeight } = options;
  requireSameShape(op, logits, targets);
  const t = presentLabels(op, targets, options.mask);
  if (posWeight === undefined) return reduceLoss(sub(softplus(logits), mul(t, logits)), options);
  const p = isTensor(posWeight) ? posWeight : constant(posWeight, logits.dtype);
  const factor = add(1, mul(sub(p, 1), t));
  return reduceLoss(add(mul(sub(1, t), logits), mul(factor, softplus(neg(logits)))), options);
}
