import { dtypeOf, isNdArray, type NdArray } from "../array.js";
import { DTypeError, OptionError, ShapeError } from "../errors.js";
import { formatType, sameShape } from "../graph/tensor.js";
import type { OptimizerState } from "../optim/optimizer.js";
import { flatten, namedArrays, unflattenNamed } from "../tree.js";
import type { BestEpoch } from "./epoch-row.js";
import type { Seen } from "./seen.js";
import type { ScheduleState } from "./teleport-event.js";

/**
 * What changes in a run of one task or of several, as plain data.
 *
 * @typeParam Z checksums of what has been seen of streams
 */
export interface RunState<P, S, Z> {
  /** Steps done. */
  readonly step: number;
  readonly params: P;
  /** State of the model, such as running statistics, or `{}`. */
  readonly state: S;
  readonly optimizer: OptimizerState;
  /** The best epoch so far; left out unless a run keeps it. */
  readonly best?: BestEpoch<P, S> | undefined;
  /** Checksums of what has been seen; left out unless the data are a stream. */
  readonly seen?: Z | undefined;
}

/** Everything that changes while training, as plain data: what a checkpoint holds. */
export interface TrainState<P, S> extends RunState<P, S, Seen> {
  /** State of the schedule of the run's teleports; left out if the run has none. */
  readonly schedule?: ScheduleState | undefined;
}

/** Parameters and states of a run, without what else changes. */
type Trees = Pick<RunState<unknown, unknown, unknown>, "params" | "state" | "optimizer">;

/** The arrays of a state by their paths (`params.layers.0.weight`), which are the names of the step's inputs. */
export function arraysOf({ params, state, optimizer }: Trees): Record<string, NdArray> {
  return namedArrays({ params, state, optimizer });
}

/** Builds a state with the structure of another one from arrays by path. */
export function stateFrom<P, S>(
  like: TrainState<P, S>,
  arrays: Readonly<Record<string, NdArray>>,
  step: number,
  schedule = like.schedule,
): TrainState<P, S> {
  const { params, state, optimizer } = like;
  const flat = flatten<NdArray>({ params, state, optimizer }, isNdArray);
  const trees = unflattenNamed<Omit<TrainState<P, S>, "step">>(flat, arrays);
  return { ...like, step, ...trees, ...(schedule === undefined ? {} : { schedule }) };
}

/**
 * Checks that arrays by path can replace others.
 *
 * @throws ShapeError, DTypeError naming the first path that is missing, unknown or of another type
 */
export function checkArrays(
  given: Readonly<Record<string, NdArray>>,
  expected: Readonly<Record<string, NdArray>>,
  what: string,
): void {
  const describe = (a: NdArray) => formatType({ shape: a.shape, dtype: dtypeOf(a) });
  for (const [path, like] of Object.entries(expected)) {
    if (!Object.hasOwn(given, path)) {
      throw new ShapeError(`${what} does not fit this run: "${path}", ${describe(like)}, is missing.`);
    }
    const found = given[path];
    const isSame = dtypeOf(found) === dtypeOf(like);
    if (!isSame || !sameShape(found.shape, like.shape)) {
      const message = `${what} does not fit this run: "${path}" must be ${describe(like)}; got ${describe(found)}.`;
      throw isSame ? new ShapeError(message) : new DTypeError(message);
    }
  }
  const extra = Object.keys(given).find((path) => !Object.hasOwn(expected, path));
  if (extra !== undefined) {
    throw new ShapeError(
      `${what} does not fit this run: it has "${extra}", which this model and optimizer do not have. Does it belong to another run?`,
    );
  }
}

/**
 * Checks that a state can replace another: a count of steps, and the same paths and types, of its best epoch, too.
 *
 * @throws OptionError, ShapeError, DTypeError
 */
export function checkState<T extends RunState<unknown, unknown, unknown>>(given: T, current: T): void {
  if (!Number.isSafeInteger(given.step) || given.step < 0) {
    throw new OptionError(`restore: the state's step must be an integer >= 0; got ${given.step}.`);
  }
  checkArrays(arraysOf(given), arraysOf(current), "The state");
  if (given.best === undefined) return;
  const [best, like] = [given.best, current].map(({ params, state }) => namedArrays({ params, state }));
  checkArrays(best, like, "The best epoch of the state");
}
