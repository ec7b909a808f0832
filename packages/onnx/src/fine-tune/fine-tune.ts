import {
  createTrainer,
  DataError,
  type Dataset,
  dtypeOf,
  type ImportedModel,
  IsolossError,
  type Loss,
  type Model,
  type NdArray,
  OptionError,
  ShapeError,
  sizeOf,
  spec,
  type Tensor,
  torchGenerator,
  trace,
} from "isoloss";
import {
  checkClasses,
  formatShape,
  type LabelUse,
  labelUses,
  namesMatching,
  nodesOf,
} from "isoloss/internal";
import { masked } from "isoloss/moves";
import type { FloatDType } from "isoloss/nn";
import type { OnnxModel } from "isoloss/onnx";
import { createOptimizer } from "isoloss/optim";
import { importedModel } from "../import/from-onnx.js";
import { trainable } from "../import/trainable.js";
import { sameFiles } from "../model-file/compare/same-function.js";
import { imported, OnnxFile } from "../model-file/edit/onnx-file.js";
import { withParamsIn } from "../model-file/edit/with-params.js";
import { foldBatchNormIn } from "../model-file/prepare/fold-batch-norm.js";
import type { PreparationRow } from "../model-file/prepare/preparation.js";
import { countZeros } from "../prune/prune-weights.js";
import { calibrationBatches, divided, evaluationPlan } from "./divided-data.js";
import {
  type FineTuneOptions,
  fineTuneOptions,
  type LossName,
  type NamedLoss,
  namedLosses,
} from "./fine-tune-options.js";
import { type Arrays, type EpochResults, type FineTuneEpoch, runEpochs } from "./run-epochs.js";
import {
  restoredFile,
  type TrainingFile,
  withOpenBatch,
  withOwnStatistics,
  withoutEnd,
} from "./training-file.js";

/** A model that was trained further. */
export interface FineTuned {
  /** The file of the best epoch; if that is 0, the file as it came. */
  readonly bytes: Uint8Array;
  /** What was measured: first the model as it came, then each epoch. */
  readonly history: readonly FineTuneEpoch[];
  /** The model as it came: the first row of the history. */
  readonly before: FineTuneEpoch;
  /** The epoch with the smallest validation loss: on these data it looks better than it is, as they chose it. */
  readonly best: FineTuneEpoch;
  /** Loss and accuracy on the test data, which chose nothing: of the model as it came, and of `bytes`. Left out without such. */
  readonly test?: EpochResults["test"];
  /** How the training ended: after all epochs, at a signal, or because a number was no longer finite. */
  readonly ended: EpochResults["ended"];
  /** Why the training diverged. */
  readonly problem?: string | undefined;
  /** Numbers of parameters that were trained, and that were frozen, in the file that was trained; of the former those that stayed 0. */
  readonly parameters: { readonly trained: number; readonly frozen: number; readonly zeros: number };
  /** Numbers of examples that were trained on, that chose the epoch, and that did neither. */
  readonly examples: { readonly training: number; readonly validation: number; readonly test: number };
  /** Which layers got a batch norm for the training, and why others not; empty where none were put back. */
  readonly restored: readonly PreparationRow[];
  /** Largest differences of outputs, relative to their largest value: by restoring, and by folding at the end. */
  readonly differences: { readonly restored: number; readonly folded: number };
}

/**
 * Trains an ONNX file further and returns a file of the same form.
 *
 * In a file without batch norms, those that the exporter folded are put back for the training, without a change of the
 * function (see `restoreBatchNorm`, with statistics of up to 512 examples), and folded again at the end. Those of a file
 * that has some stay, and are trained. In training a batch norm uses the statistics of the batch (see `trainable`). Layers with frozen weights get none. The
 * parameters of the epoch with the smallest validation loss are kept, where epoch 0 is the model as it came. Two calls
 * with the same options give the same numbers.
 *
 * Zeros stay zero in weights of which 5 % or more are zero, and not all: they were pruned.
 *
 * A loss by name that contains an activation takes the operand of it where the output is one, perhaps in another shape: `crossEntropy` that of a
 * Softmax, `binaryCrossEntropy` that of a Sigmoid. Dropout does nothing. If the file fixes the size of a batch, and its nodes do
 * not allow another one, steps and evaluations have that size.
 *
 * @param bytes the bytes of an `.onnx` file of one input, its data inside, that `fromOnnx` reads
 * @param options `data`, `learningRate`, and those of {@link FineTuneOptions}
 * @throws OptionError for a pattern that selects nothing, and for options that are unknown or out of range; DataError for
 *   labels that are no classes, and if restoring or folding changes outputs by more than `tolerance`; ShapeError,
 *   DTypeError if data, model and loss do not fit
 *
 * @example
 * const data = { inputs: images, labels };
 * const { bytes, before: asItCame, best } = await fineTune(before, { data, learningRate: 1e-3, epochs: 2, batchSize: 4 });
 * best.validation.loss <= asItCame.validation.loss; // true
 */
