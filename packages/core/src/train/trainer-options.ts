import type { FloatArray, NdArray } from "../array.js";
import type { Batch } from "../batch.js";
import type { Dataset } from "../data/dataset.js";
import type { DataStream } from "../data/stream.js";
import type { MetricSet, NoMetrics } from "../metrics/metric.js";
import type { Model } from "../nn/model.js";
import type { AdaptiveClipOptions } from "../optim/adaptive-clip.js";
import type { Optimizer } from "../optim/optimizer.js";
import type { CompileOptions } from "../runtime/compile.js";
import type { Executable } from "../runtime/executable.js";
import type { Evaluation } from "./epoch-row.js";
import type { History } from "./history.js";
import type { LearningRate, RunStepsOptions, StepsProgress } from "./run.js";
import type { RunResult } from "./run-steps.js";
import type { TrainState } from "./state.js";
import type { Loss } from "./step.js";
import type { TeleportBatch } from "./teleport-batches.js";
import type { TeleportPlan } from "./teleports.js";
import type { AnyTrainer } from "./trainer-of.js";

export interface Progress extends StepsProgress {
  /** Mean training loss since the last report. */
  readonly loss: number;
}

export interface TrainerOptions<P, S> extends Omit<CompileOptions, "scan" | "dtype"> {
  readonly model: Model<P, S>;
  /** Arrays, or a stream that is read while the run goes on and has the same bits. */
  readonly data: Dataset | DataStream<Dataset>;
  readonly optimizer: Optimizer;
  /** A number, or a function of the step (0, 1, ...): see schedules. */
  readonly learningRate: LearningRate;
  /** Default: mean cross-entropy. */
  readonly loss?: Loss | undefined;
  /** Default: the whole data set; a stream needs it. */
  readonly batchSize?: number | undefined;
  /** Number of examples that are evaluated at once; default 500. */
  readonly evaluationBatchSize?: number | undefined;
  /** Seed of initialization, order of batches and dropout; an integer, default 0. */
  readonly seed?: number | undefined;
  readonly dtype?: "float32" | "float64" | undefined;
  /** Largest global norm of the gradient; default no limit. */
  readonly clipNorm?: number | undefined;
  /** Adaptive clipping of the gradient, before that to `clipNorm`: see `clipAdaptively`; default none. */
  readonly adaptiveClip?: AdaptiveClipOptions | undefined;
  /** Whether the history records the squared norm of each step's gradient; default false. */
  readonly gradNorm?: boolean | undefined;
  /** Teleports before steps, on the batch of the next step; default none. */
  readonly teleport?: TrainerTeleportPlan<NoInfer<P>> | undefined;
}

export interface TrainerTeleportPlan<P> extends Omit<TeleportPlan<P, TeleportBatch>, "heldOut"> {
  /** Data of the batch's shapes on which the loss must stay as well; default the examples after the batch. */
  readonly heldOut?: Batch | undefined;
  /**
   * Number of examples in a teleport's batch, beginning with that of the next step; default the training's
   * batch size.
   */
  readonly batchSize?: number | undefined;
}

/** @typeParam M metrics of the validation data */
export type RunTrainerOptions<M extends MetricSet = MetricSet> = RunStepsOptions<
  Pick<Progress, "loss">,
  Dataset | DataStream<Dataset>,
  M,
  Evaluation<M>
>;

/** Options of an evaluation. */
export interface EvaluateOptions<M extends MetricSet = MetricSet> {
  /** Further quantities, by name; default none. */
  readonly metrics?: M | undefined;
}

/**
 * Trains a model: one compiled step, run in loops inside the runtime.
 * Two runs with the same options give the same numbers, bit for bit, however the steps are divided into calls
 * of {@link run}.
 *
 * @example
 * const { images, labels } = digits();
 * const data = { inputs: images, labels };
 * const model = mlp({ sizes: [64, 32, 10] });
 * const trainer = await createTrainer({ model, data, optimizer: sgd(), learningRate: 0.5, batchSize: 64 });
 * await trainer.run({ steps: 300 });
 * const { loss, accuracy } = await trainer.evaluate(data);
 */
export interface Trainer<P, S> extends AnyTrainer<TrainState<P, S>, History> {
  readonly executable: Executable;
  /**
   * Trains for a number of steps or epochs. At the end of each epoch a run by `epochs`, or one with `validation` or `onEpoch`,
   * appends a row to `history.epochs`, and evaluates the validation data. State and history hold all that early stopping
   * and the best epoch depend on: a resumed run ends as the run would have.
   *
   * @throws NumericalError when the loss or a parameter is no longer finite; the state is then that of the last report;
   *   OptionError for unknown options; RuntimeError after `dispose`
   */
  run<M extends MetricSet = NoMetrics>(options: RunTrainerOptions<M>): Promise<RunResult>;
  /**
   * Loss, accuracy and other metrics over a data set, in evaluation mode. A stream is read in the order of its epoch 0 with seed 0.
   *
   * @throws ShapeError, DTypeError, DataError when the data do not fit the model; IsolossError while a run computes
   */
  evaluate<M extends MetricSet = NoMetrics>(
    data: Dataset | DataStream<Dataset>,
    options?: EvaluateOptions<M>,
  ): Promise<Evaluation<M>>;
  /**
   * The model's outputs for any number of examples, [n, ...], in evaluation mode: see `createPredictor`.
   *
   * @throws ShapeError, DTypeError when the inputs do not fit the model; IsolossError while a run computes
   */
  predict(inputs: NdArray): Promise<NdArray<FloatArray>>;
  /** Numbers of the examples in the batch that a step takes, in order. @throws OptionError for a stream */
  batchOf(step: number): Int32Array;
}
