// Names that help texts and options have without loading the library.
import type { FineTuneOptions, LossName } from "isoloss-onnx";

export const lossNames: readonly LossName[] = ["crossEntropy", "binaryCrossEntropy", "mse", "l1"];

type OptimizerName = Extract<FineTuneOptions["optimizer"], string>;

export const optimizerNames: readonly OptimizerName[] = [
  ...(["gd", "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "lars"] as const),
  ...(["nadam", "radam", "lion", "sam"] as const),
];
