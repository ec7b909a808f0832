import { OptionError } from "../../errors.js";
import type { RunState } from "../../train/state.js";
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
