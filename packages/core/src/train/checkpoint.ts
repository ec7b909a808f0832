import type { NdArray } from "../array.js";
import { isNdArray } from "../array.js";
import { DataError, IsolossError } from "../errors.js";
import { namedArrays } from "../named-arrays.js";
import { withoutUndefined } from "../options.js";
import { flatten, unflatten } from "../tree.js";
import { decodeParts, encodeParts } from "./checkpoint-codec.js";
import type { History } from "./history.js";
import { type ResumeOptions, type RunSettings, requireSameSettings } from "./run-settings.js";
import { arraysOf, checkArrays, type TrainState } from "./state.js";

const format = "isoloss-checkpoint-3";

/** A run as it is stored: arrays by path, and the rest as plain data. */
export interface StoredRun<R, H> {
  /** Parameters, state and optimizer's state under their paths: `params.layers.0.weight`. */
  readonly tensors: Readonly<Record<string, NdArray>>;
  /** The rest of the run's state: the number of steps done, and the states of method and schedule. */
  readonly rest: R & { readonly step: number };
  readonly history: H;
  /** Settings of the run that wrote it. */
  readonly settings: RunSettings;
}

/** A checkpoint of a trainer or a minimization as read from a file. */
export type Checkpoint = StoredRun<Rest, History>;

/** A state without step and arrays. */
type Rest = Pick<TrainState<unknown, unknown>, "schedule" | "best" | "seen">;

/** A run from which a checkpoint can be created: a trainer, or a minimization in progress. */
export interface CheckpointSource<T, H> {
  readonly current: T;
  readonly history: H;
  readonly settings: RunSettings;
}

/** The plain data of a checkpoint. */
interface Plain extends Rest {
  readonly teleports: History["teleports"];
  /** Left out if there are none, as in files of before there were any. */
  readonly epochs?: History["epochs"] | undefined;
  readonly settings: RunSettings;
}

/**
 * The state of a training run as the bytes of one safetensors file: parameters, optimizer and model state as tensors
 * under their paths (`params.layers.0.weight`), the history as `history.loss` and so on, the step, the teleports, the
 * run's settings and a checksum in the metadata. A single file, so that a crash cannot leave half a
 * checkpoint (see `saveCheckpoint`).
 *
 * @param run a trainer, or the argument of a minimization's `onLoop`
 *
 * @example
 * const bytes = encodeCheckpoint(trainer);
 */
export function encodeCheckpoint<P, S>(run: CheckpointSource<TrainState<P, S>, History>): Uint8Array {
  const { current, history, settings } = run;
  const { loss, seconds, gradNormSq, teleports, epochs } = history;
  const { step, schedule, best, seen } = current;
  return encodeParts<Plain>(format, {
    step,
    tensors: arraysOf(current),
    columns: { loss, seconds, ...(gradNormSq.length > 0 ? { gradNormSq } : {}) },
    plain: {
      ...withoutUndefined({ schedule, best, seen }),
      teleports,
      ...(epochs.length > 0 ? { epochs } : {}),
      settings,
    },
  });
}

/**
 * Reads a checkpoint.
 *
 * @throws DataError when the bytes are not a checkpoint of this library or are damaged
 *
 * @example
 * const { rest, tensors } = decodeCheckpoint(bytes);
 * console.log(rest.step, Object.keys(tensors));
 */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const { step, tensors, columns, plain } = decodeParts<Plain>(format, "a checkpoint", bytes);
  const { loss, seconds, gradNormSq = [] } = columns;
  const { schedule, best, seen, teleports, epochs = [], settings } = plain;
  if (!Number.isSafeInteger(step) || step < 0 || loss?.length !== step || seconds?.length !== step) {
    throw new DataError(
      `A checkpoint has a step >= 0 and a history of as many losses and times; got step ${step}, ` +
        `${loss?.length ?? "no"} losses and ${seconds?.length ?? "no"} times.`,
    );
  }
  return {
    tensors,
    rest: { step, ...withoutUndefined({ schedule, best, seen }) },
    settings,
    history: {
      loss: Array.from(loss),
      seconds: Array.from(seconds),
      gradNormSq: Array.from(gradNormSq),
      teleports,
      epochs,
    },
  };
}

/** A trainer, of one task or of several, that can resume from a checkpoint. */
export interface Resumable<T, H> extends CheckpointSource<T, H> {
  restore(state: T, history?: H): void;
}

/**
 * Lets a trainer, of one task or of several, continue from a checkpoint. Created with the options of the run
 * that wrote it, it continues with the same numbers, bit for bit. List settings that are changed on purpose,
 * such as a learning rate for fine-tuning, in `allowChanges`.
 *
 * Model, loss and the optimizer's options are compared as a checksum of the step's graph. Functions of the host, such as
 * the search of a teleport or a method's options, are not compared.
 *
 * @throws DataError when the arrays do not fit the trainer's model and optimizer, or the run had other
 *   settings that may not change; OptionError for an unknown setting in `allowChanges`
 *
 * @example
 * resume(trainer, decodeCheckpoint(bytes));
 * resume(trainer, decodeCheckpoint(bytes), { allowChanges: ["learningRate"] });
 */
export function resume<T extends StateTrees, R, H>(
  trainer: Resumable<T, H>,
  checkpoint: StoredRun<R, H>,
  options: ResumeOptions = {},
): void {
  trainer.restore(resumedState(trainer, checkpoint, options), checkpoint.history);
}

/** The trees of arrays of a run's state. */
interface StateTrees {
  readonly params: unknown;
  readonly state: unknown;
  readonly optimizer: unknown;
}

/**
 * Restores a run's state from a checkpoint.
 *
 * @param run the run to continue, with arrays of the same paths and types and the same settings
 * @throws DataError when the checkpoint belongs to another run
 */
export function resumedState<T extends StateTrees, R>(
  { current, settings }: { readonly current: T; readonly settings: RunSettings },
  checkpoint: Pick<StoredRun<R, unknown>, "tensors" | "rest" | "settings">,
  options: ResumeOptions = {},
): T {
  const { params, state, optimizer } = current;
  const trees = { params, state, optimizer };
  try {
    checkArrays(checkpoint.tensors, namedArrays(trees), "The checkpoint");
  } catch (cause) {
    if (!(cause instanceof IsolossError)) throw cause;
    throw new DataError(otherOptimizer(settings, checkpoint.settings) + cause.message, { cause });
  }
  requireSameSettings(settings, checkpoint.settings, options);
  const { paths, def } = flatten<NdArray>(trees, isNdArray);
  const stored = unflatten(
    def,
    paths.map((path) => checkpoint.tensors[path]),
  ) as StateTrees;
  const isChanged = (name: string) => settings[name] !== checkpoint.settings[name];
  return withoutUndefined({
    ...current,
    // What the checkpoint does not have is not what this run has had so far.
    best: undefined,
    memory: undefined,
    seen: undefined,
    ...checkpoint.rest,
    ...stored,
    // Other data on purpose are not those that were seen, and another method begins with its own state.
    ...(["data", "seed", "batchSize"].some(isChanged) ? { seen: undefined } : {}),
    ...(isChanged("method") ? { method: (current as { readonly method?: unknown }).method } : {}),
  });
}

/** Names the optimizers if they differ, the usual reason why arrays of a checkpoint do not fit. */
function otherOptimizer(here: RunSettings, stored: RunSettings): string {
  if (here.optimizer === stored.optimizer) return "";
  return `The checkpoint is of the optimizer ${stored.optimizer}, this run uses ${here.optimizer}: create the run with the same optimizer. `;
}
