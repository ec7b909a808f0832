import type { NdArray } from "../../array.js";
import { OptionError } from "../../errors.js";
import { namedArrays } from "../../named-arrays.js";
import type { OptimizerState } from "../../optim/optimizer.js";
import { checkBest } from "../../train/epoch-ends.js";
import type { BestEpoch } from "../../train/epoch-row.js";
import { checkArrays } from "../../train/state.js";
import type { SeenSources } from "./sources.js";
import type { PlainData } from "./step-hook.js";

/** Everything that changes in a run of several tasks, as plain data: what a checkpoint holds. */
export interface MultiTaskState<P> {
  /** Steps done. */
  readonly step: number;
  readonly params: P;
  /** The model's state, such as running statistics, or `{}`. */
  readonly state: unknown;
  readonly optimizer: OptimizerState;
  /** The method's state. */
  readonly method: PlainData;
  /** Sums of the losses over the steps of the epoch so far, [K]. */
  readonly epochLosses: Float64Array;
  /** The hook's memory; undefined without a hook. */
  readonly memory?: PlainData | undefined;
  /** The best epoch so far; left out unless a run keeps it. */
  readonly best?: BestEpoch<P, unknown> | undefined;
  /** Checksums of what has been seen of streams; left out without such. */
  readonly seen?: SeenSources | undefined;
}

/** The arrays of a state by their paths. */
export const arraysOf = <P>({ params, state, optimizer }: MultiTaskState<P>): Record<string, NdArray> =>
  namedArrays({ params, state, optimizer });

/**
 * Checks that a state can replace another.
 *
 * @throws ShapeError, DTypeError, OptionError
 */
export function checkState<P>(given: MultiTaskState<P>, current: MultiTaskState<P>): void {
  if (!Number.isSafeInteger(given.step) || given.step < 0) {
    throw new OptionError(`restore: the state's step must be an integer >= 0; got ${given.step}.`);
  }
  checkArrays(arraysOf(given), arraysOf(current), "The state");
  checkBest(given, current);
  const tasks = current.epochLosses.length;
  if (given.epochLosses.length !== tasks) {
    throw new OptionError(`restore: the state has ${given.epochLosses.length} tasks, this run has ${tasks}.`);
  }
}
