import type { Dataset, Loss, Model, Tensor } from "isoloss";
import { dtypeOf, IsolossError, OptionError, ShapeError, spec, torchGenerator, trace } from "isoloss";
import { formatShape, type LabelUse, labelUses } from "isoloss/internal";
import type { OnnxModel } from "isoloss/onnx";
import { importedModel } from "../import/from-onnx.js";
import { trainable } from "../import/trainable.js";
import type { Arrays } from "./run-epochs.js";
import { type TrainingFile, withOpenBatch } from "./training-file.js";

/** Examples of a step, unless the file or the caller fixes it. */
const BATCH_SIZE = 32;

export interface SetupOptions {
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
export interface TrainingSetup {
  readonly model: Model<Arrays, Arrays>;
  readonly batchSize: number;
  /** The only size of a batch that the model's nodes take; undefined where all are possible. */
  readonly fixed: number | undefined;
  /** How the loss uses the labels. */
  readonly uses: readonly LabelUse[];
}

/** Decides the size of a batch and traces the loss once. A size that the file fixes is changed if its nodes allow it. */
export function trainingSetup({ file, output }: TrainingFile, options: SetupOptions): TrainingSetup {
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
  const model = trainable(
    importedModel(() => file, { outputs: [output] }),
    {
      input,
      freeze: (name) => frozen.has(name),
    },
  );
  const { params, state } = model.init(torchGenerator(0));
  const [x, y] = [train.inputs, train.labels].map((array) =>
    spec([batchSize, ...array.shape.slice(1)], dtypeOf(array)),
  );
  let uses: readonly LabelUse[] = [];
  trace(
    ({ p, s, x, y }) => {
      const { output: made } = model.apply(p, x, { state: s });
      requireBatch(output, made, batchSize);
      const value = loss(made, y);
      uses = labelUses(y);
      return value;
    },
    { p: params, s: state, x, y },
  );
  return { model, batchSize, fixed, uses };
}

function requireBatch(name: string, { shape }: Tensor, batchSize: number): void {
  if (shape[0] === batchSize) return;
  throw new ShapeError(
    `fineTune: the output "${name}" must have an entry for each of ${batchSize} examples; it has the shape ${formatShape(shape)}.`,
  );
}
