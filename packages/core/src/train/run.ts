// A run of K >= 1 tasks: what changes in it, and what its steps, its epochs and its checkpoints need. How steps are taken and
// what is measured is given: of one task a runtime takes many steps at once, of several a method decides between gradients and update.
import type { Quantities } from "../metrics/metric.js";
import type { Optimizer } from "../optim/optimizer.js";
import type { ScheduleContext } from "../optim/schedules.js";
import type { Lifetime } from "../runtime/lifetime.js";
import type { Resources } from "../runtime/resources.js";
import type { EarlyStoppingOptions } from "./early-stopping.js";
import type { EpochRow } from "./epoch-row.js";
import type { RunHistory } from "./history.js";
import type { RunSettings } from "./run-settings.js";
import type { RunState } from "./state.js";

/** A number, or a function of the step (0, 1, ...), and of epochs so far where a trainer has them: see schedules. */
export type LearningRate = number | ((step: number, run: ScheduleContext) => number);

/**
 * Options of every call of a trainer's `run`.
 *
 * @typeParam R what is reported on steps
 * @typeParam D validation data
 * @typeParam M metrics
 * @typeParam V what is measured on validation data
 */
export interface RunStepsOptions<R, D = unknown, M = unknown, V = unknown> {
  /** Steps to do; or `epochs`. */
  readonly steps?: number | undefined;
  /** Passes over the data to do; one that is under way counts as the first. */
  readonly epochs?: number | undefined;
  /** Data that are evaluated at the end of each epoch; default none. */
  readonly validation?: D | undefined;
  /** Further quantities of the validation data, by name; default none. */
  readonly metrics?: M | undefined;
  /** Ends the run when a quantity of the validation data stops improving; default no end but that of the epochs. */
  readonly earlyStopping?: EarlyStoppingOptions | undefined;
  /**
   * Keeps parameters and model state of the best epoch in `current.best`, and with `restore` continues with them after the
   * run, unless the signal ended it. The best is that of the quantity of `earlyStopping`, or of the validation loss.
   */
  readonly best?: "keep" | "restore" | undefined;
  /**
   * Called at the end of each epoch that is the best so far, in this sense, and awaited, before `onEpoch`: with
   * `() => saveCheckpoint("best.safetensors", trainer)` a file always has the best epoch, whole.
   */
  readonly onBest?: ((row: EpochRow<V>) => void | Promise<void>) | undefined;
  /** Called at the end of each epoch, and awaited, like `onProgress`, which comes after it. */
  readonly onEpoch?: ((row: EpochRow<V>) => void | Promise<void>) | undefined;
  /** Ends the run after the steps under way when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Called between steps, and awaited: it may save a checkpoint, evaluate or restore. An exception that it
   * throws ends the run.
   */
  readonly onProgress?: ((progress: R & StepsProgress) => void | Promise<void>) | undefined;
  /** Steps between reports; default a hundredth of the run, at least 10. */
  readonly reportEvery?: number | undefined;
}

/** The progress of a run. */
export interface StepsProgress {
  /** Steps done. */
  readonly step: number;
  /** The step at which the run ends, unless something ends it earlier. */
  readonly last: number;
  /** Passes over the data done, as a fraction; 0 without data. */
  readonly epoch: number;
  readonly stepsPerSecond: number;
}

/** A state of one task or of several. */
export type AnyState = RunState<unknown, unknown, unknown>;

/** What changes in a run. */
export interface Run<T, H> {
  current: T;
  history: H;
  /** Seconds since the last ones of the history. */
  pause: number;
  /** Whether the host teleports from here on, as a teleport in a loop of steps could not be read. */
  isHosted?: boolean;
}

/**
 * A trainer whose options are checked, whose data are open and whose graphs are compiled.
 *
 * @typeParam T state
 * @typeParam H history
 * @typeParam R what is reported on steps
 * @typeParam D validation data
 * @typeParam M metrics
 * @typeParam V what is measured on validation data
 */
export interface TrainerParts<T extends AnyState, H extends RunHistory<V>, R, D, M, V> {
  /** The function that makes it. */
  readonly owner: string;
  readonly start: T;
  /** A history of no steps. */
  readonly history: H;
  readonly stepsPerEpoch: number;
  readonly optimizer: Optimizer;
  readonly learningRate: LearningRate;
  /** Performs at least one and at most `most` steps; nothing changes when they fail. */
  advance(run: Run<T, H>, most: number, rateOf: (step: number) => number): Promise<R>;
  /** Training losses of each task, one entry per step. */
  lossesOf(history: H): readonly (readonly number[])[];
  /** A copy of the first steps of a history. @throws ShapeError when it has fewer */
  historyUpTo(step: number, past: H): H;
  /** Checks what else a state must have to be continued. */
  checkState?(given: T): void;
  /** The settings that are known without a checksum. */
  settings(learningRate: unknown): RunSettings;
  /** Checksums of the data and of what is computed. */
  checksums(): { readonly data: string; readonly computation: string };
  /** Checks metrics; returns what is known of what will be measured. */
  quantities(metrics: M | undefined): Quantities;
  /** Evaluates a state on validation data. */
  measure(at: T, validation: D, metrics: M | undefined): Promise<V>;
  readonly resources: Resources;
}

/** A trainer in use. */
export interface OpenTrainer<T extends AnyState, H extends RunHistory<V>, R, D, M, V> {
  readonly parts: TrainerParts<T, H, R, D, M, V>;
  readonly run: Run<T, H>;
  readonly lifetime: Lifetime;
  rateOf(step: number): number;
}

/** A run's state with the parameters that its optimizer would have evaluated, such as an average. */
export function evaluated<T extends AnyState>({
  run: { current },
  parts: { optimizer },
}: {
  readonly run: Pick<Run<T, unknown>, "current">;
  readonly parts: { readonly optimizer: Optimizer };
}): T {
  return { ...current, params: optimizer.evaluated?.(current.optimizer, current.params) ?? current.params };
}

/** The mean of the losses of some steps. */
export function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let t = 0; t < values.length; t++) sum += values[t];
  return sum / values.length;
}
