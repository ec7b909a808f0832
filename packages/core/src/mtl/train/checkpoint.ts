import type { CheckpointSource, StoredRun } from "../../train/checkpoint.js";
import { decodeParts, encodeParts } from "../../train/checkpoint-codec.js";
import type { RunSettings } from "../../train/run-settings.js";
import { arraysOf } from "../../train/state.js";
import { columnsOf, historyFrom, type MultiTaskHistory } from "./history.js";
import type { MultiTaskState } from "./train-state.js";

const format = "isoloss-multi-task-2";

/** The state of a run without its arrays. */
type Rest = Omit<MultiTaskState<unknown>, "params" | "state" | "optimizer">;

/** A run of several tasks as read from a file. */
export type MultiTaskCheckpoint = StoredRun<Rest, MultiTaskHistory>;

/** The data that are not stored as tensors of their own. */
interface Plain {
  readonly state: Rest;
  readonly history: Pick<MultiTaskHistory, "tasks" | "events" | "notes"> &
    Partial<Pick<MultiTaskHistory, "epochs">>;
  readonly settings: RunSettings;
}

/**
 * A run of several tasks as the bytes of one safetensors file: parameters and the optimizer's state under their paths, the
 * state of the method and of the hook, the history, the run's settings, and a checksum.
 *
 * @throws DataError unless the states of method and hook are plain data
 *
 * @example
 * const bytes = encodeMultiTaskCheckpoint(trainer);
 */
export function encodeMultiTaskCheckpoint<P>(
  run: CheckpointSource<MultiTaskState<P>, MultiTaskHistory>,
): Uint8Array {
  const { current, history, settings } = run;
  const { params: _, state: __, optimizer: ___, ...state } = current;
  const { tasks, events, notes, epochs } = history;
  return encodeParts<Plain>(format, {
    step: current.step,
    tensors: arraysOf(current),
    columns: columnsOf(history),
    plain: { state, history: { tasks, events, notes, ...(epochs.length > 0 ? { epochs } : {}) }, settings },
  });
}

/**
 * Reads a checkpoint of several tasks, from which `resume` lets a trainer continue.
 *
 * @throws DataError when the bytes are not such a checkpoint or are damaged
 *
 * @example
 * resume(trainer, decodeMultiTaskCheckpoint(bytes));
 */
export function decodeMultiTaskCheckpoint(bytes: Uint8Array): MultiTaskCheckpoint {
  const { tensors, columns, plain } = decodeParts<Plain>(format, "a checkpoint of several tasks", bytes);
  const { state, history, settings } = plain;
  return {
    tensors,
    rest: state,
    settings,
    history: historyFrom(history.tasks, columns, history, { steps: state.step }),
  };
}
