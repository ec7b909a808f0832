import { OptionError } from "../../errors.js";
import { type CheckpointSource, decodeRun, encodeRun, type StoredRun } from "../../train/checkpoint.js";
import type { RunState } from "../../train/state.js";
import type { MultiTaskHistory } from "./history.js";
import type { SeenSources } from "./sources.js";
import type { PlainData } from "./step-hook.js";

/** Everything that changes in a run of several tasks, as plain data: what a checkpoint holds. */
export interface MultiTaskState<P> extends RunState<P, unknown, SeenSources> {
  /** The method's state. */
  readonly method: PlainData;
  /** Sums of the losses over the steps of the epoch so far, [K]. */
  readonly epochLosses: Float64Array;
  /** The hook's memory; undefined without a hook. */
  readonly memory?: PlainData | undefined;
}

/** @throws OptionError unless a state is of as many tasks as a run */
export function checkTasks({ epochLosses }: MultiTaskState<unknown>, tasks: readonly string[]): void {
  if (epochLosses.length === tasks.length) return;
  throw new OptionError(`restore: the state has ${epochLosses.length} tasks, this run has ${tasks.length}.`);
}

/** A run of several tasks as read from a file. */
export type MultiTaskCheckpoint = StoredRun<
  Omit<MultiTaskState<unknown>, "params" | "state" | "optimizer">,
  MultiTaskHistory
>;

/**
 * A run of several tasks as the bytes of one safetensors file: parameters and the optimizer's state under their paths, the
 * state of the method and of the hook, the history, the run's settings, and a checksum.
 *
 * @throws DataError unless the states of method and hook are plain data
 *
 * @example
 * const bytes = encodeMultiTaskCheckpoint(trainer);
 */
export const encodeMultiTaskCheckpoint = <P>(
  run: CheckpointSource<MultiTaskState<P>, MultiTaskHistory>,
): Uint8Array => encodeRun(run);

/**
 * Reads a checkpoint of several tasks, from which `resume` lets a trainer continue.
 *
 * @throws DataError when the bytes are not such a checkpoint or are damaged
 *
 * @example
 * resume(trainer, decodeMultiTaskCheckpoint(bytes));
 */
export const decodeMultiTaskCheckpoint = (bytes: Uint8Array): MultiTaskCheckpoint =>
  decodeRun(bytes, { hasTasks: true }) as MultiTaskCheckpoint;
