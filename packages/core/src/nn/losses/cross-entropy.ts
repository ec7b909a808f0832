// Label smoothing: C. Szegedy et al., "Rethinking the Inception architecture", CVPR 2016, section 7.
import { logSoftmax } from "../../graph/ops/softmax.js";
import { requireTensor, type Tensor } from "../../graph/tensor.js";
import { labelLoss, nllOptions, type SmoothedOptions } from "./nll.js";
import { requireLossOptions } from "./reduction.js";

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
 * @param labels int64, of the shape of the logits without the axis of the classes
 * @param options `reduction`, `axis`, `labelSmoothing`, `ignoreIndex`, `mask`, `weights` of the classes (the mean is then
 *   the sum divided by the labels' weights, as in PyTorch)
 * @throws ShapeError, DTypeError when the labels do not fit
 *
 * @example
 * crossEntropy(model.apply(params, x).output, labels, { labelSmoothing: 0.1 });
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: SmoothedOptions = {}): Tensor {
  requireTensor("crossEntropy", logits);
  requireLossOptions("crossEntropy", options, [...nllOptions, "labelSmoothing"]);
  return labelLoss("crossEntropy", logSoftmax(logits, { axis: options.axis ?? -1 }), labels, options);
}
