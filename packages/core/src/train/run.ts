// A run of K >= 1 tasks: what changes in it, and what its steps, its epochs and its checkpoints need. How steps are taken and
// what is measured is given: of one task a runtime takes many steps at once, of several a method decides between gradients and update.
import type { Quantities } from "../metrics/metric.js";
import type { Optimizer } from "../optim/optimizer.js";
import type { Lifetime } from "../runtime/lifetime.js";
import type { Resources } from "../runtime/resources.js";
import type { RunHistory } from "./history.js";
import type { RunSettings } from "./run-settings.js";
import type { LearningRate } from "./run-steps.js";
import type { RunState } from "./state.js";

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
export const meanOf = (values: readonly number[]): number =>
  values.reduce((a, b) => a + b, 0) / values.length;
