import type { Loss, Shape, Tensor } from "isoloss";
import { crossEntropy, DTypeError } from "isoloss";
import { formatType, sameShape } from "isoloss/internal";
import { binaryCrossEntropyWithLogits, l1Loss, mseLoss } from "isoloss/nn";
import { cast, reshape } from "isoloss/ops";

/** A loss that configurations choose by name. */
export interface NamedLoss {
  readonly summary: string;
  readonly loss: Loss;
  /** The operator that the loss computes itself: a model that ends in it is trained on its operand. */
  readonly contains?: string;
}

export type LossName = "crossEntropy" | "binaryCrossEntropy" | "mse" | "l1";

/** Every loss that `fineTune` knows by name. */
export const namedLosses: Readonly<Record<LossName, NamedLoss>> = {
  crossEntropy: {
    summary: "cross-entropy of the softmax of the output with classes",
    loss: (logits, labels) => {
      if (labels.dtype !== "int64") {
        throw new DTypeError(
          `crossEntropy takes classes as labels, int64; got ${formatType(labels)}. Give classes as integers; for numbers as targets choose mse.`,
        );
      }
      return crossEntropy(logits, labels, { axis: classAxis(logits.shape, labels.shape) });
    },
    contains: "Softmax",
  },
  binaryCrossEntropy: {
    summary: "cross-entropy of the sigmoid of each output with targets in [0, 1]",
    loss: (logits, targets) => binaryCrossEntropyWithLogits(logits, like(targets, logits)),
    contains: "Sigmoid",
  },
  mse: {
    summary: "mean squared error",
    loss: (output, targets) => mseLoss(output, like(targets, output)),
  },
  l1: { summary: "mean absolute error", loss: (output, targets) => l1Loss(output, like(targets, output)) },
};

/** Axis 1 of images [batch, classes, height, width] with a class for each pixel, else the last one. */
function classAxis(logits: Shape, labels: Shape): number {
  return logits.length > 2 && sameShape([logits[0], ...logits.slice(2)], labels) ? 1 : -1;
}

/** Targets as numbers of the output's type, and in its shape where they are as many: [n] for an output [n, 1]. */
function like(targets: Tensor, output: Tensor): Tensor {
  const numbers = cast(targets, output.dtype);
  return numbers.size === output.size ? reshape(numbers, output.shape) : numbers;
}
