import { type NdArray, ndarray } from "../../array.js";
import { DTypeError, OptionError, ShapeError } from "../../errors.js";
import { noteLabels } from "../../graph/labels.js";
import { add, cast, div, maximum, mul, neg } from "../../graph/ops/arithmetic.js";
import { broadcastTo } from "../../graph/ops/broadcast.js";
import { equal, greater, logicalAnd, logicalNot, where } from "../../graph/ops/compare.js";
import { oneHot } from "../../graph/ops/gather.js";
import { constant } from "../../graph/ops/leaf.js";
import { sum } from "../../graph/ops/reduce.js";
import { expandDims, reshape, resolveAxis } from "../../graph/ops/reshape.js";
import {
  formatShape,
  formatType,
  isTensor,
  requireTensor,
  sameShape,
  type Tensor,
} from "../../graph/tensor.js";
import { checkMask, type LossOptions, requireLossOptions } from "./reduction.js";

export interface NllOptions extends LossOptions {
  /** Axis of the classes; default the last. Per-pixel classes [batch, classes, height, width] have axis 1. */
  readonly axis?: number | undefined;
  /**
   * Label that marks elements without a label; they do not count in the mean. Default: no such label. Labels
   * that are not classes are a DataError where their values are known: in trainers, teleports, minimizations and
   * calls of `jit`. Elsewhere such an element has loss zero but counts.
   */
  readonly ignoreIndex?: number | undefined;
  /** Weight of each class [classes]; the mean is then weighted. */
  readonly weights?: Tensor | NdArray | undefined;
}

/** Names of the options of losses with class labels, besides those of all losses. */
export const nllOptions = ["axis", "ignoreIndex", "weights"] as const;

export interface SmoothedOptions extends NllOptions {
  /** Probability in [0, 1] that is spread evenly over all classes instead of the label; default 0. */
  readonly labelSmoothing?: number | undefined;
}

/**
 * Negative log-likelihood -log p[label] of log-probabilities, by default its mean.
 *
 * @param logProbabilities [..., classes]
 * @param labels int64 [...]
 * @throws ShapeError, DTypeError when the labels do not fit
 */
export function nllLoss(logProbabilities: Tensor, labels: Tensor, options: NllOptions = {}): Tensor {
  requireLossOptions("nllLoss", options, nllOptions);
  return labelLoss("nllLoss", logProbabilities, labels, options);
}

/** Sum over the classes of -target log p; the target is a label, optionally smoothed. */
export function labelLoss(op: string, logP: Tensor, labels: Tensor, options: SmoothedOptions): Tensor {
  const { reduction = "mean", ignoreIndex, labelSmoothing = 0, weights, mask } = options;
  for (const operand of [logP, labels]) requireTensor(op, operand);
  const axis = resolveAxis(options.axis ?? -1, logP.rank, op);
  const classes = logP.shape[axis];
  checkLabelTypes(op, logP, labels, axis);
  checkMask(op, mask, labels.shape);
  noteLabels(labels, {
    classes,
    ...(ignoreIndex === undefined ? {} : { ignoreIndex }),
    ...(mask === undefined ? {} : { mask }),
  });
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new OptionError(`${op}: labelSmoothing must be in [0, 1]; got ${labelSmoothing}.`);
  }
  // A selection instead of a product with a 0/1 mask: log-probabilities of -Infinity at other classes have no
  // effect.
  const hit = isLabel(labels, classes, axis);
  const picked = where(hit, logP, 0);
  const isPlain = !weights && !mask && ignoreIndex === undefined && labelSmoothing === 0;
  if (isPlain && reduction !== "none") {
    return mul(sum(picked), reduction === "mean" ? -1 / labels.size : -1);
  }

  const perClass = weights && (isTensor(weights) ? weights : constant(weights, logP.dtype));
  if (perClass && !sameShape(perClass.shape, [classes])) {
    throw new ShapeError(
      `${op}: weights must be one number for each of the ${classes} classes; got ${formatShape(perClass.shape)}.`,
    );
  }
  const w = perClass && reshape(perClass, alongAxis(classes, axis, logP.rank));
  const ofLabel = w && sum(where(hit, w, 0), { axes: axis });
  let losses = neg(sum(picked, { axes: axis }));
  if (ofLabel) losses = mul(losses, ofLabel);
  if (labelSmoothing > 0) {
    const all = neg(sum(w ? mul(logP, w) : logP, { axes: axis }));
    losses = add(mul(losses, 1 - labelSmoothing), mul(all, labelSmoothing / classes));
  }
  const present = presentElements(labels, mask, ignoreIndex);
  // A label that is not a class selects nothing, so its loss is already zero.
  const isClass = ignoreIndex !== undefined && ignoreIndex >= 0 && ignoreIndex < classes;
  if (present && (mask || isClass || labelSmoothing > 0)) losses = where(present, losses, 0);

  if (reduction === "none") return losses;
  const total = sum(losses);
  if (reduction === "sum") return total;
  if (ofLabel) {
    const mass = sum(present ? where(present, ofLabel, 0) : ofLabel);
    return div(total, where(greater(mass, 0), mass, 1));
  }
  return present ? div(total, maximum(sum(cast(present, logP.dtype)), 1)) : mul(total, 1 / labels.size);
}

const alongAxis = (classes: number, axis: number, rank: number): number[] =>
  Array.from({ length: rank }, (_, d) => (d === axis ? classes : 1));

/** bool of the shape of the log-probabilities: whether the class is the label. */
function isLabel(labels: Tensor, classes: number, axis: number): Tensor {
  if (axis === labels.rank) return oneHot(labels, classes, "bool");
  const numbers = ndarray(
    BigInt64Array.from({ length: classes }, (_, c) => BigInt(c)),
    [classes],
  );
  return equal(
    expandDims(labels, axis),
    reshape(constant(numbers), alongAxis(classes, axis, labels.rank + 1)),
  );
}

/** bool of the labels' shape: true for elements with a label; undefined if all have one. */
function presentElements(
  labels: Tensor,
  mask: Tensor | undefined,
  ignoreIndex: number | undefined,
): Tensor | undefined {
  const masked = mask && broadcastTo(mask, labels.shape);
  if (ignoreIndex === undefined) return masked;
  const labeled = logicalNot(equal(labels, ignoreIndex));
  return masked ? logicalAnd(labeled, masked) : labeled;
}

function checkLabelTypes(op: string, logP: Tensor, labels: Tensor, axis: number): void {
  if (labels.dtype !== "int64") {
    throw new DTypeError(`${op}: labels must be int64 class numbers; got ${formatType(labels)}.`);
  }
  const expected = logP.shape.filter((_, d) => d !== axis);
  if (!sameShape(labels.shape, expected)) {
    throw new ShapeError(
      `${op}: with classes along axis ${axis} of ${formatShape(logP.shape)} labels must have shape ${formatShape(expected)}; ` +
        `got ${formatShape(labels.shape)}.`,
    );
  }
}
