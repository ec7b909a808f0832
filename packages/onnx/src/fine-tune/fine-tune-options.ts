import type { Dataset, LearningRate, Loss, Optimizer, RuntimeName } from "isoloss";
import { isNdArray } from "isoloss";
import {
  abortSignal,
  anyOf,
  inCode,
  integerFrom,
  isObject,
  listOf,
  number,
  type OptionsOf,
  oneOf,
  optionTable,
  positive,
  text,
} from "isoloss/internal";
import { optimizers } from "isoloss/optim";
import { type LossName, namedLosses } from "./named-losses.js";
import type { FineTuneEpoch } from "./run-epochs.js";

export type OptimizerName = keyof typeof optimizers;

export interface FineTuneOptions extends OptionsOf<typeof fineTuneOptions> {}

const isDataset = (value: unknown): boolean => {
  const { inputs, labels } = (value ?? {}) as Partial<Dataset>;
  return isNdArray(inputs) && isNdArray(labels);
};

const dataset = inCode<Dataset>("arrays { inputs, labels }", isDataset);
const callable = <F>(what: string) => inCode<F>(what, (value) => typeof value === "function");

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
  /** Examples of a step; default 32, or as many as the file fixes. */
  batchSize: integerFrom(1).otherwise("32, or as many as the file fixes"),
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