export async function fineTune(bytes: Uint8Array, options: FineTuneOptions): Promise<FineTuned> {
  const given = OnnxFile.decode("fineTune", bytes);
  const settings = fineTuneOptions.read(options);
  const { runtime, seed } = settings;
  const base = withOwnStatistics("fineTune", given);
  const read = imported(base);
  const { input, fixed } = singleInput(read);
  const output = chosenOutput(read, settings.output);
  const names = [...Object.keys(read.params), ...Object.keys(read.state)];
  const frozen = namesMatching(
    "fineTune",
    // As in the file, in which colons are allowed.
    settings.freeze.map((pattern) => pattern.replaceAll(":", "_")),
    names,
  );
  const dtype = dtypeOfModel(read);
  const ofNumbers = typeof settings.loss === "string" && settings.loss !== "crossEntropy";
  const { train, validation, test } = divided(settings.data, settings, { seed, dtype, ofNumbers });

  const batches = calibrationBatches(train, input, fixed);
  const restored = await restoredFile(base, batches, {
    batchNorm: settings.batchNorm,
    isRegression: settings.loss === "mse" || settings.loss === "l1",
    frozen,
    runtime,
  });
  const differenceOf = async (what: string, a: OnnxFile, b: OnnxFile): Promise<number> => {
    if (a === b) return 0;
    const at = { inputs: batches.slice(0, 2), runtime, tolerance: settings.tolerance };
    const { isSame, largest, tolerance } = await sameFiles(a, b, at);
    if (isSame) return largest;
    throw new DataError(
      `fineTune: ${what} the batch norms changes an output by ${largest.toPrecision(2)}, relative to its largest value; ` +
        `at most ${Number(tolerance.toPrecision(2))} is allowed. Set a larger tolerance, or batchNorm: "keep".`,
    );
  };
  const restoring = await differenceOf("restoring", base, restored.file);

  const { loss, contains } = namedLoss(settings.loss);
  const file = withoutEnd("fineTune", { file: restored.file, output }, contains);
  const setup = { input, fixed, frozen, loss, train, batchSize: settings.batchSize };
  const { model, batchSize, fixed: fixedAtOnce, uses } = trainingSetup(file, setup);
  checkClasses("fineTune: the labels", settings.data.labels, uses);

  const heldOut = evaluationPlan(validation, fixedAtOnce, "validation");
  const testSet = test && evaluationPlan(test, fixedAtOnce, "test").set;
  const optimizer =
    typeof settings.optimizer === "string" ? createOptimizer(settings.optimizer) : settings.optimizer;
  const { mask, zeros } = prunedZeros(model.init(torchGenerator(0)).params);
  const trainer = await createTrainer({
    model,
    data: train,
    loss,
    batchSize,
    seed,
    dtype,
    runtime,
    evaluationBatchSize: heldOut.size,
    optimizer: zeros === 0 ? optimizer : masked(optimizer, mask),
    learningRate: settings.learningRate,
    clipNorm: settings.clipNorm,
  });
  const { best, ...results } = await runEpochs(trainer, {
    epochs: settings.epochs,
    validation: heldOut.set,
    test: testSet,
    onEpoch: settings.onEpoch ?? (() => {}),
    signal: settings.signal,
  }).finally(() => trainer.dispose());

  const trained = withParamsIn(restored.file, { ...best.params, ...best.state });
  const isFolded = (result: string) => restored.norms.has(result);
  const folded = restored.norms.size === 0 ? trained : foldBatchNormIn(trained, isFolded).file;
  const folding = await differenceOf("folding", trained, folded);
  const trainedCount = count(best.params);
  return {
    ...results,
    bytes: best.epoch === 0 ? bytes : folded.bytes,
    before: results.history[0],
    best: results.history[best.epoch],
    parameters: {
      trained: trainedCount,
      zeros,
      frozen: count(imported(restored.file).params) - trainedCount,
    },
    examples: {
      training: train.inputs.shape[0],
      validation: heldOut.set.inputs.shape[0],
      test: testSet?.inputs.shape[0] ?? 0,
    },
    restored: restored.report,
    differences: { restored: restoring, folded: folding },
  };
}

/** Share of zeros from which a weight counts as pruned. */
const PRUNED = 0.05;

/** A mask that is 0 where a pruned weight is, and how many numbers these are. A layer of zeros alone may start so. */
function prunedZeros(params: Arrays): { readonly mask: Arrays; readonly zeros: number } {
  let zeros = 0;
  const entries = Object.entries(params).map(([name, array]): [string, NdArray] => {
    const { shape, data } = array;
    const count = countZeros({ array }).zeros;
    const isPruned = shape.length > 1 && count >= PRUNED * data.length && count < data.length;
    if (isPruned) zeros += count;
    const kept = Float32Array.from<number | bigint>(data, (x) => (isPruned && Number(x) === 0 ? 0 : 1));
    return [name, { shape, data: kept }];
  });
  return { mask: Object.fromEntries(entries), zeros };
}

