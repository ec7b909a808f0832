import type { Shape } from "../../array.js";
import { DTypeError, describeValue, OptionError, ShapeError } from "../../errors.js";
import { cast, div, maximum, mul } from "../../graph/ops/arithmetic.js";
import { broadcastShapes } from "../../graph/ops/broadcast.js";
import { where } from "../../graph/ops/compare.js";
import { mean, sum } from "../../graph/ops/reduce.js";
import { formatShape, formatType, requireTensor, sameShape, type Tensor } from "../../graph/tensor.js";
import { requireKnown } from "../../options.js";

/** How to reduce the losses of the elements: to their mean, to their sum, or not at all. */
export type Reduction = "mean" | "sum" | "none";

export interface LossOptions {
  /** Default `mean`. */
  readonly reduction?: Reduction | undefined;
  /**
   * bool: true where labels are present; broadcasts to the losses of the elements. Missing elements have loss
   * and gradient zero and do not count in the mean, whatever their label (NaN, say); if all are missing, the
   * mean is 0.
   */
  readonly mask?: Tensor | undefined;
}

/**
 * Throws unless `options` is an object of a loss's options.
 *
 * @param own names of options that not every loss has
 */
export function requireLossOptions<T extends LossOptions>(
  op: string,
  options: T,
  own: readonly (string & keyof T)[] = [],
): void {
  requireKnown(op, options, ["reduction", "mask", ...own], `${op}(output, target, { reduction: "sum" })`);
  requireReduction(options.reduction ?? "mean");
}

/** Reduces the losses of the elements. */
export function reduceLoss(losses: Tensor, { reduction = "mean", mask }: LossOptions): Tensor {
  requireReduction(reduction);
  const present = mask ? where(mask, losses, 0) : losses;
  if (reduction === "none") return present;
  if (reduction === "sum") return sum(present);
  if (!mask) return mean(losses);
  return div(sum(present), maximum(countPresent(mask, losses), 1));
}

/** Number of elements of `losses` that a mask marks as present. */
function countPresent(mask: Tensor, losses: Tensor): Tensor {
  return mul(sum(cast(mask, losses.dtype)), losses.size / mask.size);
}

/** Labels with zeros where they are missing, so that masked labels cannot make the gradient NaN. */
export function presentLabels(op: string, labels: Tensor, mask: Tensor | undefined): Tensor {
  checkMask(op, mask, labels.shape);
  return mask ? where(mask, labels, 0) : labels;
}

/** Throws unless the mask is bool and broadcasts to the labels. */
export function checkMask(op: string, mask: Tensor | undefined, labels: Shape): void {
  if (!mask) return;
  if (mask.dtype !== "bool") {
    throw new DTypeError(
      `${op}: the mask must be bool, true where labels are present; got ${formatType(mask)}.`,
    );
  }
  if (!sameShape(broadcastShapes(mask.shape, labels, op), labels)) {
    throw new ShapeError(
      `${op}: the mask must broadcast to the labels ${formatShape(labels)}; got ${formatShape(mask.shape)}.`,
    );
  }
}

/** Throws when a reduction has an unknown name. */
function requireReduction(reduction: Reduction): void {
  if (!["mean", "sum", "none"].includes(reduction)) {
    throw new OptionError(`The reduction must be mean, sum or none; got ${describeValue(reduction)}.`);
  }
}

/** Throws unless predictions and targets have equal shapes: broadcasting them is rarely intended. */
export function requireSameShape(op: string, prediction: Tensor, target: Tensor): void {
  for (const operand of [prediction, target]) requireTensor(op, operand);
  if (!sameShape(prediction.shape, target.shape)) {
    throw new ShapeError(
      `${op}: predictions and targets must have equal shapes; ` +
        `got ${formatShape(prediction.shape)} and ${formatShape(target.shape)}. ` +
        "Reshape one of them.",
    );
  }
}
