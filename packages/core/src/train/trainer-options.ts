import type { Batch } from "../batch.js";
import type { Dataset } from "../data/dataset.js";
import type { MetricSet } from "../metrics/metric.js";
import type { Model } from "../nn/model.js";
import type { AdaptiveClipOptions } from "../optim/adaptive-clip.js";
import type { Optimizer } from "../optim/optimizer.js";
import type { CompileOptions } from "../runtime/compile.js";
import type { Evaluation } from "./epoch-row.js";
import type { LearningRate, RunStepsOptions, StepsProgress } from "./run-steps.js";
import type { Loss } from "./step.js";
import type { TeleportBatch } from "./teleport-batches.js";
import type { TeleportPlan } from "./teleports.js";

export interface Progress extends StepsProgress {
  /** Mean training loss since the last report. */
  readonly loss: number;
}

export interface TrainerOptions<P, S> extends Omit<CompileOptions, "scan" | "dtype"> {
  readonly model: Model<P, S>;
  readonly data: Dataset;
  readonly optimizer: Optimizer;
  /** A number, or a function of the step (0, 1, ...): see schedules. */
  readonly learningRate: LearningRate;
  /** Default: mean cross-entropy. */
  readonly loss?: Loss | undefined;
  /** Default: the whole data set. */
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
  Dataset,
  M,
  Evaluation<M>
>;

/** Options of an evaluation. */
export interface EvaluateOptions<M extends MetricSet = MetricSet> {
  /** Further quantities, by name; default none. */
  readonly metrics?: M | undefined;
}