/** The input that gets the data, and the size of a batch if the file fixes it. */
function singleInput({ inputs }: ImportedModel): { readonly input: string; readonly fixed?: number } {
  const [{ name, shape } = { name: "" }] = inputs;
  if (inputs.length !== 1) {
    throw new OptionError(
      `fineTune: the model must have one input, which gets the data; it has ${inputs.map((one) => one.name).join(", ") || "none"}.`,
    );
  }
  const [size] = shape ?? [];
  return { input: name, ...(typeof size === "number" ? { fixed: size } : {}) };
}

function chosenOutput({ outputs }: ImportedModel, name: string | undefined): string {
  if (name === undefined && outputs.length === 1) return outputs[0];
  if (name !== undefined && outputs.includes(name)) return name;
  const problem = name === undefined ? "must be named" : `"${name}" is not one of the model's`;
  throw new OptionError(`fineTune: the output ${problem}; it has ${outputs.join(", ")}.`);
}

const namedLoss = (loss: LossName | Loss): Pick<NamedLoss, "loss" | "contains"> =>
  typeof loss === "string" ? namedLosses[loss] : { loss };

const dtypeOfModel = ({ params }: ImportedModel): FloatDType =>
  Object.values(params).some((array) => dtypeOf(array) === "float64") ? "float64" : "float32";

const count = (arrays: Arrays): number =>
  Object.values(arrays).reduce((total, { shape }) => total + sizeOf(shape), 0);

/** Examples of a step, unless the file or the caller fixes it. */
const BATCH_SIZE = 32;

interface SetupOptions {
  readonly input: string;
  /** The size of a batch in the file; undefined where it is open. */
  readonly fixed: number | undefined;
  readonly frozen: ReadonlySet<string>;
  readonly loss: Loss;
  readonly train: Dataset;
  /** As the caller wants it. */
  readonly batchSize: number | undefined;
}

/** A file as a model to train. */
interface TrainingSetup {
  readonly model: Model<Arrays, Arrays>;
  readonly batchSize: number;
  /** The only size of a batch that the model's nodes take; undefined where all are possible. */
  readonly fixed: number | undefined;
  /** How the loss uses the labels. */
  readonly uses: readonly LabelUse[];
}

/** Decides the size of a batch and traces the loss once. A size that the file fixes is changed if its nodes allow it. */
function trainingSetup({ file, output }: TrainingFile, options: SetupOptions): TrainingSetup {
  const { input, fixed, train } = options;
  const batchSize = Math.min(options.batchSize ?? BATCH_SIZE, train.inputs.shape[0]);
  if (fixed === undefined || fixed === batchSize)
    return setupOf(file.model, output, { batchSize, fixed }, options);
  try {
    return setupOf(withOpenBatch(file.model, input), output, { batchSize, fixed: undefined }, options);
  } catch (cause) {
    if (!(cause instanceof IsolossError)) throw cause;
    const setup = setupOf(file.model, output, { batchSize: fixed, fixed }, options);
    if (options.batchSize === undefined || options.batchSize === fixed) return setup;
    throw new OptionError(
      `fineTune: the file takes batches of ${fixed} examples alone; got batchSize ${options.batchSize}. Export it with an open first axis. ` +
        `With ${batchSize}: ${cause.message}`,
      { cause },
    );
  }
}

function setupOf(
  file: OnnxModel,
  output: string,
  { batchSize, fixed }: Pick<TrainingSetup, "batchSize" | "fixed">,
  { input, frozen, loss, train }: SetupOptions,
): TrainingSetup {
  const read = importedModel(() => file, { outputs: [output] });
  const model = trainable(read, { input, freeze: (name) => frozen.has(name) });
  const { params, state } = model.init(torchGenerator(0));
  const [x, y] = [train.inputs, train.labels].map((array) =>
    spec([batchSize, ...array.shape.slice(1)], dtypeOf(array)),
  );
  let uses: readonly LabelUse[] = [];
  const { graph } = trace(
    ({ p, s, x, y }) => {
      const { output: made } = model.apply(p, x, { state: s });
      requireBatch(output, made, batchSize);
      const value = loss(made, y);
      uses = labelUses(y);
      return value;
    },
    { p: params, s: state, x, y },
  );
  // Of other outputs alone: a decay of weights would change them.
  const computed = new Set(nodesOf(graph));
  const unread = new Set(graph.inputs.flatMap(({ name, tensor }) => (computed.has(tensor) ? [] : [name])));
  const isKept = (name: string) => frozen.has(name) || unread.has(`p.${name}`);
  return { model: trainable(read, { input, freeze: isKept }), batchSize, fixed, uses };
}

function requireBatch(name: string, { shape }: Tensor, batchSize: number): void {
  if (shape[0] === batchSize) return;
  throw new ShapeError(
    `fineTune: the output "${name}" must have an entry for each of ${batchSize} examples; it has the shape ${formatShape(shape)}.`,
  );
}
