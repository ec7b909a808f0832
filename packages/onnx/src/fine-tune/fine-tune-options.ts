import {
  crossEntropy,
  type Dataset,
  DTypeError,
  isNdArray,
  type LearningRate,
  type Loss,
  type Optimizer,
  type RuntimeName,
  type Shape,
  type Tensor,
} from "isoloss";
import {
  abortSignal,
  anyOf,
  formatType,
  inCode,
  integerFrom,
  isFunction,
  isObject,
  listOf,
  number,
  type OptionsOf,
  oneOf,
  optionTable,
  positive,
  sameShape,
  text,
} from "isoloss/internal";
import { binaryCrossEntropyWithLogits, l1Loss, mseLoss } from "isoloss/nn";
import { cast, reshape } from "isoloss/ops";
import { optimizers } from "isoloss/optim";
import type { FineTuneEpoch } from "./run-epochs.js";

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

export type OptimizerName = keyof typeof optimizers;

export interface FineTuneOptions extends OptionsOf<typeof fineTuneOptions> {}

const isDataset = (value: unknown): boolean => {
  const { inputs, labels } = (value ?? {}) as Partial<Dataset>;
  return isNdArray(inputs) && isNdArray(labels);
};

const dataset = inCode<Dataset>("arrays { inputs, labels }", isDataset);
const callable = <F>(what: string) => inCode<F>(what, isFunction);

export const fineTuneOptions = optionTable("fineTune", {
  /** Examples along the first axis: inputs, and classes (int64) or targets. */
  data: dataset.required(),
  /** A number, or a function of the step (0, 1, ...): see schedules. */
  learningRate: anyOf(
    number({ min: 0 }),
    callable<Exclude<LearningRate, number>>("a function of the step"),
  ).required(),
  /** Data that are not trained on, or the share of the data that is held out; default 0.2. */
  validation: anyOf(dataset, number({ above: 0, below: 1 })).default(0.2),
  /** Data that neither train nor choose the epoch, for what the result is worth, or their share of the data; default none. */
  test: anyOf(dataset, number({ above: 0, below: 1 })).otherwise("none"),
  /** By name, or a function of the output and the labels; default `crossEntropy`. */
  loss: anyOf(
    oneOf(Object.keys(namedLosses) as LossName[]),
    callable<Loss>("a function of output and labels"),
  ).default("crossEntropy"),
  /** The result that the loss takes; default the only one. */
  output: text("the name of a result of the model").otherwise("the only one"),
  /** Passes over the data; default 10. */
  epochs: integerFrom(0).default(10),
  /** Examples of a step; default 32; of a file whose nodes take only the size that it fixes, that size. */
  batchSize: integerFrom(1).otherwise(
    "32; of a file whose nodes take only the size that it fixes, that size",
  ),
  /** By name, or such as `adamw({ weightDecay: 0.01 })`; default `adam`. */
  optimizer: anyOf(
    oneOf(Object.keys(optimizers) as OptimizerName[]),
    inCode<Optimizer>("an optimizer such as adam()", isObject),
  ).default("adam"),
  /** Parameters and running statistics that stay, bit for bit: names, with `*` for any characters; default none. */
  freeze: listOf(text("a name or a pattern such as features.*")).default([]),
  /** Whether to `restore` batch norms that were folded, or to `keep` the layers; default `keep` if the file has some, and without convolutions for `mse` and `l1`. */
  batchNorm: oneOf(["restore", "keep"]).otherwise(
    "keep for a file that has batch norms, and for mse and l1 without convolutions; else restore",
  ),
  /** Seed of the split and of the order of batches; default 0. */
  seed: integerFrom(0).default(0),
  /** Largest global norm of the gradient; default no limit. */
  clipNorm: positive.otherwise("no limit"),
  /** Largest change of an output by restoring or folding, relative to its largest value; default as of `sameFunction`. */
  tolerance: positive.otherwise("as of sameFunction"),
  /** Where it is computed: `javascript`, `onnx`, or `auto` (default). */
  runtime: oneOf<RuntimeName>(["auto", "javascript", "onnx"]).default("auto"),
  /** Called after each epoch, and before the first one with epoch 0; awaited. */
  onEpoch: callable<(row: FineTuneEpoch) => void | Promise<void>>("a function of an epoch").otherwise("none"),
  /** Ends the training early; the best epoch so far is the result. */
  signal: abortSignal.otherwise("none"),
});
