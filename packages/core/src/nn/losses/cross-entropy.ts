// Label smoothing: C. Szegedy et al., "Rethinking the Inception architecture", CVPR 2016, section 7.
import { mul, neg } from "../../graph/ops/arithmetic.js";
import { broadcastTo } from "../../graph/ops/broadcast.js";
import { sum } from "../../graph/ops/reduce.js";
import { expandDims, resolveAxis } from "../../graph/ops/reshape.js";
import { logSoftmax } from "../../graph/ops/softmax.js";
import { isFloat, requireTensor, sameShape, type Tensor } from "../../graph/tensor.js";
import { refuseGiven } from "../../options.js";
import { labelLoss, nllOptions, type SmoothedOptions } from "./nll.js";
import { checkMask, presentLabels, reduceLoss, requireLossOptions } from "./reduction.js";

/**
 * Cross-entropy between classes and softmax(logits), by default its mean over the elements.
 *
 * loss = -sum_c q_c w_c log softmax(logits)_c with q = (1 - s) onehot(label) + s / classes, s = labelSmoothing
 *
 * Without options the graph has as few nodes as possible, and an element whose label is not a class has loss
 * zero but counts in the mean. Pass that label as `ignoreIndex` (PyTorch's default is -100) to leave it out
 * of the mean too.
 *
 * @param logits [..., classes], or with the classes along `axis`: [batch, classes, height, width] with axis 1
 * @param labels int64, of the shape of the logits without the axis of the classes; or floats of the shape of the logits, the
 *   probabilities q themselves, with `reduction`, `axis` and `mask` as options
 * @param options `reduction`, `axis`, `labelSmoothing`, `ignoreIndex`, `mask`, `weights` of the classes (the mean is then
 *   the sum divided by the labels' weights, as in PyTorch)
 * @throws ShapeError, DTypeError when the labels do not fit; OptionError for other options with probabilities
 *
 * @example
 * crossEntropy(model.apply(params, x).output, labels, { labelSmoothing: 0.1 });
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: SmoothedOptions = {}): Tensor {
  requireTensor("crossEntropy", logits);
  requireLossOptions("crossEntropy", options, [...nllOptions, "labelSmoothing"]);
  const axis = options.axis ?? -1;
  const logP = logSoftmax(logits, { axis });
  requireTensor("crossEntropy", labels);
  if (!isFloat(labels.dtype) || !sameShape(labels.shape, logits.shape))
    return labelLoss("crossEntropy", logP, labels, options);
  const forClasses = ["ignoreIndex", "labelSmoothing", "weights"] as const;
  refuseGiven("crossEntropy", options, forClasses, "is for classes as labels; these are probabilities");
  const losses = neg(sum(mul(probabilities(labels, options.mask, axis), logP), { axes: [axis] }));
  return reduceLoss(losses, options);
}

/** The probabilities of the elements that a mask of the losses' shape has. */
function probabilities(labels: Tensor, mask: Tensor | undefined, axis: number): Tensor {
  if (!mask) return labels;
  const at = resolveAxis(axis, labels.rank, "crossEntropy");
  const shape = labels.shape.filter((_, d) => d !== at);
  checkMask("crossEntropy", mask, shape);
  return presentLabels("crossEntropy", labels, expandDims(broadcastTo(mask, shape), at));
}
