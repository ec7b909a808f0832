import { crossEntropy, type Dataset, dtypeOf, OptionError, type Tensor } from "isoloss";
import { mseLoss } from "isoloss/nn";
import { placeInModule } from "./own/file.js";
import { type OwnModule, ownExport } from "./own/problem.js";

export type LossFunction = (output: Tensor, labels: Tensor) => Tensor;

/** The loss of a run by its labels: cross-entropy for classes, the mean squared error for numbers. */
export const lossOf = ({ labels }: Pick<Dataset, "labels">): LossFunction =>
  dtypeOf(labels) === "int64" ? crossEntropy : mseLoss;

/** A loss that a module exports, or a program of a module has. @throws OptionError, DataError */
export async function ownLoss(own: OwnModule): Promise<LossFunction> {
  const value = await ownExport(own);
  const loss = typeof value === "function" ? value : (value as { readonly loss?: unknown } | null)?.loss;
  if (typeof loss === "function") return loss as LossFunction;
  const { file, name } = placeInModule(own.module);
  throw new OptionError(
    `${file}: the export ${name} must be a loss, a function of the model's output and the labels that returns a scalar, or have one: { loss }.`,
  );
}
