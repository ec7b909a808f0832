import { crossEntropy, type Dataset, dtypeOf, type Tensor } from "isoloss";
import { mseLoss } from "isoloss/nn";

export type LossFunction = (output: Tensor, labels: Tensor) => Tensor;

/** The loss of a run by its labels: cross-entropy for classes, the mean squared error for numbers. */
export const lossOf = ({ labels }: Pick<Dataset, "labels">): LossFunction =>
  dtypeOf(labels) === "int64" ? crossEntropy : mseLoss;
