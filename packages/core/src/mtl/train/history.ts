import type { NdArray } from "../../array.js";
import { ShapeError } from "../../errors.js";
import { historyUpTo, mapColumns, type RunHistory } from "../../train/history.js";
import { type Conflict, type ConflictTrigger, conflictOf, conflictTriggers } from "../conflict.js";

/** Something that a hook reported, such as a teleport. */
export interface StepEvent {
  /** Number of steps done before it. */
  readonly step: number;
  /** Seconds that it took. */
  readonly seconds: number;
  readonly event: unknown;
}

/**
 * The history of a run, as plain data: one list per task with one entry per step. Every number was measured
 * in that run, on the step's batch and before the step's update. Where a method needs only losses and the option
 * `recordGradients` is not set, the lists about gradients (`norms`, `meanCosines`, `cosines`, `conflicts`) are empty.
 * NaN means not measured in this step: the weights of a method that returns a direction or of a step that a hook skipped, or steps
 * before a resumed run.
 *
 * The `validation` of the rows in `epochs` has the `loss` of each task (`left.loss`), their mean as `loss`, the trainer's metrics
 * by name and those of the run by task and name (`left.f1`).
 */
export interface MultiTaskHistory extends RunHistory<TaskValues> {
  readonly tasks: readonly string[];
  /** L_k: `losses[k][step]`. */
  readonly losses: readonly number[][];
  /** w_k. */
  readonly weights: readonly number[][];
  /** ||g_k||, in the shared parameters or the representation; in all parameters for a method that spans the heads. */
  readonly norms: readonly number[][];
  /** cos(g_0, g_k), g_0 the mean gradient. */
  readonly meanCosines: readonly number[][];
  /** cos(g_i, g_j) of the pairs i < j, row by row: 01, 02, ..., 12, ...; none for more than 10 tasks. */
  readonly cosines: readonly number[][];
  /** Definitions of a conflict that the step met: 1 or 0. */
  readonly conflicts: Readonly<Record<ConflictTrigger, number[]>>;
  /** ||d|| of the shared gradient that the optimizer was given, before clipping. */
  readonly directionNorms: number[];
  /** What hooks reported. */
  readonly events: StepEvent[];
  /** Notes on steps at which a method fell back to something other than its formula. */
  readonly notes: { readonly step: number; readonly note: string }[];
}

/** What is measured on validation data, by name. */
export type TaskValues = Readonly<Record<string, unknown>> & { readonly loss: number };

/** With more tasks, the cosines of all pairs would exceed everything else that a run records. */
const mostTasksWithPairs = 10;

/** A history of no steps. @param measures whether it is to have lists about gradients */
export function emptyHistory(tasks: readonly string[], measures: boolean): MultiTaskHistory {
  const lists = (count = tasks.length): number[][] => Array.from({ length: count }, () => []);
  const pairs = tasks.length <= mostTasksWithPairs ? (tasks.length * (tasks.length - 1)) / 2 : 0;
  return {
    tasks,
    losses: lists(),
    weights: lists(),
    norms: lists(measures ? tasks.length : 0),
    meanCosines: lists(measures ? tasks.length : 0),
    cosines: lists(measures ? pairs : 0),
    conflicts: { dominated: [], weak: [], many: [], released: [] },
    directionNorms: [],
    seconds: [],
    events: [],
    notes: [],
    epochs: [],
  };
}

/** The data that a step adds to a history. */
export interface StepRecord {
  readonly losses: Float64Array;
  readonly weights?: Float64Array | undefined;
  readonly gramian?: NdArray<Float64Array> | undefined;
  readonly directionNorm: number;
  /** Seconds of this step alone. */
  readonly seconds: number;
  readonly note?: string | undefined;
}

/** Adds a step to a history. */
export function recordStep(history: MultiTaskHistory, step: StepRecord): void {
  const { losses, weights, gramian, directionNorm, seconds, note } = step;
  const at = history.seconds.length;
  const conflict: Conflict | undefined = gramian && conflictOf(gramian);
  const tasks = losses.length;
  for (let k = 0; k < tasks; k++) {
    history.losses[k].push(losses[k]);
    history.weights[k].push(weights?.[k] ?? Number.NaN);
    if (!hasGradients(history)) continue;
    history.norms[k].push(conflict?.norms[k] ?? Number.NaN);
    history.meanCosines[k].push(conflict?.meanCosines[k] ?? Number.NaN);
  }
  let pair = 0;
  for (let i = 0; i < tasks && history.cosines.length > 0; i++) {
    for (let j = i + 1; j < tasks; j++) {
      history.cosines[pair++].push(conflict?.cosines.data[i * tasks + j] ?? Number.NaN);
    }
  }
  if (hasGradients(history)) {
    for (const kind of conflictTriggers)
      history.conflicts[kind].push(conflict ? Number(conflict[kind]) : Number.NaN);
  }
  history.directionNorms.push(directionNorm);
  history.seconds.push((history.seconds[at - 1] ?? 0) + seconds);
  if (note !== undefined) history.notes.push({ step: at, note });
}

const hasGradients = ({ norms }: MultiTaskHistory): boolean => norms.length > 0;

/**
 * A copy of the first steps of a history, for a run of the given tasks.
 *
 * @param measures whether the steps to come measure gradients: NaN of those before them that did not
 * @throws ShapeError when it has fewer steps, or other tasks
 */
export function tasksUpTo(
  steps: number,
  past: MultiTaskHistory,
  { tasks, measures }: { readonly tasks: readonly string[]; readonly measures: boolean },
): MultiTaskHistory {
  if (past.tasks.length !== tasks.length) {
    throw new ShapeError(`The history has ${past.tasks.length} tasks, this run has ${tasks.length}.`);
  }
  const cut = { ...historyUpTo(steps, past), tasks };
  if (!measures || hasGradients(cut)) return cut;
  // With one task, or many, there are no pairs: `cosines` is a list without lists.
  const unknown = mapColumns(emptyHistory(tasks, true), (_, path) =>
    path === "cosines" ? [] : new Array(steps).fill(Number.NaN),
  );
  const { norms, meanCosines, cosines, conflicts } = unknown;
  return { ...cut, norms, meanCosines, cosines, conflicts };
}
