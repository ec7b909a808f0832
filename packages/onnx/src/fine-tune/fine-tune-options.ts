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
  type OptionRows,
  oneOf,
  optionTable,
  positive,
  text,
} from "isoloss/internal";
import { optimizers } from "isoloss/optim";
import { type LossName, namedLosses } from "./named-losses.js";
import type { FineTuneEpoch } from "./run-epochs.js";

export type OptimizerName = keyof typeof optimizers;

export interface FineTuneOptions {
  /** Examples along the first axis: inputs, and classes (int64) or targets. */
  readonly data: Dataset;
  /** A number, or a function of the step (0, 1, ...): see schedules. */
  readonly learningRate: LearningRate;
  /** Data that are not trained on, or the share of the data that is held out; default 0.2. */
  readonly validation?: Dataset | number | undefined;
  /** Data that neither train nor choose the epoch, for what the result is worth, or their share of the data; default none. */
  readonly test?: Dataset | number | undefined;
  /** By name, or a function of the output and the labels; default `crossEntropy`. */
  readonly loss?: LossName | Loss | undefined;
  /** The result that the loss takes; default the only one. */
  readonly output?: string | undefined;
  /** Passes over the data; default 10. */
  readonly epochs?: number | undefined;
  /** Examples of a step; default 32, or as many as the file fixes. */
  readonly batchSize?: number | undefined;
  /** By name, or such as `adamw({ weightDecay: 0.01 })`; default `adam`. */
  readonly optimizer?: OptimizerName | Optimizer | undefined;
  /** Parameters and running statistics that stay, bit for bit: names, with `*` for any characters; default none. */
  readonly freeze?: readonly string[] | undefined;
  /** Whether to `restore` batch norms that were folded, or to `keep` the layers; default `keep` if the file has some, and without convolutions for `mse` and `l1`. */
  readonly batchNorm?: "restore" | "keep" | undefined;
  /** Seed of the split and of the order of batches; default 0. */
  readonly seed?: number | undefined;
  /** Largest global norm of the gradient; default no limit. */
  readonly clipNorm?: number | undefined;
  /** Largest change of an output by restoring or folding, relative to its largest value; default as of `sameFunction`. */
  readonly tolerance?: number | undefined;
  /** Where it is computed: `javascript`, `onnx`, or `auto` (default). */
  readonly runtime?: RuntimeName | undefined;
  /** Called after each epoch, and before the first one with epoch 0; awaited. */
  readonly onEpoch?: ((row: FineTuneEpoch) => void | Promise<void>) | undefined;
  /** Ends the training early; the best epoch so far is the result. */
  readonly signal?: AbortSignal | undefined;
}

const isDataset = (value: unknown): boolean => {
  const { inputs, labels } = (value ?? {}) as Partial<Dataset>;
  return isNdArray(inputs) && isNdArray(labels);
};

const dataset = inCode<Dataset>("arrays { inputs, labels }", isDataset);
const callable = <F>(what: string) => inCode<F>(what, (value) => typeof value === "function");

export const fineTuneOptions = optionTable("fineTune", {
  data: dataset.required(),
  learningRate: anyOf(
    number({ min: 0 }),
    callable<(step: number) => number>("a function of the step"),
  ).required(),
  validation: anyOf(dataset, number({ above: 0, below: 1 })).default(0.2),
  test: anyOf(dataset, number({ above: 0, below: 1 })).otherwise("none"),
  loss: anyOf(
    oneOf(Object.keys(namedLosses) as LossName[]),
    callable<Loss>("a function of output and labels"),
  ).default("crossEntropy"),
  output: text("the name of a result of the model").otherwise("the only one"),
  epochs: integerFrom(0).default(10),
  batchSize: integerFrom(1).otherwise("32, or as many as the file fixes"),
  optimizer: anyOf(
    oneOf(Object.keys(optimizers) as OptimizerName[]),
    inCode<Optimizer>("an optimizer such as adam()", isObject),
  ).default("adam"),
  freeze: listOf(text("a name or a pattern such as features.*")).default([]),
  batchNorm: oneOf(["restore", "keep"]).otherwise(
    "keep for a file that has batch norms, and for mse and l1 without convolutions; else restore",
  ),
  seed: integerFrom(0).default(0),
  clipNorm: positive.otherwise("no limit"),
  tolerance: positive.otherwise("as of sameFunction"),
  runtime: oneOf<RuntimeName>(["auto", "javascript", "onnx"]).default("auto"),
  onEpoch: callable<(row: FineTuneEpoch) => void | Promise<void>>("a function of an epoch").otherwise("none"),
  signal: abortSignal.otherwise("none"),
} satisfies OptionRows<FineTuneOptions>);
