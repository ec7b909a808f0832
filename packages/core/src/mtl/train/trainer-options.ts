import type { Batch, MergedBatch } from "../../batch.js";
import type { Mt19937 } from "../../math/mt19937.js";
import type { NoMetrics } from "../../metrics/metric.js";
import type { Optimizer } from "../../optim/optimizer.js";
import type { CompileOptions } from "../../runtime/compile.js";
import type { Source } from "../../train/dataset.js";
import type { TaskMetricSets } from "../../train/evaluator.js";
import type { LearningRate, RunStepsOptions, StepsProgress } from "../../train/run.js";
import type { RunResult } from "../../train/run-steps.js";
import type { AnyTrainer } from "../../train/trainer-of.js";
import type { Representation } from "../gradients/forward.js";
import type { TaskOf } from "../gradients/parameter-split.js";
import type { MultiTaskMethod } from "../method.js";
import type { MultiTaskEvaluation, TaskMetrics, TaskOutputs } from "./evaluate.js";
import type { MultiTaskHistory, TaskValues } from "./history.js";
import type { BeforeStep, RunSetup } from "./step-hook.js";
import type { TaskLosses } from "./task-losses.js";
import type { MultiTaskState } from "./train-state.js";

/** Arrays by name, or a stream of such, or a list of these. */
export type MultiTaskData = Source | readonly Source[];

/**
 * @typeParam P tree of parameters
 * @typeParam D data, whose names the losses find in their batch
 * @typeParam S tree of the model's state
 */
export interface MultiTaskTrainerOptions<P, D extends MultiTaskData = Batch, S = unknown>
  extends Omit<CompileOptions, "scan" | "dtype"> {
  readonly losses: TaskLosses<P, MergedBatch<D>, S>;
  /** A tree `{ shared, heads: { [task]: ... } }`, or a function that draws one with a generator of the run's seed. */
  readonly params: P | ((rng: Mt19937, options: { readonly dtype: "float32" | "float64" }) => P);
  /** The model's untrained state, such as running statistics: a tree of arrays; default none. */
  readonly state?: S | undefined;
  /**
   * Arrays by name with examples along the first axis, or a stream of such; a list of these if tasks have examples of their
   * own. A stream has no random examples, for which hooks such as that of COST ask.
   */
  readonly data?: D | undefined;
  readonly method: MultiTaskMethod;
  readonly optimizer: Optimizer;
  /** A number, or a function of the step (0, 1, ...): see schedules. */
  readonly learningRate: LearningRate;
  /** Number of examples per step from every source; default all; a stream needs it. */
  readonly batchSize?: number | undefined;
  /** Seed of initialization, order of batches, dropout and the method's random numbers; an integer, default 0. */
  readonly seed?: number | undefined;
  /** Precision of the computation; default that of the given parameters, or float32. */
  readonly dtype?: "float32" | "float64" | undefined;
  /** Names, in the order of the losses; default the keys of `params.heads`, or 0, 1, .... */
  readonly tasks?: readonly string[] | undefined;
  /** Default: `heads.NAME` belongs to task NAME, all else is shared. */
  readonly taskOf?: TaskOf | undefined;
  /** Largest norm of the shared gradient, 0 for no limit; default the method's. */
  readonly clipNorm?: number | undefined;
  /**
   * Whether the heads' gradients are multiplied by their tasks' weights, for which the method has to give some; default the
   * method's setting.
   */
  readonly headGradient?: "weighted" | "unweighted" | undefined;
  /**
   * If given, the tasks' gradients are compared in the representation that it returns, a tensor or several, which the losses
   * find in their context.
   */
  readonly representation?: Representation<P, MergedBatch<D>, S> | undefined;
  /** Whether gradients are measured and recorded even for a method that needs only losses; default false. */
  readonly recordGradients?: boolean | undefined;
  /**
   * Whether a step keeps the K gradients and combines them (`keep`), or differentiates the weighted loss
   * again once the weights are known (`recompute`), which needs the memory of one gradient only; default
   * `auto`, by cost.
   */
  readonly strategy?: "auto" | "keep" | "recompute" | undefined;
  /** Additional quantities for {@link MultiTaskTrainer.evaluate}. */
  readonly metrics?: TaskMetrics<P, MergedBatch<D>, S> | undefined;
  /** Outputs and labels by task, for the metrics by task of `run` and `evaluate`. */
  readonly outputs?: TaskOutputs<P, MergedBatch<D>, S> | undefined;
  readonly beforeStep?: BeforeStep<P> | undefined;
}

export interface MultiTaskProgress extends StepsProgress {
  /** Mean training losses since the last report, [K]. */
  readonly losses: Float64Array;
}

/**
 * @typeParam D validation data
 * @typeParam M metrics by task
 */
export type RunMultiTaskOptions<
  D = MultiTaskData,
  M extends TaskMetricSets = TaskMetricSets,
> = RunStepsOptions<Pick<MultiTaskProgress, "losses">, D, M, TaskValues>;

/** Options of an evaluation. */
export interface EvaluateTasksOptions<M extends TaskMetricSets = TaskMetricSets> {
  /** Further quantities by task and name; they need the trainer's option `outputs`. Default none. */
  readonly metrics?: M | undefined;
  /**
   * Largest number of examples at a time, of which means over batches depend; default 500. Of several sources more, where one of
   * them has fewer examples than there would be batches.
   */
  readonly batchSize?: number | undefined;
}

/**
 * Trains a model on several tasks. Two runs with the same options give the same numbers, bit for bit, however
 * the steps are divided into calls of `run`.
 */
export interface MultiTaskTrainer<P, D extends MultiTaskData = MultiTaskData>
  extends AnyTrainer<MultiTaskState<P>, MultiTaskHistory> {
  readonly setup: RunSetup<P>;
  /**
   * Trains for a number of steps or epochs. At the end of each epoch a run by `epochs`, or one with `validation` or `onEpoch`,
   * appends a row to `history.epochs`, and evaluates the validation data. State and history hold all that early stopping
   * and the best epoch depend on: a resumed run ends as the run would have.
   *
   * @throws NumericalError when a loss or the gradient is no longer finite; the state is then that before the step;
   *   OptionError for unknown options; RuntimeError after `dispose`
   */
  run<M extends TaskMetricSets = NoMetrics>(options: RunMultiTaskOptions<D, M>): Promise<RunResult>;
  /**
   * Losses and metrics over a data set, in evaluation mode; a list of records if tasks have examples of their own. Streams are
   * read in the order of their epoch 0 with seed 0.
   *
   * @throws ShapeError, DTypeError, DataError when the data do not fit the losses; IsolossError while a run computes
   */
  evaluate<M extends TaskMetricSets = NoMetrics>(
    data: D,
    options?: EvaluateTasksOptions<M>,
  ): Promise<MultiTaskEvaluation<M>>;
}
